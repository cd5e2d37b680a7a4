"""One parameter changed where it is written, and nothing else."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from nbtrack.capture.parameters.hyperparameters import written_params
from nbtrack.capture.transform import track_transformer
from nbtrack.errors import UsageError
from nbtrack.records import Cell
from nbtrack.versioning.repeating.substitute import changeable, substitute

sys.path.append(str(Path(__file__).parents[1] / "capture"))
from training_styles import STYLES


def typed(*sources: str) -> list[tuple[Cell, str]]:
    manager = TransformerManager()
    manager.cleanup_transforms.append(track_transformer)
    return [
        (Cell(source, f"id{k}", k + 1), manager.transform_cell(source))
        for k, source in enumerate(sources)
    ]


TRAIN = """\
import torch
net = torch.nn.Linear(1, 1)
opt = torch.optim.SGD(net.parameters(), {args})
for step in range(3):
    net(torch.ones(1, 1)).sum().backward()
    opt.step()
"""


def training(args: str, before: str = "") -> str:
    return before + TRAIN.format(args=args)


@pytest.mark.parametrize(
    ("args", "before", "name", "value", "line"),
    [
        ("lr=rate", "rate = 0.1  # slow\n", "rate", 0.01, "rate = 0.01  # slow"),
        ("lr=rate", "rate = 0.1\n", "lr", 0.01, "rate = 0.01"),
        ("lr=LR", "LR = 0.1\n", "lr", 1, "LR = 1"),
        ("lr=rate", "rate = 0.1 * 3\n", "rate", 0.01, "rate = 0.01"),
        ("lr=rate", "n, rate = 1, 0.1\n", "rate", 0.01, "n, rate = 1, 0.01"),
        ("lr=0.1", "", "lr", 0.5, "opt = torch.optim.SGD(net.parameters(), lr=0.5)"),
        ("0.1, 0.9", "", "momentum", 0, "opt = torch.optim.SGD(net.parameters(), 0.1, 0)"),
        ("lr=1, nesterov=False", "", "nesterov", True, "opt = torch.optim.SGD(net.parameters(), "
         "lr=1, nesterov=True)"),
        ("lr=c['lr']", "c = {'lr': 0.1, 'n': 'é'}\n", "lr", 2, "c = {'lr': 2, 'n': 'é'}"),
        ("lr=c['lr']", "c = {'lr': 0.1}\nc['lr'] = 0.2\n", "lr", 2, "c['lr'] = 2"),
        ("lr=1", "", "steps", 7, "for step in range(7):"),
        ("lr=rate", "é = 'ü'; rate = 0.1; b = 3\n", "rate", 5, "é = 'ü'; rate = 5; b = 3"),
    ],
)  # fmt: skip
def test_the_literal_is_replaced_in_its_line(args, before, name, value, line):
    source = training(args, before)
    (result,) = substitute(typed(source), name, value)
    old, new = source.splitlines(), result.splitlines()
    assert len(old) == len(new)
    assert [b for a, b in zip(old, new, strict=True) if a != b] == [line]


def test_magics_comments_blank_lines_and_indentation_stay():
    source = "\n\n%%track tiny --seed 0\n%matplotlib inline\n!ls  # here\n" + training("lr=0.1")
    (result,) = substitute(typed(source), "lr", 0.2)
    assert result == source.replace("lr=0.1", "lr=0.2")
    indented = "    rate = 0.1\n    import math\n"
    first, _ = substitute(typed(indented, training("lr=rate")), "rate", 0.2)
    assert first == indented.replace("0.1", "0.2")


@pytest.mark.parametrize("head", ["%%time\n", "%%track\n%%time\n", "%%capture out\n"])
def test_a_cell_beneath_another_magic_is_changed_too(head):
    source = head + training("lr=0.1")
    (result,) = substitute(typed(source), "lr", 0.2)
    assert result == source.replace("lr=0.1", "lr=0.2")


def test_a_value_over_several_lines_keeps_the_line_numbers():
    source = training("lr=rate", "rate = (\n    0.1\n    * 3\n)\n")
    (result,) = substitute(typed(source), "rate", 0.2)
    assert result.count("\n") == source.count("\n")
    assert written_params(typed(result))["rate"].value == 0.2


def test_the_last_of_several_cells_that_set_a_name_is_changed():
    cells = typed("rate = 0.1\n", "rate = 0.2\n", training("lr=rate"))
    assert substitute(cells, "rate", 0.3)[:2] == ["rate = 0.1\n", "rate = 0.3\n"]


def test_equal_literals_of_one_name_are_all_changed():
    source = (
        "import torch\nnn = torch.nn\n"
        "net = nn.Sequential(nn.Dropout(0.1), nn.Linear(1, 1), nn.Dropout(0.1))\n"
    )
    first, _ = substitute(typed(source, TRAIN.format(args="lr=1").split("\n", 2)[2]), "dropout", 0)
    assert first.splitlines()[2] == (
        "net = nn.Sequential(nn.Dropout(0), nn.Linear(1, 1), nn.Dropout(0))"
    )


def test_a_range_that_begins_at_one_counts_as_many():
    source = training("lr=1").replace("range(3)", "range(1, 4)")
    (result,) = substitute(typed(source), "steps", 9)
    assert "range(1, 10)" in result


def test_an_unknown_name_says_what_can_be_changed():
    with pytest.raises(UsageError, match=r"sets 'momentun'.*can be changed: lr, steps"):
        substitute(typed(training("lr=1")), "momentun", 1)
    with pytest.raises(UsageError, match="Did you mean 'steps'"):
        substitute(typed(training("lr=1")), "step", 1)
    with pytest.raises(UsageError, match="nor any other"):
        substitute(typed("x = 1"), "lr", 1)


def test_a_name_that_means_two_things_is_refused():
    cells, _, _ = STYLES["two optimizers"]
    with pytest.raises(UsageError, match=r"opt_d\.lr.*opt_g\.lr"):
        substitute(typed(*cells), "lr", 1)
    first, _ = substitute(typed(*cells), "opt_d.lr", 1)
    assert "opt_d = torch.optim.Adam(D.parameters(), lr=1, betas=(0.5, 0.999))" in first
    assert "lr=2e-4" in first
    twice = "def fit(lr):\n" + "".join(
        f"    {line}\n" for line in TRAIN.format(args="lr=lr").splitlines()
    )
    with pytest.raises(UsageError, match=r"several values.*0\.1 \(line 1\) and 0\.2 \(line 2\)"):
        substitute(typed(twice, "fit(lr=0.1)\nfit(lr=0.2)"), "lr", 1)


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return [item + 1 for item in value]
    return value + 1 if isinstance(value, (int, float)) else f"{value}2"


@pytest.mark.parametrize("style", STYLES)
def test_every_parameter_of_every_style_can_be_set(style):
    """Twin: read the changed program again, and it has the new value."""
    cells = typed(*STYLES[style][0])
    before = written_params(cells)
    assert changeable(cells)
    for name in changeable(cells):
        value = other(before[name].value)
        result = substitute(cells, name, value)
        again = written_params(
            [(cell, code) for (cell, _), code in zip(cells, result, strict=True)]
        )
        assert again[name].value == value
        for (cell, _), source in zip(cells, result, strict=True):
            ast.parse(source)
            assert source.count("\n") == cell.source.count("\n")
