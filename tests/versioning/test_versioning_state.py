"""Variables given back: what belonged together still does, and training goes on as if never cut."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pandas as pd
import pytest
import torch

from nbtrack.errors import BlobNotFound
from nbtrack.store import Store
from nbtrack.versioning.contents.state import give_back_state, keep_state, small_values


@pytest.fixture
def blobs(tmp_path):
    return Store(tmp_path / "store").blobs


def notebook(code: str, **names):
    """The variables of a notebook after a cell: functions and classes of it belong to __main__."""
    namespace = {"__name__": "__main__", "torch": torch, **names}
    exec(textwrap.dedent(code), namespace)
    return namespace


def variables(namespace):
    return {name: value for name, value in namespace.items() if not name.startswith("__")}


def round_trip(blobs, values, **options):
    kept = json.loads(json.dumps(keep_state(blobs, values)))
    return give_back_state(blobs, kept, **options)


TRAINING = """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(8, 64), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(64, 1)
        )
        self.tied = self.layers[0].weight

    def forward(self, x):
        return self.layers(x)

def train(num_steps):
    for _ in range(num_steps):
        index = torch.randint(0, len(x), (16,), generator=g)
        optimizer.zero_grad()
        loss = ((model(x[index]) - y[index]) ** 2).mean()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())

torch.manual_seed(0)
g = torch.Generator().manual_seed(1)
x = torch.randn(100, 8)
y = x.sum(1, keepdim=True)
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 40)
losses = []
train(15)
"""


def test_training_goes_on_bit_for_bit_as_if_it_had_not_stopped(blobs):
    cell = notebook(TRAINING)
    kept, random_state = keep_state(blobs, variables(cell)), torch.get_rng_state()
    assert kept["left_out"] == {}
    cell["train"](15)

    fresh = {"__name__": "__main__"}
    give_back_state(blobs, kept, fresh)
    torch.set_rng_state(random_state)
    assert fresh["losses"] == cell["losses"][:15]
    fresh["train"](15)
    assert fresh["losses"] == cell["losses"]
    assert fresh["scheduler"].get_last_lr() == cell["scheduler"].get_last_lr()
    for (name, mine), theirs in zip(
        fresh["model"].named_parameters(), cell["model"].parameters(), strict=True
    ):
        assert torch.equal(mine, theirs), name
        assert torch.equal(mine.grad, theirs.grad), name


def test_another_process_goes_on_bit_for_bit(tmp_path):
    """The notebook's class and function are known to no module there."""
    program = """
    import json, sys
    from nbtrack.store import Store
    from nbtrack.versioning.contents.state import give_back_state
    import torch
    torch.set_num_threads(1)
    give_back_state(Store(sys.argv[1]).blobs, json.load(open(sys.argv[2])), globals())
    torch.manual_seed(5)
    train(15)
    print(json.dumps(losses))
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    cell = notebook(TRAINING)
    kept = keep_state(Store(tmp_path / "store").blobs, variables(cell))
    (tmp_path / "kept.json").write_text(json.dumps(kept))
    torch.manual_seed(5)
    cell["train"](15)
    torch.set_num_threads(threads)
    args = [str(tmp_path / "store"), str(tmp_path / "kept.json")]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *args],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == cell["losses"]


def test_the_optimizer_moves_the_weights_of_the_model(blobs):
    back = round_trip(blobs, variables(notebook(TRAINING)))
    model, optimizer = back["model"], back["optimizer"]
    assert model.tied is model.layers[0].weight is optimizer.param_groups[0]["params"][0]
    before = model.tied.detach().clone()
    model(back["x"]).sum().backward()
    optimizer.step()
    assert not torch.equal(model.tied, before)
    assert back["scheduler"].optimizer is optimizer


def test_gradients_that_are_still_to_be_used_come_back(blobs):
    model = torch.nn.Linear(30, 30)
    model(torch.ones(2, 30)).sum().backward()
    back = round_trip(blobs, {"model": model, "grad": model.weight.grad})
    assert torch.equal(back["model"].weight.grad, model.weight.grad)
    assert back["model"].weight.grad is back["grad"]
    assert isinstance(back["model"].weight, torch.nn.Parameter)


def test_functions_see_the_variables_of_the_notebook(blobs):
    cell = notebook(
        "lr = 0.1\ndef rate(): return lr\nclass A:\n    def f(self): return lr\na = A()"
    )
    here = {"__name__": "__main__", "other": 1}
    back = give_back_state(blobs, keep_state(blobs, variables(cell)), here)
    assert back["rate"]() == here["a"].f() == 0.1
    here["lr"] = 0.5
    assert here["rate"]() == here["a"].f() == 0.5
    assert here["other"] == 1


def test_a_function_that_uses_what_cannot_be_kept_is_kept(blobs, tmp_path):
    with (tmp_path / "log.txt").open("w") as log:
        cell = notebook("def note(text): log.write(text)", log=log)
        kept = keep_state(blobs, variables(cell))
        assert list(kept["left_out"]) == ["log"]
        here = {"__name__": "__main__"}
        give_back_state(blobs, kept, here)
        written = []
        here["log"] = type("Log", (), {"write": staticmethod(written.append)})
        here["note"]("hello")
    assert written == ["hello"]


def test_shared_memory_is_shared_again(blobs):
    whole, array = torch.arange(2000.0), np.arange(6000.0).reshape(60, 100)
    values = {
        "whole": whole,
        "view": whole[10:20],
        "turned": whole.reshape(40, 50).t(),
        "array": array,
        "column": array[:, 3],
        "backwards": array[::-1, ::2],
        "bridge": torch.from_numpy(array),
        "seen": whole.numpy(),
        "small": (small := np.zeros(3)),
        "small_view": small[1:],
        "fixed": np.broadcast_to(np.ones(1), (5,)),
        "fortran": np.asfortranarray(np.arange(600.0).reshape(20, 30)),
    }
    back = round_trip(blobs, values)
    for name, value in values.items():
        assert np.array_equal(np.asarray(back[name]), np.asarray(value)), name
        assert np.asarray(back[name]).strides == np.asarray(value).strides, name
    back["view"][0] = -1
    assert back["whole"][10] == back["turned"][10, 0] == back["seen"][10] == -1
    back["array"][7, 3] = -2
    assert back["column"][7] == back["bridge"][7, 3] == -2
    back["array"][59, 0] = -3
    assert back["backwards"][0, 0] == -3
    back["small"][1] = 4
    assert back["small_view"][0] == 4
    assert not back["fixed"].flags.writeable
    whole[10] = 99
    assert back["whole"][10] == -1


VALUES = {
    "tensor": torch.randn(30, 30),
    "computed": (torch.nn.Parameter(torch.ones(30, 30)) * 2),
    "empty": torch.empty(0, 3),
    "scalar": torch.tensor(3.0),
    "bf16": torch.randn(40, 40).bfloat16(),
    "complex": torch.randn(40, 40, dtype=torch.complex64),
    "bool": torch.ones(2000).bool(),
    "sparse": torch.eye(50).to_sparse(),
    "times": np.arange(500).astype("M8[s]"),
    "texts": np.array(["a", "b" * 400] * 300),
    "objects": np.array([1, "x", None], dtype=object),
    "record": np.ones(100, [("a", "i1"), ("b", "f8")]),
    "frame": pd.DataFrame({"a": np.arange(500), "b": ["x", "y"] * 250}),
    "long": "to be or not to be " * 10_000,
    "bytes": b"\0\1" * 50_000,
    "device": torch.device("cpu"),
    "dtype": torch.float32,
    "nested": {"a": [torch.ones(3), {"b": np.ones(2000)}]},
    "numpy_rng": np.random.default_rng(3),
}


@pytest.mark.parametrize("name", VALUES)
def test_each_value_comes_back_equal(blobs, name):
    back = round_trip(blobs, {name: VALUES[name]})[name]
    value = VALUES[name]
    assert type(back) is type(value)
    if isinstance(value, torch.Tensor):
        assert back.dtype == value.dtype
        assert torch.equal(back.detach().to_dense(), value.detach().to_dense())
        assert back.requires_grad == value.requires_grad
    elif isinstance(value, (np.ndarray, pd.DataFrame)):
        assert back.equals(value) if name == "frame" else np.array_equal(back, value)
    elif name == "nested":
        assert torch.equal(back["a"][0], torch.ones(3))
        assert np.array_equal(back["a"][1]["b"], np.ones(2000))
    elif name == "numpy_rng":
        assert back.bit_generator.state == value.bit_generator.state
    else:
        assert back == value


def test_what_two_states_share_is_kept_once(blobs):
    torch.manual_seed(0)
    frozen, trained, array = torch.randn(500, 500), torch.randn(10, 100), np.random.rand(9999)
    values = {"frozen": frozen, "trained": trained, "array": array, "n": 1}
    first = keep_state(blobs, values)
    before = set(blobs)
    trained += 1
    second = keep_state(blobs, {**values, "n": 2})
    assert len(set(blobs) - before) == 2  # the changed tensor, and the pickle
    assert len(first["tensors"]) == len(second["tensors"]) == 3
    assert sum(entry["num_bytes"] for entry in first["tensors"].values()) == 1_083_992


def test_small_tensors_lie_in_one_blob(blobs):
    values = {f"step_{n}": torch.tensor(float(n)) for n in range(200)}
    kept = keep_state(blobs, values)
    assert kept["tensors"] == {}
    assert len(list(blobs)) == 2
    assert give_back_state(blobs, kept)["step_7"] == 7


def test_what_cannot_be_kept_is_named_and_the_rest_comes_back(blobs, tmp_path):
    class Local:
        pass

    loader = torch.utils.data.DataLoader(torch.arange(10))
    with (tmp_path / "a.txt").open("w") as file:
        values = {
            "file": file,
            "holder": [1, {"f": file}],
            "generator": (n for n in range(3)),
            "lock": threading.Lock(),
            "iterator": iter(loader),
            "loader": loader,
            "local": Local(),
            "nn": torch.nn,
            "made_up": type(torch)("made_up"),
            "w": torch.ones(1000),
            "f": lambda: 3,
        }
        kept = keep_state(blobs, values)
    gone = {"file", "holder", "generator", "lock", "iterator", "made_up"}
    assert set(kept["left_out"]) == gone
    assert "an open file: " in kept["left_out"]["holder"]
    assert kept["modules"] == {"nn": "torch.nn"}
    back = give_back_state(blobs, json.loads(json.dumps(kept)))
    assert set(back) == set(values) - gone
    assert back["nn"] is torch.nn
    assert [int(n) for n in back["loader"]] == list(range(10))
    assert back["f"]() == 3


class _Counts:
    """Counts how often any of them is pickled."""

    pickled = 0

    def __reduce__(self):
        _Counts.pickled += 1
        return (int, ())


def test_culprits_are_found_with_few_attempts(blobs):
    values = {f"v{n}": _Counts() for n in range(30)} | {"lock": threading.Lock()}
    _Counts.pickled = 0
    assert list(keep_state(blobs, values)["left_out"]) == ["lock"]
    assert _Counts.pickled <= 4 * 30


class _Unmakeable:
    """Can be pickled, and not made again."""

    def __reduce__(self):
        return (getattr, (torch, "no_such_thing"))


def test_nothing_is_set_when_something_cannot_be_made_again(blobs):
    cell = notebook("def f(): return extra\nextra = 1", bad=_Unmakeable())
    kept = keep_state(blobs, {name: cell[name] for name in ("f", "bad")})
    here = {"__name__": "__main__", "mine": 1}
    with pytest.raises(AttributeError, match="no_such_thing"):
        give_back_state(blobs, kept, here)
    assert here == {"__name__": "__main__", "mine": 1}


def test_a_damaged_blob_is_an_error(blobs):
    kept = keep_state(blobs, {"w": torch.ones(1000)})
    digest = kept["tensors"]["0"]["digest"]
    (blobs.folder / digest[:2] / digest[2:]).write_bytes(b"x")
    with pytest.raises(BlobNotFound):
        give_back_state(blobs, kept)


def test_a_module_that_is_gone_is_said(blobs):
    kept = {**keep_state(blobs, {"w": 1}), "modules": {"gone": "no_such_module_anywhere"}}
    with pytest.warns(UserWarning, match="gone was not given back"):
        assert give_back_state(blobs, kept) == {"w": 1}


def test_a_compiled_model_comes_back_with_its_weights(blobs):
    model = torch.compile(torch.nn.Linear(40, 40))
    back = round_trip(blobs, {"model": model, "weight": model.weight})
    assert torch.equal(back["model"].weight, model.weight)
    assert back["model"].weight is back["weight"]


def test_keeping_changes_nothing(blobs):
    model = torch.nn.Linear(100, 100)
    state, version = torch.get_rng_state(), model.weight._version
    keep_state(blobs, {"model": model})
    assert torch.equal(torch.get_rng_state(), state)
    assert model.weight._version == version
    assert model.weight.untyped_storage().resizable()


def test_small_values_are_plain_json():
    values = {
        "a": 1,
        "b": 0.5,
        "c": None,
        "d": True,
        "e": "text",
        "f": [1, (2, "x")],
        "g": {"lr": np.float32(0.5)},
        "h": torch.tensor(2.5),
        "i": torch.nn.Parameter(torch.ones(1)),
        "j": np.array([[3]]),
        "k": float("nan"),
        "l": float("-inf"),
        "long text": "x" * 1000,
        "long list": list(range(100)),
        "tensor": torch.ones(2),
        "module": torch,
        "meta": torch.ones(1, device="meta"),
    }
    found = small_values(values)
    assert json.loads(json.dumps(found, allow_nan=False)) == {
        "a": 1,
        "b": 0.5,
        "c": None,
        "d": True,
        "e": "text",
        "f": [1, [2, "x"]],
        "g": {"lr": 0.5},
        "h": 2.5,
        "i": 1.0,
        "j": 3,
        "k": "nan",
        "l": "-inf",
    }


@pytest.mark.gpu
def test_tensors_come_back_on_their_device(blobs):
    model = torch.nn.Linear(100, 100).cuda()
    back = round_trip(blobs, {"model": model, "w": model.weight})
    assert back["w"].is_cuda
    assert back["model"].weight is back["w"]
    assert torch.equal(back["w"], model.weight)


def test_tensors_of_a_device_that_is_not_there_come_back_on_the_cpu(blobs, monkeypatch):
    from nbtrack.versioning.contents import memories

    values = {"w": torch.ones(1000)}
    monkeypatch.setattr(memories, "is_there", lambda device: False)
    assert round_trip(blobs, values)["w"].is_cpu
