"""What changed between two runs, in words and side by side."""

from __future__ import annotations

from typing import Any

import pytest

import nbtrack
from nbtrack.records import Cell, RunInfo
from nbtrack.store import Store
from nbtrack.versioning.cell_changes import cell_changes, pair_cells
from nbtrack.versioning.diff import changes, diff_runs, lr_change
from nbtrack.versioning.snapshot import keep_snapshot, snapshot_of


def info(source: str = "", **fields: Any) -> RunInfo:
    fields.setdefault("cells", (Cell(source),))
    return RunInfo(id="a", name="n", started_s=0.0, **fields)


def numbered(**sources: str) -> tuple[Cell, ...]:
    """Cells as ``c7="code"``: id ``c7``, execution count 7."""
    return tuple(Cell(source, name, int(name[1:])) for name, source in sources.items())


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("lr = 0.1", "lr = 0.01", ("lr 0.1 → 0.01",)),
        ("fit(lr=0.1, n=2)", "fit(lr=0.5, n=3)", ("lr 0.1 → 0.5", "n 2 → 3")),
        ("n = 1\nlr = 1", "n = 2\nlr = 2", ("lr 1 → 2", "n 1 → 2")),
        ("x = -1", "x = [1, 2]", ("x -1 → [1, 2]",)),
        ("x = 1", "x = True", ("x 1 → True",)),
        ("fit(m)", "fit(m, 3)", ("tracked cell edited",)),
        ("fit(m, 2)", "fit(m, 3)", ("tracked cell edited",)),
        ("lr = 0.1\nfit()", "lr = 0.2\nfit(2)", ("lr 0.1 → 0.2", "tracked cell edited")),
        ("lr = 0.1", "lr = 0.1  # same", ("nothing",)),
        ("f(a,b)", "f(\n    a, b\n)", ("nothing",)),
        ("%%track a\nlr = 1", "%%track b --seed 2\nlr = 1", ("nothing",)),
        ("A(b=1); B(b=2)", "A(b=1); B(b=3)", ("tracked cell edited",)),
        ("for x in", "for x in y", ("tracked cell edited",)),
        ("x: int = 1", "x: int = 2", ("x 1 → 2",)),
    ],
)
def test_a_changed_literal_is_named_and_other_edits_are_told(before, after, said):
    assert changes(info(before), info(after)) == said


def test_parameters_and_seeds_are_compared():
    before = info(params={"lr": 0.1, "old": 1})
    after = info(params={"lr": 0.2, "new": "x"}, seed=3)
    assert changes(before, after) == ("lr 0.1 → 0.2", "no old", "new x", "seed None → 3")
    assert changes(None, after) == ("first run",)


def test_what_matters_most_is_told_first():
    before = info(params={"z": 1, "weight_decay": 0, "batch_size": 32, "lr": 0.003})
    after = info(params={"z": 2, "weight_decay": 1, "batch_size": 64, "lr": 0.002}, seed=1)
    assert changes(before, after) == (
        *("lr 0.003 → 0.002", "batch_size 32 → 64", "weight_decay 0 → 1", "z 1 → 2"),
        "seed None → 1",
    )


def test_two_names_for_one_value_are_told_once():
    before = info(params={"LEARNING_RATE": 0.1, "lr": 0.1, "wd": 1, "weight_decay": 1})
    after = info(params={"LEARNING_RATE": 0.2, "lr": 0.2, "wd": 2, "weight_decay": 2})
    assert changes(before, after) == ("lr 0.1 → 0.2", "weight_decay 1 → 2")
    apart = info(params={"LEARNING_RATE": 0.2, "lr": 0.3, "wd": 1, "weight_decay": 1})
    assert set(changes(before, apart)) == {"LEARNING_RATE 0.1 → 0.2", "lr 0.1 → 0.3"}


def test_a_seed_in_the_code_is_told_like_the_seed_of_the_run():
    assert changes(info(params={"seed": 0}), info(params={"seed": 1})) == ("seed 0 → 1",)
    both = info(params={"seed": 1}, seed=1)
    assert changes(info(params={"seed": 0}, seed=0), both) == ("seed 0 → 1",)


def test_cells_of_the_slice_are_edited_added_and_removed():
    before = numbered(c1="import torch", c2="def f(x):\n    return x", c3="z = g()", c4="fit()")
    after = (
        Cell("import torch", "c1", 5),
        Cell("def f(x):\n    return x + y", "c2", 7),
        Cell("y = h(1)", "c9", 8),
        Cell("fit()", "c4", 9),
    )
    assert changes(info(cells=before), info(cells=after)) == (
        *("cell 7 edited", "cell 8 added", "cell 3 removed"),
    )


def test_a_cell_that_only_moved_or_was_run_again_is_nothing():
    before = numbered(c1="a = f()", c2="b = g()", c3="fit()")
    moved = (Cell("b = g()", "c2", 11), Cell("a = f()", "c1", 12), Cell("fit()", "c3", 13))
    assert changes(info(cells=before), info(cells=moved)) == ("nothing",)


def test_a_copied_tracked_cell_is_held_against_the_one_it_was_copied_from():
    before = numbered(c1="a = 1", c2="%%track\nlr = 0.1\nfit(lr)")
    after = numbered(c1="a = 1", c3="%%track\nlr = 0.2\nfit(lr)")
    assert changes(info(cells=before), info(cells=after)) == ("lr 0.1 → 0.2",)


def test_cells_without_ids_are_matched_by_their_text():
    before = [Cell("a = f(1)\nb = g(a)\nc = h(b)"), Cell("other()"), Cell("fit()")]
    after = [Cell("other()"), Cell("a = f(1)\nb = g(a)\nc = h(b, 2)"), Cell("fit()")]
    pairs = pair_cells(before, after)
    assert [(old and before.index(old), new and after.index(new)) for old, new in pairs] == [
        *((1, 0), (0, 1), (2, 2)),
    ]
    unlike = pair_cells([Cell("a()"), Cell("fit()")], [Cell("import b"), Cell("fit()")])
    assert [old is None or new is None for old, new in unlike] == [True, False, True]


def test_a_literal_that_shows_as_a_parameter_is_no_edit():
    before = info(params={"dropout": 0.2}, cells=numbered(c1="net = Dropout(0.2)", c2="fit()"))
    after = info(params={"dropout": 0.3}, cells=numbered(c1="net = Dropout(0.3)", c2="fit()"))
    assert changes(before, after) == ("dropout 0.2 → 0.3",)
    other = info(params={"dropout": 0.3}, cells=numbered(c1="net = Dropout(0.3, 1)", c2="fit()"))
    assert changes(before, other) == ("dropout 0.2 → 0.3", "cell 1 edited")


def test_an_import_lifted_out_of_a_cell_is_neither_added_nor_edited():
    whole = numbered(c1="import torch\nx = torch.ones(3)", c2="fit(x)")
    part = (Cell("import torch", "c1", 1, is_part=True), Cell("fit(x)", "c2", 2))
    assert changes(info(cells=whole), info(cells=part)) == ("nothing",)
    assert changes(info(cells=part[1:]), info(cells=part)) == ("nothing",)


def test_what_one_of_two_runs_could_not_know_is_no_change():
    """An old run has its tracked cell and no parameters; a killed one has those of its code."""
    cells = numbered(c1="n = 3", c2="lr = 0.1\nfit()")
    new = info(
        params={"lr": 0.2, "n": 3, "momentum": 0.9, "num_params": 5},
        origins={"lr": "cell 2, line 1", "num_params": "model", "momentum": "optimizer"},
        cells=(cells[0], Cell("lr = 0.2\nfit()", "c2", 2)),
        snapshot="d",
    )
    old = info(cells=cells[1:])
    assert changes(old, new) == ("lr 0.1 → 0.2", "cell 1 added")
    killed = info(
        params={"lr": 0.2, "n": 3}, origins={"lr": "cell 2, line 1"}, cells=new.cells, snapshot="c"
    )
    assert changes(killed, new) == ("nothing",)
    assert changes(new, killed) == ("nothing",)


def test_a_learning_rate_from_elsewhere_is_told_once():
    def ran(lr: float, *changed: str) -> RunInfo:
        return info(summary={"lr/group0": {"first": lr}}, changed=changed)

    assert lr_change(ran(0.1), ran(0.01, "nothing")) == "lr 0.1 → 0.01"
    assert lr_change(ran(0.1), ran(0.1, "nothing")) is None
    assert lr_change(ran(0.1), ran(0.01, "lr 0.1 → 0.01")) is None
    assert lr_change(None, ran(0.1)) is None


def test_cell_changes_have_a_unified_diff():
    before = numbered(c1="a = 1\nb = 2", c2="fit()")
    after = numbered(c1="a = 1\nb = 3", c2="fit()")
    edited, same = cell_changes(before, after)
    assert (edited.kind, same.kind) == ("edited", "same")
    assert edited.lines == ("@@ -1,2 +1,2 @@", " a = 1", "-b = 2", "+b = 3")
    assert same.lines == ()


def stored(name: str, loss: float, data: dict[str, str] | None = None, **params: Any) -> Any:
    """A finished run, with the digests of its data where it kept a snapshot."""
    with nbtrack.start(name, params=params) as run:
        run.log({"loss": loss + 1})
        run.log({"loss": loss, "val/acc": loss / 2})
    store = Store()
    if data is not None:
        digests = {key: {"digest": digest} for key, digest in data.items()}
        kept = keep_snapshot(store.blobs, snapshot_of([], params, digests, {}))
        store.resume(run.id).update(snapshot=kept)
    return store.get(run.id)


def test_two_runs_are_told_side_by_side():
    a = stored("one", 0.5, {"x": "a" * 8, "y": "c"}, lr=0.1, wd=1)
    b = stored("two", 0.25, {"x": "b" * 8, "y": "c"}, lr=0.2)
    found = diff_runs(a, b)
    assert (found.a.id, found.b.name) == (a.id, "two")
    assert found.params == (("lr", 0.1, 0.2), ("wd", 1, None))
    assert found.data == (("x", "aaaaaaaa", "bbbbbbbb"),)
    assert found.environment == ()
    assert found.results == (("loss", 0.5, 0.25), ("val/acc", 0.25, 0.125))
    assert str(found).splitlines() == [
        f"{a.id} one → {b.id} two",
        "parameters",
        "  lr 0.1 → 0.2",
        "  wd 1 → -",
        "data",
        "  x aaaaaaaa → bbbbbbbb",
        "results",
        "  loss 0.5 → 0.25",
        "  val/acc 0.25 → 0.125",
    ]


def test_runs_without_a_snapshot_can_be_compared():
    a, b = stored("one", 0.5, lr=0.1), stored("one", 0.5, lr=0.1)
    found = diff_runs(a, b)
    assert found.is_same
    assert "the same code, parameters, data and environment" in str(found)
    assert "\x1b" not in str(found)
