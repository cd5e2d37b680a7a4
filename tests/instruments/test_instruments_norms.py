"""The fused norms against a slow, plain twin; weight norms and update ratios by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from nbtrack.instruments import norms as room
from nbtrack.instruments.budget import LoopTime
from nbtrack.instruments.plan import Plan
from nbtrack.instruments.points import Held
from nbtrack.instruments.reader import Reader


def slow(tensor):
    """One number at a time, in double precision."""
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    return math.sqrt(math.fsum(abs(value) ** 2 for value in tensor.flatten().tolist()))


def tensors_of_many_kinds():
    generator = torch.Generator().manual_seed(3)
    plain = [torch.randn(shape, generator=generator) for shape in [(3, 4), (7,), (), (2, 3, 5)]]
    index = torch.tensor([[0, 2, 2, 0]])
    rows = torch.randn(4, 3, generator=generator)
    return [
        *plain,
        plain[0].double(),
        plain[1].to(torch.bfloat16),
        plain[1].half(),
        torch.randn(4, dtype=torch.complex64, generator=generator),
        torch.sparse_coo_tensor(
            index, rows, (5, 3), check_invariants=True
        ),  # not coalesced: rows add up
        torch.randn(6, 4, generator=generator).t(),
        torch.zeros(3),
        torch.empty(0),
    ]


def flat(parts, count):
    found = [None] * count
    for indices, values in parts:
        for index, value in zip(indices, values, strict=True):
            found[index] = value
    return found


def test_norms_of_every_kind_equal_the_slow_twin():
    tensors = tensors_of_many_kinds()
    versions = [tensor._version for tensor in tensors]
    found = flat(room.norms(tensors), len(tensors))
    assert found == pytest.approx([slow(tensor) for tensor in tensors], rel=1e-6)
    together = math.sqrt(math.fsum(slow(tensor) ** 2 for tensor in tensors))
    assert room.total(room.norms(tensors)) == pytest.approx(together, rel=1e-6)
    assert [tensor._version for tensor in tensors] == versions
    assert not tensors[8].is_coalesced()


def test_half_types_are_summed_in_single_precision():
    ones = torch.ones(4096, dtype=torch.bfloat16)
    assert flat(room.norms([ones]), 1) == [64.0]
    halves = torch.full((4096,), 256.0, dtype=torch.float16)  # squares overflow float16
    assert flat(room.norms([halves]), 1) == [16384.0]


def test_gradients_that_require_grad_build_no_graph():
    x = torch.ones(3, requires_grad=True)
    (slope,) = torch.autograd.grad((x**2).sum(), x, create_graph=True)
    assert flat(room.norms([slope]), 1) == pytest.approx([math.sqrt(12.0)])
    meta = torch.ones(2, device="meta", requires_grad=True)
    (_, values) = room.norms([meta * 2])[0]
    assert values.grad_fn is None


def test_on_a_device_everything_stays_there():
    """The meta device has no values: whoever asks for one raises, as a sync under CUDA would."""
    parts = room.norms([torch.ones(3, device="meta"), torch.ones(2, 2, device="meta")])
    ((_, values),) = parts
    assert values.device.type == "meta"
    assert values.shape == (2,)
    assert room.total(parts).shape == ()
    assert room.nonfinite(parts).shape == ()
    assert room.scaled(parts, 0.5)[0][1].shape == (2,)
    assert room.ratios(parts, parts)[0][1].shape == (2,)
    mixed = room.norms([torch.ones(3, device="meta"), torch.ones(4)])
    assert room.total(mixed).device.type == "meta"


def test_nonfinite_norms_are_counted():
    parts = room.norms([torch.tensor([1.0]), torch.tensor([math.nan]), torch.tensor([math.inf])])
    assert room.nonfinite(parts) == 2.0
    assert math.isnan(room.total(parts))
    assert room.nonfinite(room.norms([torch.ones(3)])) == 0.0


def test_no_tensor_at_all_has_norm_zero():
    assert room.norms([]) == []
    assert room.total([]) == 0.0


def test_ratio_of_zero_weights_is_what_tensors_say():
    assert room.ratio(1.0, 0.0) == math.inf
    assert math.isnan(room.ratio(0.0, 0.0))
    assert room.ratio(1.0, 4.0) == 0.25


def test_weight_norm_is_before_the_step_and_the_ratio_is_how_far_it_went(record):
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[6.0, 8.0]]))  # norm 10
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record.running():
        for _ in range(2):
            optimizer.zero_grad()
            model(torch.tensor([[3.0, 4.0]])).sum().backward()
            optimizer.step()  # by 0.1 * 5, straight down
    assert record.values("weight_norm/total") == pytest.approx([10.0, 9.5])
    assert record.values("weight_norm/weight") == pytest.approx([10.0, 9.5])
    assert record.values("update_ratio/total") == pytest.approx([0.05, 0.5 / 9.5])
    assert record.values("update_ratio/weight") == pytest.approx([0.05, 0.5 / 9.5])


def test_frozen_parameters_are_left_out_and_shared_ones_count_once(record):
    first, last = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    last.weight = first.weight
    frozen = nn.Linear(2, 2, bias=False)
    frozen.weight.requires_grad_(False)
    model = nn.Sequential(first, frozen, last)
    every = [first.weight, frozen.weight]
    optimizer = torch.optim.SGD(every, lr=0.1)
    before = first.weight.detach().norm().item()
    with record.running():
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
    assert record.keys("grad_norm/") == ["grad_norm/0.weight", "grad_norm/total"]
    assert record.values("weight_norm/total") == pytest.approx([before])
    assert record.keys("update_ratio/") == ["update_ratio/0.weight", "update_ratio/total"]


def test_parameters_unused_by_a_loss_have_no_gradient_norm_at_that_step(record):
    model = nn.ModuleDict({"used": nn.Linear(2, 1), "idle": nn.Linear(2, 1)})
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record.running():
        model["used"](torch.ones(1, 2)).sum().backward()
        optimizer.step()
    assert [key for key in record.keys("grad_norm/") if "idle" in key] == []
    assert "weight_norm/idle.weight" in record.points


def test_sparse_gradients_of_repeated_rows_add_up(record):
    embedding = nn.Embedding(5, 1, sparse=True)
    optimizer = torch.optim.SparseAdam(embedding.parameters(), lr=0.1)
    with record.running():
        embedding(torch.tensor([1, 1, 1, 2])).sum().backward()  # 3 and 1
        optimizer.step()
    assert record.values("grad_norm/weight") == pytest.approx([math.sqrt(10.0)])


def test_weights_too_large_to_copy_have_no_ratio():
    parameters = [torch.full((n,), 2.0, requires_grad=True) for n in (4, 4, 100)]
    reader = Reader(Plan(LoopTime(), None, print), parameters, ["a", "b", "c"], copy_limit=50)
    held = Held()
    reader.plan.begin(0)
    reader.before_update()
    with torch.no_grad():
        for parameter in parameters:
            parameter += 1.0
    reader.after_update(held, 0)
    puts = dict(held._puts)
    assert puts["weight_norm/total"] == pytest.approx(math.sqrt(108 * 4.0))
    assert "update_ratio/total" not in puts
    parts = {key: value for keys, part in held._parts for key, value in pairs(keys, part)}
    assert parts["update_ratio/a"] == parts["update_ratio/b"] == pytest.approx(0.5)
    assert parts["weight_norm/c"] == pytest.approx(20.0)
    assert "update_ratio/c" not in parts
    assert reader.left_out == 1


def pairs(keys, parts):
    return zip(keys, flat(parts, len(keys)), strict=True)


def test_a_learning_rate_that_is_a_tensor_is_read(record):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(
        [
            {"params": [model.weight], "lr": torch.tensor(0.25)},
            {"params": [model.bias], "lr": 0.5},
        ]
    )
    with record.running():
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
    assert record.values("lr/group0") == [0.25]
    assert record.values("lr/group1") == [0.5]


def test_a_group_added_later_is_read_from_then_on(record):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD([model.weight], lr=0.1)
    with record.running():
        for turn in range(3):
            if turn == 1:
                optimizer.add_param_group({"params": [model.bias], "lr": 0.2})
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
    assert record.steps("lr/group1") == [1, 2]
    assert record.steps("grad_norm/weight") == [0, 1, 2]
    assert record.steps("grad_norm/bias") == [1, 2]
