"""Hyper-parameters found in programs of many styles, with no edit, and nothing that is none."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook
from training_styles import STYLES

from nbtrack.capture.parameters.hyperparameters import found_params, written_params
from nbtrack.records import Cell

# What a program computes, measures, draws or feeds, under the names that people give it.
RESULTS = """
acc accuracy b best best_loss corr data db digits dw ds epoch errD errG features figsize
final_loss fake history i ix iter l labels loss losses lossi mse n_points n_samples noise
num_samples order spacing start step t text title total train_l train_loss train_split
val_accuracy val_loss verbose vocab_map weight bias w x xb y yb
"""


def pairs(cells: Sequence[str]) -> list[tuple[Cell, str]]:
    return [(Cell(code, f"id{k}", k + 1), code) for k, code in enumerate(cells)]


def written(*cells: str) -> dict[str, Any]:
    return {name: param.value for name, param in written_params(pairs(cells)).items()}


def execute(cells: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """The variables after these cells, and the optimizers, modules and loaders that trained."""
    names: dict[str, Any] = {"__name__": "__main__"}
    stepped: dict[int, Any] = {}
    hook = register_optimizer_step_pre_hook(lambda each, *_: stepped.update({id(each): each}))
    try:
        for code in cells:
            exec(code, names)
    finally:
        hook.remove()
    optimizers = {
        next((name for name, value in names.items() if value is each), f"optimizer{k + 1}"): each
        for k, each in enumerate(stepped.values())
    }
    trained = {
        id(parameter)
        for each in stepped.values()
        for group in each.param_groups
        for parameter in group["params"]
    }
    modules = {
        name: value
        for name, value in names.items()
        if isinstance(value, torch.nn.Module)
        and any(id(parameter) in trained for parameter in value.parameters())
    }
    loader = torch.utils.data.DataLoader
    loaders = {name: value for name, value in names.items() if isinstance(value, loader)}
    return names, optimizers, modules, loaders


def found(*cells: str) -> dict[str, Any]:
    return {n: p.value for n, p in found_params(pairs(cells), *execute(cells)).items()}


@pytest.mark.parametrize("style", STYLES)
def test_each_style_of_training_gives_its_hyperparameters(style):
    cells, expected, _ = STYLES[style]
    result = found(*cells)
    result.pop("num_params", None)
    assert result == expected
    assert not set(RESULTS.split()) & result.keys()


@pytest.mark.parametrize("style", STYLES)
def test_the_code_alone_says_most_of_them_before_it_runs(style):
    cells, expected, not_written = STYLES[style]
    result = written(*cells)
    assert result == {
        name: not_written.get(name, value)
        for name, value in expected.items()
        if not_written.get(name, value) is not None
    }


def test_where_a_value_comes_from_is_told():
    code = (
        "import torch\nfrom torch import nn\nnet = nn.Linear(1, 1)\n"
        "opt = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.5)\n"
        "for step in range(2):\n    net(torch.ones(1, 1)).sum().backward(); opt.step()\n"
    )
    cells = [*pairs(["lr = 0.1\n"]), (Cell(code, None, None), code)]
    told = found_params(cells, *execute([code for _, code in cells]))
    assert told["lr"].origin == "cell 1, line 1"
    assert told["momentum"].origin == "tracked cell, line 4"
    assert told["num_params"].origin == "model"


def test_the_live_optimizer_is_the_truth_where_the_code_says_otherwise():
    cells = [
        "import torch\nfrom torch import nn\nnet = nn.Linear(1, 1)\n"
        "opt = torch.optim.SGD(net.parameters(), lr=0.1)\nopt.defaults['lr'] = 0.7\n"
        "for step in range(2):\n    net(torch.ones(1, 1)).sum().backward(); opt.step()\n"
    ]
    told = found_params(pairs(cells), *execute(cells))
    assert (told["lr"].value, told["lr"].origin) == (0.7, "optimizer")


TRAIN = """
import torch
net = torch.nn.Linear(1, 1)
opt = torch.optim.SGD(net.parameters(), lr=rate)
for step in range(3):
    loss = net(torch.ones(1, 1)).sum()
    loss.backward()
    opt.step()
"""


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("rate = 0.5", 0.5),
        ("rate = 1e-3 * 4", 4e-3),
        ("rate = 10 ** -2", 0.01),
        ("rate = 0.1 if 2 > 1 else 0.2", 0.1),
        ("a, rate = 3, 0.25", 0.25),
        ("rate: float = 0.125", 0.125),
        ("base = 0.2\nrate = base / 2", 0.1),
        ("d = {'a': {'b': 0.3}}\nrate = d['a']['b']", 0.3),
        ("import numpy\nrate = float(numpy.exp(0.0))", 1.0),
        ("import numpy\nrate = numpy.float64(0.5)", 0.5),
    ],
)
def test_a_rate_is_found_however_it_is_set(setting, value):
    result = found(setting, TRAIN)
    assert result["rate"] == pytest.approx(value)
    assert result["lr"] == pytest.approx(value)


def test_what_reaches_no_training_is_no_hyperparameter():
    others = "figsize = (9, 3)\nthreshold = 0.5\nname = 'x'\nlr_of_nothing = 3\n"
    after = TRAIN + "accuracy = 0.9\nfor k in range(7):\n    print(k * threshold)\n"
    assert found("rate = 0.1", others, after).keys() == {
        *("rate", "lr", "steps", "optimizer", "model", "num_params"),
    }


def test_a_cell_that_does_not_train_has_none():
    assert written("x = 1\nlr = 0.1\nplot(x, alpha=0.3)\n") == {}
    assert written("this is no Python (") == {}
    assert written() == {}


def test_a_cell_after_a_broken_one_is_still_read():
    assert written("!pip install x", "rate = 0.1", TRAIN)["rate"] == 0.1


def test_secrets_and_long_texts_are_left_out():
    config = (
        "from types import SimpleNamespace\n"
        "cfg = SimpleNamespace(lr=0.1, api_key='abc', password='p', hub='hf_abcdefghijkl', "
        f"num_tokens=5, tokenizer='bpe', long='{'x' * 201}', many=list(range(17)))\n"
    )
    result = found(config, TRAIN.replace("rate", "cfg.lr"))
    assert result["num_tokens"] == 5
    assert result["tokenizer"] == "bpe"
    assert not {"api_key", "password", "hub", "long", "many"} & result.keys()


def test_no_more_than_200_are_kept():
    config = "cfg = dict(lr=0.1, " + ", ".join(f"k{n}={n}" for n in range(300)) + ")\n"
    assert len(written(config, TRAIN.replace("rate", "cfg['lr']"))) == 200


def test_names_of_one_leaf_in_two_places_are_told_apart():
    config = "cfg = {'body': {'lr': 0.1}, 'head': {'lr': 0.2}, 'epochs': 4}\n"
    result = written(config, TRAIN.replace("rate", "cfg['head']['lr']"))
    assert result["body.lr"] == 0.1
    assert result["head.lr"] == 0.2
    assert result["epochs"] == 4


def test_a_config_that_no_line_spells_out_is_read_when_it_is_there():
    class Loaded(dict):
        __getattr__ = dict.__getitem__

    code = TRAIN.replace("rate", "cfg.optim.lr")
    cells = pairs(["cfg = load('settings.yaml')\n", code])
    assert "lr" not in {name for name, p in written_params(cells).items() if p.value == 0.3}
    names = {"cfg": Loaded(optim=Loaded(lr=0.3), note="a", items=[object()])}
    result = found_params(cells, names, {}, {}, {})
    assert result["lr"].value == 0.3
    assert result["note"].value == "a"
    assert "items" not in result


def test_training_in_a_package_is_found_by_its_call():
    result = written(
        "from lib import Learner\nhidden = 32\n",
        "learner = Learner(hidden, lr=0.2, name='tiny')\nlearner.fit(data, epochs=3, verbose=1)\n",
    )
    assert result == {"hidden": 32, "lr": 0.2, "name": "tiny", "epochs": 3}


def test_cells_under_time_are_read():
    code = f"get_ipython().run_cell_magic('time', '', {TRAIN!r})\n"
    told = written_params(pairs(["rate = 0.1", code]))
    assert told["rate"].value == 0.1
    assert told["steps"].origin == "cell 2, line 6"


def test_objects_that_answer_with_errors_are_left_out():
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    result = found_params(
        pairs([TRAIN]), {"rate": Broken()}, {"opt": Broken()}, {"net": Broken()}, {"dl": Broken()}
    )
    assert result["steps"].value == 3
    assert found_params(pairs([TRAIN]), {}, {"opt": SimpleNamespace()}, {}, {})["steps"].value == 3


@pytest.mark.parametrize(
    "code",
    [
        "a = b\nb = a\n" + TRAIN.replace("rate", "a"),
        "def f(x=1):\n    return f(x)\n" + TRAIN.replace("rate", "f()"),
        "class A(A):\n    pass\n" + TRAIN.replace("rate", "A().lr"),
        "from functools import partial\ng = partial(g, 1)\n" + TRAIN.replace("rate", "g(2)"),
        "x = " + "(" * 80 + "1" + ")" * 80 + "\n" + TRAIN.replace("rate", "x"),
        "x = 9 ** 9 ** 9 ** 9\n" + TRAIN.replace("rate", "x"),
        "x = 'a' * 10 ** 9\n" + TRAIN.replace("rate", "x"),
        "".join(f"x{k} = x{k + 1} + x{k + 1}\n" for k in range(40)) + TRAIN.replace("rate", "x0"),
        "x = 1 / 0\n" + TRAIN.replace("rate", "x"),
    ],
)
def test_programs_that_lead_back_to_themselves_end(code):
    started_s = time.perf_counter()
    assert written(code)["steps"] == 3
    assert time.perf_counter() - started_s < 1


def test_groups_and_default_options_of_an_optimizer():
    net = torch.nn.Linear(2, 1)
    groups = [{"params": [net.weight], "lr": 0.1}, {"params": [net.bias]}]
    optimizer = torch.optim.AdamW(groups, lr=0.2, amsgrad=True)
    result = found_params([], {}, {"opt": optimizer}, {}, {})
    assert {name: param.value for name, param in result.items()} == {
        "optimizer": "AdamW",
        "lr": [0.1, 0.2],
        "amsgrad": True,
    }


def test_a_scheduler_does_not_hide_the_initial_rate():
    net = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.1)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.04)
    assert found_params([], {}, {"opt": optimizer}, {}, {})["lr"].value == 0.4


def test_loaders_that_differ_have_their_names_in_front():
    data = list(range(8))
    loaders = {
        "train": torch.utils.data.DataLoader(data, batch_size=4, shuffle=True),
        "val": torch.utils.data.DataLoader(data, batch_size=2),
    }
    result = {n: p.value for n, p in found_params([], {}, {}, {}, loaders).items()}
    assert result["train.batch_size"] == 4
    assert result["val.batch_size"] == 2
    assert result["train.shuffle"] is True
    assert result["drop_last"] is False
    assert "batch_size" not in result


def test_models_tell_their_class_dropout_and_size():
    nn = torch.nn
    net = nn.Sequential(nn.Linear(3, 5), nn.Dropout(0.1), nn.Linear(5, 4), nn.Linear(4, 1))
    result = {n: p.value for n, p in found_params([], {}, {}, {"net": net}, {}).items()}
    assert result == {"model": "Sequential", "dropout": 0.1, "hidden": [5, 4], "num_params": 49}
    mixed = nn.Sequential(nn.Conv1d(1, 1, 1), nn.Dropout(0.1), nn.Dropout(0.2))
    result = {n: p.value for n, p in found_params([], {}, {}, {"net": mixed}, {}).items()}
    assert result == {"model": "Sequential", "dropout": [0.1, 0.2], "num_params": 2}


def test_finding_them_draws_no_random_number():
    before = torch.get_rng_state()
    cells, _, _ = STYLES["a Trainer class"]
    names = execute(cells)
    after = torch.get_rng_state()
    assert not torch.equal(before, after)
    found_params(pairs(cells), *names)
    assert torch.equal(after, torch.get_rng_state())


def test_ten_cells_take_a_moment():
    """A slice of ten cells, each as long as a person writes them; warm, the best of five."""
    cells, _, _ = STYLES["a small language model"]
    filler = [f"def unused_{k}(a, b=2):\n" + "    a = a + b * (a - 1)\n" * 20 for k in range(8)]
    slice_ = pairs([*filler, *cells])
    times_s = []
    for _ in range(5):
        started_s = time.perf_counter()
        written_params(slice_)
        times_s.append(time.perf_counter() - started_s)
    assert min(times_s) < 0.1  # 0.02 on a quiet machine
