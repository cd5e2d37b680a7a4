"""`StoredRun`: a run as it is read back, while it is being written or years later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nbtrack.errors import SeriesNotFound
from nbtrack.records import Cell, Finding, Output, RunInfo
from nbtrack.store.columns import num_points, read_columns, read_names
from nbtrack.store.edits import write_edits
from nbtrack.store.findings import read_findings
from nbtrack.store.heartbeat import as_seen_now, last_sign_s
from nbtrack.store.objects import give_back
from nbtrack.store.outputs import OutputTail, read_outputs
from nbtrack.store.place import Place
from nbtrack.store.runfile import FILE_NAME, read_info, read_unedited
from nbtrack.store.summary import summarise
from nbtrack.store.tail import Tail

if TYPE_CHECKING:
    import pandas as pd


class StoredRun:
    """The reading side of one run.

    Cheap to make, and always up to date: ``run.json`` is read when first asked for and again when
    it has changed, points are read on every call.

    Parameters
    ----------
    store : Place
        The store (`nbtrack.Store`) that holds the run.
    run_id : str

    Attributes
    ----------
    path : Path
        The run's folder.
    """

    def __init__(self, store: Place, run_id: str) -> None:
        self.store = store
        self.id = run_id
        self.path = store.run_folder(run_id)
        self._stamp: tuple[int, ...] = ()
        self._info: RunInfo | None = None

    def __repr__(self) -> str:
        return f"<run {self.id} {self.name!r}: {self.status}>"

    @property
    def info(self) -> RunInfo:
        """What ``run.json`` says, with status ``lost`` if the writer has died.

        Raises
        ------
        FileNotFoundError
            If the run was deleted.
        FormatTooNew
            If a newer nbtrack wrote it.
        StoreError
            If it is damaged.
        """
        stat = (self.path / FILE_NAME).stat()
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if self._info is None or stamp != self._stamp:
            self._info = read_info(self.path)
            self._stamp = stamp
        return as_seen_now(self.path, self._info)

    @property
    def name(self) -> str:
        """The label given by the user, or chosen; set it to rename the run."""
        return self.info.name

    @name.setter
    def name(self, name: str) -> None:
        write_edits(self.path, read_unedited(self.path), name=name)

    @property
    def status(self) -> str:
        """One of running, done, failed, interrupted, stopped, incomplete, lost."""
        return self.info.status

    @property
    def params(self) -> Mapping[str, Any]:
        """Hyper-parameters."""
        return self.info.params

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags; set them (``run.tags += ("best",)``) while it trains or years later."""
        return self.info.tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        write_edits(self.path, read_unedited(self.path), tags=tags)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes; set them to a text or to several."""
        return self.info.notes

    @notes.setter
    def notes(self, notes: str | Iterable[str]) -> None:
        write_edits(self.path, read_unedited(self.path), notes=notes)

    @property
    def error(self) -> Mapping[str, Any] | None:
        """The exception that ended the run."""
        return self.info.error

    @property
    def changed(self) -> tuple[str, ...]:
        """What differs from the run before, in words."""
        return self.info.changed

    @property
    def cells(self) -> list[Cell]:
        """The executed cells that the run needs, in execution order."""
        return list(self.info.cells)

    @property
    def saved(self) -> Mapping[str, Mapping[str, Any]]:
        """What was kept with ``run.save``, by name."""
        return self.info.saved

    @property
    def steps(self) -> int | None:
        """Optimizer steps, once the writer has told them."""
        return self.info.steps

    @property
    def started_s(self) -> float:
        """Unix time at which the run started."""
        return self.info.started_s

    @property
    def ended_s(self) -> float | None:
        """Unix time at which the run ended; None while it is active."""
        return self.info.ended_s

    @property
    def duration_s(self) -> float:
        """Seconds from the start to the end, or to the last sign of life."""
        info = self.info
        ended_s = last_sign_s(self.path, info) if info.ended_s is None else info.ended_s
        return max(ended_s - info.started_s, 0.0)

    @property
    def outputs(self) -> list[Output]:
        """What the run showed, in order.

        Raises
        ------
        OSError
            If the file is there and cannot be read.
        """
        return read_outputs(self.path, self.info.started_s)

    @property
    def findings(self) -> list[Finding]:
        """What the doctor has found so far, the likeliest cause first.

        Raises
        ------
        StoreError
            If ``findings.json`` is damaged.
        """
        return read_findings(self.path)

    def points(self, keys: str | Iterable[str] | None = None) -> pd.DataFrame:
        """All points of the run, or those of some series.

        Parameters
        ----------
        keys : str or iterable of str, optional
            Series to read. A key that the run does not have adds no rows.

        Returns
        -------
        DataFrame
            Columns ``step`` (int64), ``time_s`` (float64, seconds since the start of the run),
            ``rank`` (int64), ``key`` (categorical), ``value`` (float64); in order of time.

        Raises
        ------
        OSError
            If a file is there and cannot be read.

        Notes
        -----
        Reads every record file whole: about 50 ms and 60 MB per million points.
        """
        import pandas as pd

        wanted = None if keys is None else {keys} if isinstance(keys, str) else set(keys)
        columns = read_columns(self.path, wanted)
        key = pd.Categorical.from_codes(columns.code, pd.Index(columns.names, dtype=object))
        if wanted is not None:
            key = key.remove_unused_categories()
        frame: pd.DataFrame = pd.DataFrame(
            {
                "step": columns.step,
                "time_s": columns.time_s - self.info.started_s,
                "rank": columns.rank,
                "key": key,
                "value": columns.value,
            },
            copy=False,
        )
        return frame

    def series(self, key: str) -> pd.DataFrame:
        """The points of one series.

        Returns
        -------
        DataFrame
            Columns ``step`` and ``value``, in order of time.

        Raises
        ------
        SeriesNotFound
            If the run has no such series (yet).
        OSError
            If a file is there and cannot be read.
        """
        import pandas as pd

        columns = read_columns(self.path, {key})
        if key not in columns.names:
            raise SeriesNotFound(key, self.id, columns.names)
        frame: pd.DataFrame = pd.DataFrame(
            {"step": columns.step, "value": columns.value}, copy=False
        )
        return frame

    def keys(self) -> list[str]:
        """Names of the series, in the order in which they were first logged.

        Raises
        ------
        OSError
            If a key file is there and cannot be read.
        """
        return read_names(self.path)

    def summary(self) -> dict[str, dict[str, float]]:
        """Per series: first, last, min, max, count, last_step.

        Returns
        -------
        dict of str to dict
            As `nbtrack.store.summary.summarise` says.

        Raises
        ------
        OSError
            If a file is there and cannot be read.
        """
        kept = self.info.summary
        if kept and sum(series["count"] for series in kept.values()) == num_points(self.path):
            return {key: dict(series) for key, series in kept.items()}
        return summarise(read_columns(self.path))

    def load(self, name: str) -> Any:
        """Give back the object that ``run.save`` kept under this name; bytes for a file.

        Raises
        ------
        LookupError
            If nothing was saved under that name, or its blob is gone or damaged.
        """
        saved = self.info.saved
        if name not in saved:
            have = ", ".join(sorted(saved)) or "nothing"
            raise LookupError(f"run {self.id} has saved nothing as {name!r}; it has {have}")
        return give_back(self.store.blobs, saved[name])

    def tail(self) -> Tail:
        """A reader that gives what came since its last read, for live views."""
        return Tail(self.path, self.info.started_s)

    def output_tail(self) -> OutputTail:
        """A reader that gives the text and events that came since its last read."""
        return OutputTail(self.path, self.info.started_s)
