"""Digests of weights: per tensor, as the store has them, and named as the user would."""

from __future__ import annotations

import copy

import pytest
import torch
from blake3 import blake3
from torch import nn

from nbtrack.store import Store
from nbtrack.versioning.contents.weights import (
    combined_digest,
    first_difference,
    keep_weights,
    kept_tensor,
    weight_digests,
)


class Tied(nn.Module):
    """Shared weights, a buffer that no state dict has, a frozen and a half-precision parameter."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 3)
        self.head = nn.Linear(3, 5)
        self.head.weight = self.embed.weight
        self.norm = nn.BatchNorm1d(5)
        self.register_buffer("mask", torch.ones(2, 2).tril().bool(), persistent=False)
        self.scale = nn.Parameter(torch.ones(3, dtype=torch.bfloat16), requires_grad=False)
        self.phase = nn.Parameter(torch.ones(2, dtype=torch.complex64))

    def forward(self, index):
        return self.norm(self.head(self.embed(index)))


@pytest.fixture
def trained():
    torch.manual_seed(0)
    model = Tied()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)
    model(torch.tensor([1, 2, 3])).sum().backward()
    optimizer.step()
    return {"model": model, "optimizer": optimizer}


@pytest.fixture
def blobs(tmp_path):
    return Store(tmp_path / "store").blobs


def test_a_digest_is_that_of_the_raw_bytes(trained):
    found = weight_digests(trained)
    weight = trained["model"].embed.weight
    twin = blake3(weight.detach().numpy().tobytes()).hexdigest()
    assert found["model/embed.weight"] == {"digest": twin, "dtype": "float32", "shape": [5, 3]}
    assert found["model/head.weight"] == found["model/embed.weight"]
    names = {"model/mask", "model/scale", "model/phase", "model/norm.num_batches_tracked"}
    assert names < set(found)
    assert found["optimizer/state/1/exp_avg"]["shape"] == [5, 3]  # 0, the phase, has no gradient
    assert found["optimizer/groups/0"]["values"]["lr"] == 0.01
    assert next(iter(found)) == "model/scale"


def test_all_that_a_state_dict_has_is_listed(trained):
    found = weight_digests(trained)
    assert {f"model/{name}" for name in trained["model"].state_dict()} < set(found)
    state = trained["optimizer"].state_dict()["state"]
    assert {f"optimizer/state/{i}/{key}" for i in state for key in state[i]} < set(found)


def test_kept_tensors_have_the_digests_of_their_blobs_and_come_back(trained, blobs):
    kept = keep_weights(blobs, trained)
    assert kept == weight_digests(trained)
    assert all(entry["digest"] in blobs for entry in kept.values())
    for name, value in trained["model"].state_dict().items():
        back = kept_tensor(blobs, kept[f"model/{name}"])
        assert back.dtype == value.dtype
        assert torch.equal(back, value)
    with pytest.raises(ValueError, match="json"):
        kept_tensor(blobs, kept["optimizer/groups/0"])


def test_an_unchanged_tensor_is_kept_once(blobs):
    model = nn.Sequential(nn.Linear(50, 50), nn.Linear(50, 2))
    keep_weights(blobs, {"model": model})
    before = set(blobs)
    nn.init.zeros_(model[1].weight)
    keep_weights(blobs, {"again": model})
    assert len(set(blobs) - before) == 1


def test_a_tensor_of_many_chunks_has_the_digest_of_its_blob(blobs):
    values = {"w": torch.randn(3 * 2**20), "t": torch.randn(1200, 1000).T}
    assert keep_weights(blobs, values) == weight_digests(values)
    assert torch.equal(kept_tensor(blobs, weight_digests(values)["t"]), values["t"])


def test_wrappers_leave_no_trace_in_the_names():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    plain = weight_digests({"model": model})
    assert weight_digests({"model": torch.compile(model)}) == plain
    assert weight_digests({"model": nn.DataParallel(model)}) == plain
    inside = nn.Sequential(torch.compile(model[0]), nn.ReLU(), model[2])
    assert weight_digests({"model": inside}) == plain


def test_a_submodule_called_module_keeps_its_name():
    model = nn.Module()
    model.module = nn.Linear(1, 1)
    assert list(weight_digests({"m": model})) == ["m/module.weight", "m/module.bias"]


def test_lists_dicts_and_single_tensors_are_named_by_place():
    values = {
        "params": [torch.zeros(2), torch.ones(2)],
        "w": torch.ones(2),
        "d": {"b": torch.ones(1)},
    }
    found = weight_digests(values)
    assert list(found) == ["params/0", "params/1", "w", "d/b"]
    assert found["w"] == found["params/1"] != found["params/0"]


def test_the_first_difference_is_named(trained):
    before = weight_digests(trained)
    assert first_difference(before, weight_digests(copy.deepcopy(trained))) is None
    with torch.no_grad():
        trained["model"].head.bias[2] += 1e-6
    trained["optimizer"].param_groups[0]["lr"] = 0.02
    after = weight_digests(trained)
    assert first_difference(before, after) == ("model/head.bias", "other values")
    del before["model/head.bias"], after["model/head.bias"]
    assert first_difference(before, after) == ("optimizer/groups/0", "lr 0.01 → 0.02")
    w = weight_digests({"w": torch.zeros(2, 3)})
    assert first_difference(w, weight_digests({"w": torch.zeros(3, 2)})) == ("w", "shape 2×3 → 3×2")
    assert first_difference(w, weight_digests({"w": torch.zeros(2, 3).double()})) == (
        "w",
        "float32 → float64",
    )
    assert first_difference(w, {}) == ("w", "only in the first")
    assert first_difference({}, w) == ("w", "only in the second")


def test_the_combined_digest_depends_on_everything_but_the_order():
    one, two = torch.zeros(2), torch.ones(2)
    whole = combined_digest(weight_digests({"a": one, "b": two}))
    assert whole == combined_digest(weight_digests({"b": two, "a": one}))
    others = [{"a": two, "b": one}, {"a": one, "c": two}, {"a": one}, {"a": one.int(), "b": two}]
    assert whole not in {combined_digest(weight_digests(each)) for each in others}


def test_optimizers_of_all_sorts_are_listed():
    weight = nn.Parameter(torch.ones(3, 2))
    made = [
        torch.optim.SGD([weight], lr=0.1, momentum=0.9),
        torch.optim.LBFGS([weight]),
        torch.optim.Adagrad([weight]),
        torch.optim.Adam([weight], lr=torch.tensor(0.1)),
    ]
    for optimizer in made:

        def closure(optimizer=optimizer):
            optimizer.zero_grad()
            loss = (weight**2).sum()
            loss.backward()
            return loss

        before = weight_digests({"o": optimizer})
        optimizer.step(closure)
        after = weight_digests({"o": optimizer})
        assert first_difference(before, after) is not None
        assert any(entry["dtype"] == "float32" for entry in after.values())
    assert "o/groups/0/lr" in after


def test_uninitialised_parameters_are_passed_over():
    assert weight_digests({"m": nn.LazyLinear(3)}) == {}


@pytest.mark.filterwarnings("ignore")
def test_sparse_tensors_are_listed_by_their_parts():
    found = weight_digests({"s": torch.eye(3).to_sparse()})
    assert list(found) == ["s/indices", "s/values"]


def test_nothing_is_changed(trained, blobs):
    model = trained["model"]
    versions = [p._version for p in model.parameters()]
    grads = [p.grad for p in model.parameters()]
    state = torch.get_rng_state()
    keep_weights(blobs, trained)
    assert [p._version for p in model.parameters()] == versions
    assert all(a is b for a, b in zip(grads, (p.grad for p in model.parameters()), strict=True))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.untyped_storage().resizable() for p in model.parameters())


@pytest.mark.gpu
def test_weights_on_a_gpu_have_the_digests_of_their_copies():
    model = nn.Linear(3000, 2000)
    plain = weight_digests({"m": model})
    assert weight_digests({"m": model.cuda()}) == plain
