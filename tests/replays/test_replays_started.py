"""Runs of `nbtrack.start`: over several cells, several in one cell, and never finished."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from played import in_shell, start_script

import nbtrack
from nbtrack.versioning.repeating.reproduce import reproduce

SETUP = "import torch, nbtrack\nw = torch.randn(3, requires_grad=True)"
STEPS = """for k in range(4):
    loss = ((w - torch.rand(3)) ** 2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()"""
OPTIMIZER = "optimizer = torch.optim.SGD([w], lr=0.1)"
CELLS = ("x = 5", "run = nbtrack.start('long')", OPTIMIZER, "y = 6", STEPS, STEPS, "run.finish()")


def again(run, **options):
    return reproduce(run, say=lambda line: None, **options)


def num_losses(found) -> set[int]:
    return {each.num_points for each in found.series if each.key == "loss"}


def test_a_run_over_several_cells_is_given_back_with_all_of_them(shell, tmp_path):
    assert in_shell(shell, [SETUP, *CELLS, "z = 1"])[-1] == ""
    run = nbtrack.get(-1)
    assert [cell.source for cell in run.cells] == [SETUP, *CELLS[1:]]  # not `x = 5`, nor `z = 1`
    assert (run.replay["num_own"], run.replay["failed"]) == (6, [])
    script = start_script(run.script(), tmp_path / "script")
    found = again(run)
    assert (found.verdict, found.reason) == ("identical", None), found
    assert num_losses(found) == {8}
    assert (found.run.status, found.run.info.reproduces) == ("done", run.id)
    printed, _ = script.communicate(timeout=120)
    assert script.returncode == 0, printed
    of_script = nbtrack.Store(tmp_path / "script" / ".nbtrack").get(-1)
    assert of_script.replay["weights_digest"] == run.replay["weights_digest"]
    first = again(run, steps=5)  # it ends in the second of two cells that train
    assert (first.verdict, num_losses(first)) == ("identical", {5})


def test_each_of_several_runs_of_one_cell_is_given_back(shell):
    train = (
        f"def train(lr):\n    {OPTIMIZER.replace('0.1', 'lr')}\n    with nbtrack.start(f'lr {{lr}}'"
        "):\n        " + STEPS.replace("\n", "\n        ")
    )
    failed = in_shell(shell, [SETUP, train, "for lr in (0.1, 0.2, 0.3):\n    train(lr)"])
    assert failed == [""] * 3
    for name, nth in (("lr 0.1", 0), ("lr 0.2", 1)):
        run = nbtrack.get(name)
        found = again(run)
        assert run.replay["nth_start"] == nth
        assert found.verdict == "identical", found
        assert found.run.name == f"{name} (again)"
        # what the cell would do after it is not done again
        assert len([r for r in nbtrack.Store().runs().name if "0.3 (again)" in r]) == 0


@pytest.mark.parametrize("how", ["kill", "leave"])
def test_a_run_that_was_never_finished_is_given_back(start_kernel, how):
    kernel = start_kernel()
    for cell in ("%load_ext nbtrack", SETUP, *CELLS[:-1]):
        kernel.run(cell)
    if how == "kill":
        os.kill(kernel.pid, signal.SIGKILL)
    else:
        kernel.client.shutdown()
    kernel.manager.provisioner.process.wait(60)
    run = nbtrack.get(-1)
    assert run.status == {"kill": "lost", "leave": "done"}[how]
    assert [cell["source"] for cell in run.replay["cells"]][-2:] == [STEPS, STEPS]
    found = again(run)
    assert (found.verdict, num_losses(found)) == ("identical", {8}), found


def test_a_run_that_was_pushed_is_given_back_from_another_store(shell, tmp_path):
    """As on another machine: an empty store, and the data beside the notebook is gone."""
    read = "rows = open('houses.csv').read().split()"
    cell = f"%%track\nscale = len(rows[1])\n{OPTIMIZER}\n" + STEPS.replace("w - ", "scale * w - ")
    assert in_shell(shell, [SETUP, read, cell])[-1] == ""
    run, other = nbtrack.get(-1), nbtrack.Store(tmp_path / "other")
    nbtrack.Store().push((tmp_path / "team").as_uri(), run.id)
    other.pull((tmp_path / "team").as_uri())
    Path("houses.csv").rename(tmp_path / "gone.csv")
    (tmp_path / ".nbtrack").rename(tmp_path / "gone")
    found = again(run.id, store=other)
    assert (found.verdict, found.reason) == ("identical", None), found
    assert found.run.store.path == other.path
