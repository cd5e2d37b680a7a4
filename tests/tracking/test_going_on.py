"""A run is gone on with from a checkpoint, put back, and carried away, in a real shell."""

from __future__ import annotations

import pytest

import nbtrack
from nbtrack.errors import NotReproducible, StoreError

SETUP = """
import torch
from torch.utils.data import DataLoader, TensorDataset
x = torch.randn(60, 3)
y = x.sum(1, keepdim=True)
loader = DataLoader(TensorDataset(x, y), batch_size=20, shuffle=True)
"""
TRAINING = """
model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
history = []
for epoch in range(6):
    for inputs, targets in loader:
        loss = ((model(inputs) - targets) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    history.append(loss.item())
after = sum(history)
"""


def weights(shell) -> list:
    return [parameter.detach().clone() for parameter in shell.user_ns["model"].parameters()]


def same(a: list, b: list) -> bool:
    return len(a) == len(b) and all((one == other).all() for one, other in zip(a, b, strict=True))


@pytest.mark.parametrize("from_step", [None, 17, 6])
def test_going_on_is_the_same_as_never_having_stopped(shell, run_cell, from_step):
    run_cell(SETUP)
    assert run_cell("%%track whole --checkpoint-every 2" + TRAINING).success
    run, expected = nbtrack.get(-1), weights(shell)
    history, after = shell.user_ns["history"], shell.user_ns["after"]
    for name in ("model", "optimizer", "scheduler", "history", "after"):
        del shell.user_ns[name]
    torch = shell.user_ns["torch"]
    torch.manual_seed(99)

    went_on = nbtrack.resume(run, from_step)

    assert same(weights(shell), expected)
    assert (shell.user_ns["history"], shell.user_ns["after"]) == (history, after)
    again = nbtrack.get(went_on.id)
    assert (again.info.resumes, again.steps, again.status) == (run.id, 18, "done")
    assert again.series("loss").equals(run.series("loss"))
    assert again.replay["weights_digest"] == run.replay["weights_digest"]
    assert (again.points()["time_s"] >= 0).all()


def test_a_checkpoint_that_was_trained_past_gives_other_weights_without_going_on(shell, run_cell):
    run_cell(SETUP)
    run_cell("%%track --checkpoint-every 2" + TRAINING)
    expected = weights(shell)
    run_cell(TRAINING)  # the same cell from the start, with the random state of now
    assert not same(weights(shell), expected)


def test_a_while_loop_is_gone_on_with_too(shell, run_cell):
    run_cell(SETUP)
    code = TRAINING.replace("for epoch in range(6):", "epoch = 0\nwhile epoch < 6:\n    epoch += 1")
    assert run_cell("%%track --checkpoint-every 4" + code).success
    expected = weights(shell)
    nbtrack.resume(-1)
    assert same(weights(shell), expected)


def test_a_run_with_no_checkpoint_cannot_be_gone_on_with(run_cell):
    run_cell(SETUP)
    run_cell("%%track" + TRAINING)
    with pytest.raises(NotReproducible, match="checkpoint-every"):
        nbtrack.resume(-1)
    run_cell("%%track --checkpoint-every 2" + TRAINING)
    with pytest.raises(NotReproducible, match="at or before step 3"):
        nbtrack.resume(-1, from_step=3)


def test_a_cell_whose_loop_is_in_a_function_says_so(run_cell, capsys):
    run_cell("def train():\n    for i in range(3):\n        pass")
    assert run_cell("%%track --checkpoint-every 1\ntrain()").success
    assert "no loop of its own" in capsys.readouterr().err


def test_what_was_saved_is_put_back_with_its_identity(shell, run_cell):
    run_cell(SETUP)
    run_cell("%%track --save-weights" + TRAINING)
    expected, torch = weights(shell), shell.user_ns["torch"]
    drawn = torch.rand(1)
    del shell.user_ns["model"], shell.user_ns["optimizer"]

    names = nbtrack.get(-1).restore()

    assert {"model", "optimizer", "loader", "history"} <= set(names)
    assert same(weights(shell), expected)
    assert torch.rand(1) == drawn  # the random state at the end of the cell
    run_cell("for p in model.parameters(): p.grad = torch.ones_like(p)\noptimizer.step()")
    assert not same(weights(shell), expected)  # the optimizer steps the model that is there


def test_a_run_that_kept_only_digests_cannot_be_put_back(run_cell):
    run_cell(SETUP)
    run_cell("%%track" + TRAINING)
    with pytest.raises(NotReproducible, match="save-weights"):
        nbtrack.get(-1).restore()


def test_a_bundle_carries_a_run_to_another_store(run_cell, tmp_path):
    run_cell(SETUP)
    run_cell("%%track carried --save-weights --tag a" + TRAINING)
    run = nbtrack.get(-1)
    path = nbtrack.export_bundle(run, tmp_path / "carried.nbtrack.zip")

    from nbtrack.versioning.bundle import import_bundle

    other = nbtrack.Store(tmp_path / "other")
    taken = import_bundle(path, other)
    assert (taken.id, taken.name, taken.info.tags) == (run.id, "carried", ("a",))
    assert taken.series("loss").equals(run.series("loss"))
    kept = other.get(run.id)
    assert kept.script() == run.script()
    assert kept.snapshot == run.snapshot
    values: dict = {}
    kept.restore(values)
    assert values["history"] == list(run.replay["variables"]["history"])
    assert other.blobs.verify() == []
    assert import_bundle(path, other).id == run.id  # again: nothing changes


def test_a_file_that_is_no_bundle_is_refused(tmp_path):
    from nbtrack.versioning.bundle import import_bundle

    (tmp_path / "x.zip").write_bytes(b"nothing")
    with pytest.raises(StoreError, match="not a bundle"):
        import_bundle(tmp_path / "x.zip", nbtrack.Store(tmp_path / "other"))
    assert not (tmp_path / "other").exists()
