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
    """

    source: str
    cell_id: str | None = None
    count: int | None = None


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What ``run.json`` holds: everything about a run but its points, outputs and blobs.

    Attributes
    ----------
    started_s, ended_s : float
        Unix time in seconds; ``ended_s`` is None while the run is active.
    params : mapping of str to JSON value
        Hyper-parameters.
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
    extra: Mapping[str, Any] = field(default_factory=dict)


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
        ``{"name", "message", "traceback"}`` for errors.
    """

    time_s: float
    kind: str
    data: Mapping[str, Any]
