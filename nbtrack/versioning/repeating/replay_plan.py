"""The plan of a repetition: which cells, which random states, and when to stop."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrack.capture.transform import is_tracked
from nbtrack.store import Store, StoredRun
from nbtrack.versioning.repeating.fresh_kernel import Executed
from nbtrack.versioning.script import untracked

_CALL = '__import__("nbtrack.versioning.repeating.replaying", fromlist="_")'


@dataclass(frozen=True)
class Plan:
    """What the fresh kernel is told.

    Attributes
    ----------
    folder : Path
        Where the plan and the random states lie.
    sources : tuple of str
        The cells as they will be executed; of tracked ones only the run's own still are.
    names : tuple of str
        How the cells are called: their execution counts.
    last_step : int or None
        The step after which to stop; None for the whole run.
    errors : tuple of (str or None)
        The name of the exception that ended each cell when it was recorded.
    first_own : int
        The number of the cell that starts the run.
    """

    folder: Path
    sources: tuple[str, ...]
    names: tuple[str, ...]
    last_step: int | None
    errors: tuple[str | None, ...]
    first_own: int

    @property
    def first_line(self) -> str:
        """What the kernel executes before anything else."""
        return f"{_CALL}.begin({str(self.folder / 'plan.json')!r})"

    @property
    def last_line(self) -> str:
        """What the kernel executes after all cells."""
        return f"{_CALL}.end()"

    def line_before(self, number: int) -> str:
        """What the kernel executes before a cell."""
        return f"{_CALL}.enter({number})"

    def name(self, number: int) -> str:
        """How the cell is called."""
        return self.names[number]

    def is_expected(self, number: int, done: Executed) -> bool:
        """Whether a cell ended as the recorded one did, or was stopped as planned."""
        name = None if done.error is None else done.error[0]
        return name is None or name == self.errors[number] or self.is_over(number, done)

    def is_over(self, number: int, done: Executed) -> bool:
        """Whether the repetition has ended with this cell, for a reason of its own."""
        name = None if done.error is None else done.error[0]
        is_stopped = name == "RunStopped" and self.last_step is not None
        return number >= self.first_own and (is_stopped or name == "RunRepeated")

    def started_run(self, store: Store) -> StoredRun | None:
        """The run that the tracked cell has started."""
        try:
            told = json.loads((self.folder / "replayed.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return type(store)(told.get("store") or store.path).get(told["run"])

    def problems(self) -> list[str]:
        """Random states that could not be put back, in words."""
        try:
            told = json.loads((self.folder / "replayed.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return list(told.get("problems", ()))


def make_plan(
    store: Store,
    run: StoredRun,
    replay: Mapping[str, Any],
    sources: Sequence[str],
    folder: Path,
    steps: int | None,
) -> Plan:
    """Write the plan of a repetition into a folder.

    Parameters
    ----------
    sources : sequence of str
        The cells as typed.
    steps : int, optional
        The most optimizer steps. A run that was stopped, interrupted or lost is repeated up to
        its own last step in any case.

    Raises
    ------
    BlobNotFound
        If the store has lost a random state.
    """
    states = folder / "random"
    states.mkdir(parents=True, exist_ok=True)
    random: list[str | None] = []
    for number, cell in enumerate(replay["cells"]):
        digest = cell.get("random")
        random.append(None if digest is None else f"random/{number}")
        if digest is not None:
            (states / str(number)).write_bytes(store.blobs.get(digest))
    ended_early = run.status in ("stopped", "interrupted", "lost")
    known = _num_steps(run)
    limits = [count for count in (steps, known if ended_early else None) if count]
    last_step = min(limits) - 1 if limits else None
    # A training that was stopped part-way and gone on with is stopped there again.
    stops = [cell.get("stopped_after") for cell in replay["cells"][:-1]]
    first_own = len(sources) - int(replay.get("num_own", 1))
    plain = [
        untracked(source) if stop is None and number < first_own else source
        for number, (source, stop) in enumerate(zip(sources, stops, strict=False))
    ]
    document = {
        "run": run.id,
        "random": random,
        "counts": [cell.get("count") for cell in replay["cells"]],
        "start": first_own,
        "nth": replay.get("nth_start", 0),
        "stops": [*stops, None],
        "last_step": last_step,
        "moments": [*(cell.get("moment") for cell in replay["cells"][:-1]), None],
        "ends_cell": run.status != "failed" and not is_tracked(sources[-1]),
        "environment": replay.get("environment") or {},
    }
    (folder / "plan.json").write_text(json.dumps(document, default=repr), encoding="utf-8")
    (folder / "replayed.json").unlink(missing_ok=True)
    return Plan(
        folder=folder,
        sources=(*plain, sources[-1]),
        names=tuple(
            str(cell.get("count") or number + 1) for number, cell in enumerate(replay["cells"])
        ),
        last_step=last_step,
        errors=(
            *(cell.get("error") for cell in replay["cells"][:-1]),
            (run.error or {}).get("name") or replay["cells"][-1].get("error"),
        ),
        first_own=first_own,
    )


def _num_steps(run: StoredRun) -> int | None:
    """Optimizer steps that the run completed, as far as the disk tells."""
    if run.steps is not None:
        return run.steps
    points = run.points("loss")
    return None if points.empty else int(points["step"].max()) + 1
