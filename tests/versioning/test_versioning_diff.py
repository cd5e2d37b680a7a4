"""What changed between two runs, in words."""

from __future__ import annotations

from typing import Any

import pytest

from nbtrack.records import Cell, RunInfo
from nbtrack.versioning import changes, lr_change


def info(source: str = "", **fields: Any) -> RunInfo:
    return RunInfo(id="a", name="n", started_s=0.0, cells=(Cell(source),), **fields)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("lr = 0.1", "lr = 0.01", ("lr 0.1 → 0.01",)),
        ("fit(lr=0.1, n=2)", "fit(lr=0.5, n=3)", ("lr 0.1 → 0.5", "n 2 → 3")),
        ("x = -1", "x = [1, 2]", ("x -1 → [1, 2]",)),
        ("fit(m)", "fit(m, 3)", ("cell edited",)),
        ("lr = 0.1\nfit()", "lr = 0.2\nfit(2)", ("lr 0.1 → 0.2", "cell edited")),
        ("lr = 0.1", "lr = 0.1  # same", ("nothing",)),
        ("%%track a\nlr = 1", "%%track b --seed 2\nlr = 1", ("nothing",)),
        ("A(b=1); B(b=2)", "A(b=1); B(b=3)", ("cell edited",)),
        ("for x in", "for x in y", ("cell edited",)),
    ],
)
def test_a_changed_literal_is_named_and_other_edits_are_told(before, after, said):
    assert changes(info(before), info(after)) == said


def test_parameters_and_seeds_are_compared():
    before = info(params={"lr": 0.1, "old": 1})
    after = info(params={"lr": 0.2, "new": "x"}, seed=3)
    assert set(changes(before, after)) == {"lr 0.1 → 0.2", "new x", "no old", "seed None → 3"}
    assert changes(None, after) == ("first run",)


def test_a_learning_rate_from_elsewhere_is_told_once():
    def ran(lr: float, *changed: str) -> RunInfo:
        return info(summary={"lr/group0": {"first": lr}}, changed=changed)

    assert lr_change(ran(0.1), ran(0.01, "nothing")) == "lr 0.1 → 0.01"
    assert lr_change(ran(0.1), ran(0.1, "nothing")) is None
    assert lr_change(ran(0.1), ran(0.01, "lr 0.1 → 0.01")) is None
    assert lr_change(None, ran(0.1)) is None
