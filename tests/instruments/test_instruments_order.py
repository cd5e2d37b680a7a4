"""The order of the samples: equal for equal batches in equal order, else different."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from blake3 import blake3
from torch.utils.data import DataLoader, TensorDataset

from nbtrack.instruments.order import SampleOrder


def order_of(*batches):
    order = SampleOrder()
    for batch in batches:
        order.batch(batch)
    assert order.skipped == {}
    assert order.num_batches == len(batches)
    return order


def digest(*batches):
    return order_of(*batches).digest


def images(n=8):
    return torch.randn(n, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def test_the_same_loader_twice_gives_the_same_order_and_another_seed_another():
    data = TensorDataset(torch.randn(64, 5), torch.arange(64))

    def epoch(seed):
        loader = DataLoader(
            data, batch_size=10, shuffle=True, generator=torch.Generator().manual_seed(seed)
        )
        return order_of(*loader)

    assert epoch(0).digest == epoch(0).digest != epoch(1).digest
    assert (epoch(0).num_batches, epoch(0).num_samples) == (7, 64)


def test_the_first_batch_that_differs_is_found():
    batches = [torch.randn(4, 3) for _ in range(6)]
    a = order_of(*batches).digests()
    changed = [*batches[:4], batches[4] + 1, batches[5]]
    b = order_of(*changed).digests()
    assert [n for n in range(6) if a[8 * n : 8 * n + 8] != b[8 * n : 8 * n + 8]] == [4]
    assert len(a) == 48
    assert order_of(*batches).digest == blake3(a).hexdigest()
    assert SampleOrder().digest is None


@pytest.mark.parametrize("n", [8, 300, 3000])
def test_two_swapped_rows_of_large_batches_are_seen(n):
    batch = torch.randn(n, 3, 16, 16)
    swapped = batch.clone()
    swapped[[0, 6]] = swapped[[6, 0]]
    assert digest(batch) == digest(batch.clone()) != digest(swapped)


def test_any_change_of_a_small_batch_is_seen():
    batch = torch.zeros(16, 16)
    for place in range(0, 256, 37):
        changed = batch.clone()
        changed.view(-1)[place] = 1
        assert digest(changed) != digest(batch)


LAYOUTS = {
    "channels last": lambda: images().contiguous(memory_format=torch.channels_last),
    "every second": lambda: images().repeat_interleave(2, 0)[::2],
    "with a gradient": lambda: images().requires_grad_(),
    "NumPy": lambda: images().numpy(),
    "inference": lambda: torch.inference_mode()(lambda: images() + 0)(),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout_does_not_matter(name):
    assert digest(LAYOUTS[name]()) == digest(images())


BATCHES = {
    "pair": lambda x: [x, torch.arange(8)],
    "dict": lambda x: {"text": ["a"] * 8, "ids": x},
    "nested": lambda x: (torch.ones(8), [{"x": x}]),
    "object": lambda x: _Batch(x),
    "bf16": lambda x: x.bfloat16(),
    "bool": lambda x: x > 0.3,
    "complex": lambda x: torch.complex(x, x),
    "int": lambda x: (x * 100).int(),
}


class _Batch:
    def __init__(self, x):
        self.x = x


@pytest.mark.parametrize("name", BATCHES)
def test_batches_of_any_shape_are_read(name):
    make, x = BATCHES[name], images()
    order = order_of(make(x))
    assert order.digest == digest(make(x.clone())) != digest(make(x.flip(0)))
    assert order.num_samples == 8


def test_texts_and_numbers_are_read():
    assert digest(["a", "b"]) != digest(["b", "a"])
    assert digest([1, 2]) != digest([1, 3])


def test_an_index_is_read_in_full():
    index = torch.randperm(5000)
    swapped = index.clone()
    swapped[[4000, 4001]] = swapped[[4001, 4000]]
    found = set()
    for each in (index, index.tolist(), index.numpy(), index.int(), swapped):
        order = SampleOrder()
        order.index(each)
        assert (order.num_batches, order.num_samples, order.skipped) == (1, 5000, {})
        found.add(order.digest)
    assert len(found) == 2


def test_what_cannot_be_read_is_said_and_never_raises():
    class Odd:
        shape, dtype = (3,), "odd"

    class Worse:
        @property
        def shape(self):
            raise RuntimeError

    order = SampleOrder()
    for batch in (torch.empty(3, device="meta"), torch.eye(3).to_sparse(), Odd(), Worse(), None):
        order.batch(batch)
    order.index("no index")
    assert order.num_batches == 6
    assert order.skipped == {
        "meta": 1,
        "torch.sparse_coo": 1,
        "Odd": 1,
        "RuntimeError": 1,
        "TypeError": 1,
    }


def test_nothing_is_drawn_or_changed():
    batch = torch.randn(64, 100)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    order_of([batch, torch.arange(64)])
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states[1:]
    assert batch._version == 0
    assert batch.untyped_storage().resizable()


@pytest.mark.gpu
def test_a_batch_on_a_gpu_is_not_waited_for():
    batch = images().cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        order = SampleOrder()
        order.batch([batch, torch.arange(8)])
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert order.skipped == {"cuda": 1}
    assert (order.num_batches, order.num_samples) == (1, 8)
