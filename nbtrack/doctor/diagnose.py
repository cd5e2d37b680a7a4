"""`diagnose`: the findings of a run, the likeliest cause first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nbtrack.doctor import curves, symptoms
from nbtrack.doctor.before_training import findings_of
from nbtrack.doctor.facts_file import read_facts
from nbtrack.errors import UsageError
from nbtrack.records import Cell, Finding
from nbtrack.run import Run, get
from nbtrack.store import StoredRun

MOST = 3  # findings shown at once

# What comes first explains what comes later: a loss cut off from the model has no gradients, and
# a step without gradients leaves the loss where it is.
_ORDER = [
    "detached_graph",
    "params_not_optimized",
    "step_order",
    "missing_zero_grad",
    "broadcast_loss",
    "wrong_loss",
    "softmax_before_ce",
    "eval_mode",
    "numerical_instability",
    "bad_lr",
]
_EXPLAINS = {
    "detached_graph": {"step_order", "bad_lr", "params_not_optimized"},
    "params_not_optimized": {"step_order", "bad_lr"},
    "step_order": {"bad_lr"},
    "missing_zero_grad": {"bad_lr", "numerical_instability"},
    "wrong_loss": {"bad_lr", "numerical_instability", "softmax_before_ce"},
    "bad_lr": {"numerical_instability"},
}
_OK = re.compile(r"#\s*nbtrack:\s*ok\s+([a-z_, ]+)|--allow[ =]([a-z_,]+)")
_WHERE = {
    "missing_zero_grad": r"\.backward\(",
    "step_order": r"\.step\(",
    "softmax_before_ce": r"softmax|Softmax|sigmoid|Sigmoid",
    "params_not_optimized": r"optim\.|optimizer\s*=|opt\s*=",
    "detached_graph": r"\.detach\(|\.item\(|\.data\b|\.numpy\(|argmax|torch\.tensor\(",
    "broadcast_loss": r"loss\s*=|mse|l1_loss|\*\*\s*2",
    "wrong_loss": r"nll_loss|NLLLoss|cross_entropy|CrossEntropy|BCE|mse_loss|MSELoss",
    "eval_mode": r"\.eval\(",
    "bad_lr": r"\blr\b",
}


class Diagnosis(list[Finding]):
    """The findings of a run, the likeliest cause first, with what was looked at.

    Attributes
    ----------
    run : StoredRun or None
        None for a model that has not trained.
    num_checks : int
        How many kinds of fault were looked for.
    has_facts : bool
        Whether an observer stood beside the run; without one only its curves can be judged.
    """

    def __init__(
        self,
        findings: Iterable[Finding],
        run: StoredRun | None,
        num_checks: int,
        has_facts: bool,
    ) -> None:
        super().__init__(findings)
        self.run = run
        self.num_checks = num_checks
        self.has_facts = has_facts

    def __repr__(self) -> str:
        run = self.run
        name = "model before training" if run is None else f"{run.info.name} {run.id}"
        if not self:
            less = "" if self.has_facts else ", on its curves alone"
            return (
                f"{name}: nothing found by {self.num_checks} checks{less}. "
                "This does not prove the model right."
            )
        lines = [f"{name}: {len(self)} finding{'s' if len(self) > 1 else ''}"]
        for finding in self:
            since = "" if finding.first_step is None else f", since step {finding.first_step:,}"
            lines.append(f"\n{finding.title}  [{finding.code}, {finding.severity}{since}]")
            lines.append(f"  {finding.sentence}")
            if finding.line:
                lines.append(f"  {finding.line}")
            lines.append(f"  Try: {finding.advice}.")
            lines.append(f"  Intended? Write  # nbtrack: ok {finding.code}  in the cell.")
        return "\n".join(lines)


def diagnose(
    run: StoredRun | str | int | None = None,
    model: Any = None,
    batch: Any = None,
    loss_fn: Any = None,
) -> Diagnosis:
    """Say what is probably wrong with a training, and what to do next.

    Parameters
    ----------
    run : Run, id, name or position, optional
        The newest without it; of this or any other process.
    model, batch, loss_fn : optional
        Before training, all three together and no run: a module, a pair of inputs and targets, and
        what makes a loss of predictions and targets.

    Returns
    -------
    Diagnosis
        A list of `nbtrack.records.Finding`, at most three, the likeliest cause first; empty where
        nothing was found, which does not prove the model right.

    Raises
    ------
    RunNotFound
        (a LookupError) if there is no such run.
    UsageError
        (a ValueError) for a model with a run, without a batch, or that cannot be copied.

    Notes
    -----
    Reads five series of the run and the facts that were noted beside it; runs nothing. A model is
    copied, and the copy called once on the batch.
    """
    if model is not None or batch is not None or loss_fn is not None:
        if run is not None:
            raise UsageError("diagnose() takes a run, or model, batch and loss_fn; not both")
        return Diagnosis(rank(findings_of(model, batch, loss_fn)), None, 3, True)
    found: StoredRun = run if isinstance(run, StoredRun) else get(-1 if run is None else run)
    facts = read_facts(found.path)
    active = isinstance(found, Run) and found.is_active
    return judge(found, facts, at_end=not active)


def judge(run: StoredRun, facts: Mapping[str, Any] | None, *, at_end: bool) -> Diagnosis:
    """The findings of a run by these facts and by its series."""
    checks: list[Finding | None] = []
    if facts is not None:
        checks += [check(facts) for check in symptoms.ALL]
        if at_end:
            checks += [check(facts) for check in symptoms.AT_END]
    series = _curves(run)
    checks += [check(series) for check in curves.ALL]
    cells = run.info.cells
    silent = _allowed(cells)
    found = [f for f in checks if f is not None and f.code not in silent]
    shown = [_with_line(finding, cells) for finding in rank(found)]
    return Diagnosis(shown, run, len(checks), facts is not None)


def rank(findings: Sequence[Finding]) -> list[Finding]:
    """The causes in their order, without what another of them explains; at most three."""
    codes = {finding.code for finding in findings}
    explained = {code for cause in codes for code in _EXPLAINS.get(cause, ())}
    kept = [finding for finding in findings if finding.code not in explained]
    return sorted(kept, key=lambda finding: _ORDER.index(finding.code))[:MOST]


def _allowed(cells: Sequence[Cell]) -> set[str]:
    """The codes that the cells call intended."""
    found: set[str] = set()
    for cell in cells:
        for in_comment, in_line in _OK.findall(cell.source):
            found.update(re.split(r"[,\s]+", in_comment or in_line))
    return found


def _curves(run: StoredRun) -> dict[str, list[tuple[int, float]]]:
    frame = run.points(curves.KEYS)
    return {
        str(key): list(zip(part["step"].tolist(), part["value"].tolist(), strict=True))
        for key, part in frame.groupby("key", observed=True)
    }


def _with_line(finding: Finding, cells: Sequence[Cell]) -> Finding:
    """The finding with the last line of the cells that its code could be about."""
    pattern = _WHERE.get(finding.code)
    if pattern is None or finding.line is not None:
        return finding
    for cell in reversed(cells):
        for number, line in reversed(list(enumerate(cell.source.splitlines(), 1))):
            if re.search(pattern, line.partition("#")[0]):
                where = "this cell" if cell.count is None else f"cell {cell.count}"
                return replace(finding, line=f"{where}, line {number}: {line.strip()[:120]}")
    return finding
