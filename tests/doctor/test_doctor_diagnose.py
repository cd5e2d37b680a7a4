"""`nbtrack.diagnose`: beside a cell, after the fact, before training, and told that it is meant."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

import nbtrack
from nbtrack.doctor.diagnose import rank
from nbtrack.errors import UsageError
from nbtrack.instruments.observing.loss_graph import read_loss
from nbtrack.records import Finding

NO_ZERO_GRAD = """
import torch
torch.manual_seed(0)
model = torch.nn.Linear(2, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.01)
x, y = torch.randn(8, 2), torch.randn(8, 1)
for step in range(6):
    loss = ((model(x) - y) ** 2).mean()
    loss.backward()
    opt.step()
weights = model.weight.detach().clone()
"""


@pytest.fixture
def shell(plain_shell: Any) -> Iterator[Any]:
    plain_shell.run_line_magic("load_ext", "nbtrack")
    yield plain_shell
    plain_shell.run_line_magic("unload_ext", "nbtrack")


def run(shell: Any, source: str) -> None:
    shell.run_cell(source, store_history=True).raise_error()


def test_findings_are_kept_with_the_run_and_read_by_another_process(shell: Any, capsys) -> None:
    run(shell, "%%track --no-live" + NO_ZERO_GRAD)
    (finding,) = nbtrack.get(-1).findings
    assert (finding.code, finding.severity, finding.first_step) == ("missing_zero_grad", "error", 1)
    assert "loss.backward()" in str(finding.line)
    assert "missing_zero_grad" in capsys.readouterr().out  # said at the end of the cell
    assert [f.code for f in nbtrack.diagnose()] == ["missing_zero_grad"]
    told = subprocess.run(
        [sys.executable, "-m", "nbtrack.cli", "diagnose"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "missing_zero_grad" in told.stdout


def test_what_is_called_intended_is_not_reported(shell: Any) -> None:
    run(shell, "%%track --no-live\n# nbtrack: ok missing_zero_grad" + NO_ZERO_GRAD)
    assert nbtrack.diagnose() == []
    run(shell, "%%track --no-live --allow missing_zero_grad" + NO_ZERO_GRAD)
    assert nbtrack.diagnose() == []
    run(shell, "%%track --no-live --allow step_order" + NO_ZERO_GRAD)
    assert [f.code for f in nbtrack.diagnose()] == ["missing_zero_grad"]


def test_training_is_the_same_bit_for_bit_and_torch_is_left_as_it_was(shell: Any) -> None:
    run(shell, NO_ZERO_GRAD)
    plain = shell.user_ns["weights"]
    run(shell, "%%track --no-live" + NO_ZERO_GRAD)
    assert shell.user_ns["weights"].equal(plain)
    model = weakref.ref(shell.user_ns["model"])
    for name in ("model", "opt", "loss"):
        del shell.user_ns[name]
    gc.collect()
    assert model() is None  # the doctor has let go of it


def test_a_page_escapes_what_the_person_wrote(shell: Any) -> None:
    run(shell, "%%track '<b>x</b>' --no-live" + NO_ZERO_GRAD)
    shell.run_cell("found = get_ipython().run_line_magic('doctor', '')").raise_error()
    data, _ = shell.display_formatter.format(shell.user_ns["found"])
    assert "&lt;b&gt;x&lt;/b&gt;" in data["text/html"]
    assert "<b>x</b>" not in data["text/html"]
    assert "1 finding" in data["text/plain"]
    assert "missing_zero_grad" in data["text/html"]


def test_a_run_without_facts_is_judged_by_its_curves(shell: Any) -> None:
    run(shell, "%%track --no-live" + NO_ZERO_GRAD)
    facts = nbtrack.get(-1).path / "facts.json"
    assert json.loads(facts.read_text())["optimizers"][0]["stale"] == 4
    facts.unlink()
    assert nbtrack.diagnose() == []
    assert "on its curves alone" in repr(nbtrack.diagnose())


def test_a_model_is_judged_before_it_trains_and_stays_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(), nn.Softmax(1))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    batch = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)), torch.arange(5) % 3
    found = nbtrack.diagnose(model=model, batch=batch, loss_fn=nn.CrossEntropyLoss())
    assert [f.code for f in found] == ["softmax_before_ce"]
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert torch.get_rng_state().equal(state)
    assert model[0].weight.grad is None
    assert nbtrack.diagnose(model=model[:1], batch=batch, loss_fn=nn.CrossEntropyLoss()) == []


def test_a_model_alone_says_what_is_missing() -> None:
    with pytest.raises(UsageError, match="needs model=, batch= and loss_fn="):
        nbtrack.diagnose(model=nn.Linear(1, 1))
    with pytest.raises(UsageError, match="not a pair"):
        nbtrack.diagnose(model=nn.Linear(1, 1), batch=torch.ones(1), loss_fn=nn.MSELoss())


def test_a_cause_hides_what_it_explains_and_at_most_three_are_shown() -> None:
    def finding(code: str) -> Finding:
        return Finding(code=code, severity="error", origin="loop", title="", sentence="", advice="")

    nan = [finding("numerical_instability"), finding("bad_lr")]
    assert [f.code for f in rank(nan)] == ["bad_lr"]
    assert [f.code for f in rank(nan[:1])] == ["numerical_instability"]
    many = ["eval_mode", "softmax_before_ce", "broadcast_loss", "missing_zero_grad"]
    assert [f.code for f in rank([finding(code) for code in many])] == many[:0:-1]


@pytest.mark.parametrize(
    ("shapes", "is_found"),
    [(((5, 1), (5,)), True), (((5,), (5, 1)), True), (((5, 1), (5, 1)), False),
     (((5, 1), (5, 5)), False), (((5, 1), (1, 3)), False)],
)  # fmt: skip
def test_an_outer_difference_is_told_from_one_that_is_meant(shapes, is_found) -> None:
    p, y = (torch.randn(shape) for shape in shapes)
    p = (p * 1.0).requires_grad_()
    for d in (p.mul(2) - y, y - p.mul(2)):
        assert ("broadcast" in read_loss((d**2).mean())) is is_found
        assert ("broadcast" in read_loss(d.abs().mean())) is is_found
