"""The plain values that cross rooms: frozen dataclasses with no behaviour of their own.

Reading and writing them as JSON belongs to `nbtrack.store`, drawing them to `nbtrack.views`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["running", "done", "failed", "interrupted", "stopped", "incomplete", "lost"]


@dataclass(frozen=True)
class Cell:
    """One execution of one notebook cell.

    Attributes
    ----------
    source : str
        The text as typed, magic lines included.
    cell_id : str or None
        The notebook's id of the cell; None where the front end sends none (a terminal).
    count : int or None
        The execution count, the number in ``In [count]``.
    is_part : bool
        Only some statements of the cell are in `source`: imports that another cell needs.
    """

    source: str
    cell_id: str | None = None
    count: int | None = None
    is_part: bool = False


@dataclass(frozen=True, kw_only=True)
class CapturedCell:
    """One cell of a slice, with what it takes to execute it again.

    Attributes
    ----------
    cell : Cell
        As typed.
    code : str
        The plain Python that IPython made of it.
    random : mapping of str to state
        Sources of randomness that the cell used, with their states at its entry.
    continues : frozenset of str
        Those of them that the slice itself leaves in that state, as an earlier cell of it does.
    reason : str
        Why it is in the slice: ``"binds model"``.
    opaque : tuple of str
        Why it cannot be known what the cell needs and binds; empty for most cells.
    error : str or None
        The name of the exception that ended it.
    stopped_after : int or None
        The optimizer step after which it was asked to stop; None for a cell that ran to its end.
    moment : mapping or None
        Where it was when it was interrupted, and digests of what its names held.
    """

    cell: Cell
    code: str
    random: Mapping[str, Any] = field(default_factory=dict)
    continues: frozenset[str] = frozenset()
    reason: str = ""
    opaque: tuple[str, ...] = ()
    error: str | None = None
    stopped_after: int | None = None
    moment: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Capture:
    """What a run needs of the kernel it ran in: the slice, and what the slice used.

    Attributes
    ----------
    cells : tuple of CapturedCell
        In the order of their execution; the tracked cell is the last.
    num_own : int
        How many at the end of `cells` the run was active in: more than the tracked one for a run
        that `nbtrack.start` began in one cell and that ended in another.
    nth_start : int
        Runs that the first of these had started before this one.
    num_executed : int
        Cells that the kernel had executed, the tracked one counted.
    missing : tuple of str
        Names that the slice needs and no cell on record binds.
    hidden : tuple of str
        Why the notebook, run from the top, would not give this run: ``"cell 4 was edited since"``.
    notes : tuple of str
        What could not be looked at, in words.
    folder : str
        The working folder at the start of the tracked cell.
    files : tuple of str
        Absolute paths that the slice read and that no cell of it wrote.
    modules : mapping of str to str
        Python files beside the notebook that were imported: path in the folder to absolute path.
    needs : tuple of str
        Names that the run's own cells read and had not bound.
    binds : tuple of str
        Names that they bound.
    clock : tuple of str
        Names whose values come from a clock, and differ from one execution to the next.
    """

    cells: tuple[CapturedCell, ...] = ()
    num_own: int = 1
    nth_start: int = 0
    num_executed: int = 0
    missing: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    folder: str = ""
    files: tuple[str, ...] = ()
    modules: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()
    clock: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What a run was made of, as a value: equal content has an equal digest.

    Attributes
    ----------
    digest : str
        BLAKE3 of the canonical JSON of the rest.
    cells : tuple of str
        The sources of the slice, in the order of their execution.
    params : mapping
        Hyper-parameters.
    data : mapping of str to mapping
        Per file or variable that went in: ``digest``, ``kind``, ``shape``, and the like.
    environment : mapping
        Python, packages, machine, threads and flags.
    """

    digest: str
    cells: tuple[str, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What ``run.json`` holds: everything about a run but its points, outputs and blobs.

    Attributes
    ----------
    started_s, ended_s : float
        Unix time in seconds; ``ended_s`` is None while the run is active.
    params : mapping of str to JSON value
        Hyper-parameters.
    origins : mapping of str to str
        Where each of them was found: ``"cell 7, line 2"``, ``"optimizer"``, ``"--param"``.
    cells : tuple of Cell
        The slice: the executions that the run needs, in their order; the tracked one is the last.
    snapshot : str or None
        The digest of its `Snapshot`.
    hidden : tuple of str
        Why the notebook, run from the top, would not give this run; empty when it would.
    reproduces : str or None
        The id of the run that this one repeats.
    resumes : str or None
        The id of the run that this one goes on with.
    git, data : mapping
        ``commit``, ``branch``, ``dirty``; short digests of the data that went in, by name.
    expected : mapping of str to int
        ``steps`` and ``epochs`` of the run if its loops run to their ends, where that is known.
    changed : tuple of str
        What differs from the run before, in words: ``"lr 0.1 → 0.01"``; ``("first run",)``.
    error : mapping or None
        ``{"name", "message", "traceback", "line"}`` of the exception that ended the run.
    lost_points : int
        Points that could not be written (disk full, read-only).
    summary : mapping
        Per key ``{"first", "last", "min", "max", "count", "last_step"}``, written at the end.
    writer : mapping
        Host, boot id, pid and start time of the process that writes the run.
    extra : mapping
        Fields of ``run.json`` that this version does not know; written back as they were.
    """

    id: str
    name: str
    started_s: float
    status: Status = "running"
    ended_s: float | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seed: int | None = None
    changed: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = ()
    notebook: str | None = None
    error: Mapping[str, Any] | None = None
    lost_points: int = 0
    steps: int | None = None
    summary: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    saved: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    readings: Mapping[str, str] = field(default_factory=dict)
    writer: Mapping[str, Any] = field(default_factory=dict)
    snapshot: str | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    reproduces: str | None = None
    resumes: str | None = None
    expected: Mapping[str, int] = field(default_factory=dict)
    git: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


Severity = Literal["error", "warning", "info"]
Origin = Literal[
    "data", "labels", "features", "model", "loss", "loop", "optimizer", "infrastructure"
]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is probably wrong with a training, and what shows it.

    Attributes
    ----------
    code : str
        What kind of fault, one of the doctor's codes: ``"missing_zero_grad"``.
    severity : {"error", "warning", "info"}
        An ``info`` is no alarm.
    origin : str
        Where the cause lies, and so whom to ask: data, labels, features, model, loss, loop,
        optimizer or infrastructure.
    title : str
        A few words, without a full stop: ``"Dying ReLU in block2"``.
    sentence : str
        What was seen, in one sentence with its numbers.
    advice : str
        The one thing to do next.
    first_step : int or None
        The first optimizer step at which it showed; None for what has no step.
    evidence : mapping of str to JSON value
        The numbers behind the sentence, by name.
    keys : tuple of str
        Series of the run that show it.
    module : str or None
        The module or parameter concerned, as the model names it.
    line : str or None
        The line of code concerned: ``"cell 7, line 3"``.
    code_to_try : str or None
        Python for a new cell that tests the finding or mends it.
    """

    code: str
    severity: Severity
    origin: Origin
    title: str
    sentence: str
    advice: str
    first_step: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    module: str | None = None
    line: str | None = None
    code_to_try: str | None = None


@dataclass(frozen=True)
class Output:
    """One thing that a run showed: a piece of a stream, a display, a result or its exception.

    Attributes
    ----------
    time_s : float
        Seconds since the start of the run.
    kind : {"stdout", "stderr", "display", "result", "error", "event", "note"}
        ``event`` is something that happened to the run (asked to stop, thinned readings),
        ``note`` says what was left out because of the size limits.
    data : mapping
        ``{"text": str}`` for streams, events and notes, a MIME bundle for displays and results,
        ``{"name", "message", "traceback"}`` for errors. An event may say with ``step`` at which
        optimizer step it happened, and with ``mark`` what it is: ``"stop"``, ``"lr"``.
    """

    time_s: float
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Where two runs differ.

    Attributes
    ----------
    what : {"series", "weights", "variable", "end"}
    name : str
        The key of the series, the tensor, or the variable.
    step : int or None
        The first step at which they differ; None for what has no steps.
    recorded, again : object
        What the recorded run has there, and the new one; None for a point that is missing.
    size : float or None
        Of the difference, where it is one of numbers.
    """

    what: str
    name: str
    step: int | None = None
    recorded: Any = None
    again: Any = None
    size: float | None = None

    def __str__(self) -> str:
        where = {"series": "series ", "weights": "tensor ", "variable": "variable "}.get(
            self.what, ""
        )
        at = "" if self.step is None else f"step {self.step:,}: "
        size = "" if self.size is None else f", by {self.size:.3g}"
        return f"{at}{where}{self.name} {_short(self.recorded)} → {_short(self.again)}{size}"


def _short(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, kw_only=True)
class ComparedSeries:
    """One series of a run, held against the same series of another.

    Attributes
    ----------
    num_points : int
        Points that both runs have, and that were compared.
    first : Difference or None
        Where they differ first; None when all are equal, bit for bit.
    largest : float
        The largest relative difference; 0 when equal, infinite where one of two is not finite.
    """

    key: str
    num_points: int
    first: Difference | None = None
    largest: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """How the repetition of a run compares with it.

    Attributes
    ----------
    verdict : {"identical", "close", "different", "failed"}
    sentence : str
        The verdict in words.
    original : str
        The id of the run that was repeated.
    run : StoredRun or None
        The new run; None when none was made.
    first_difference : Difference or None
    reason : str or None
        The likely reason of a difference or failure.
    details : tuple of str
        What was compared and what differs, a line each.
    series : tuple of ComparedSeries
    num_weights : int
        Tensors of trained weights whose digests were compared.
    weights : tuple of (str or None, str or None)
        The digest of all of them, recorded and again.
    environment : tuple of (str, object, object)
        What differs between the two environments: name, recorded, present.
    restored : mapping of str to str
        What was put back: code, parameters, random state, data, environment, in words.
    folder : str
        Where the notebook, script, configuration, lock file and data lie, as seen from the working
        folder where it lies in that.
    duration_s : float
    """

    verdict: Literal["identical", "close", "different", "failed"]
    sentence: str
    original: str
    run: Any = None
    first_difference: Difference | None = None
    reason: str | None = None
    details: tuple[str, ...] = ()
    series: tuple[ComparedSeries, ...] = ()
    num_weights: int = 0
    weights: tuple[str | None, str | None] = (None, None)
    environment: tuple[tuple[str, Any, Any], ...] = ()
    restored: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    duration_s: float = 0.0

    def __repr__(self) -> str:
        return "\n".join([self.sentence, *(f"  {line}" for line in self.details)])
