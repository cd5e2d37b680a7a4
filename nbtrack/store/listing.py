"""`Runs`: the runs of a store, listed, chosen by a query, edited, and deleted."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.errors import RunNotFound, StoreError
from nbtrack.records import RunInfo
from nbtrack.store.columns import read_columns
from nbtrack.store.edits import write_edits
from nbtrack.store.heartbeat import as_proven_now, as_seen_now, state_of
from nbtrack.store.index import Index, Row
from nbtrack.store.place import Place
from nbtrack.store.query import Query, parse, unknown_field
from nbtrack.store.rows import (
    FIELDS,
    STATISTICS,
    current,
    duration_s,
    is_headline,
    known_fields,
    lookup,
)
from nbtrack.store.runfile import read_info, read_unedited, write_info
from nbtrack.store.summary import summarise

if TYPE_CHECKING:
    import pandas as pd


_LAST = STATISTICS.index("last")
_BY_START = operator.itemgetter("started_s", "id")


class Runs:
    """The runs of a store. Call it for a table.

    Parameters
    ----------
    place : Place
        The store.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._index = Index(place)

    def __call__(self, query: str | None = None) -> pd.DataFrame:
        """The runs as a table, newest first.

        Parameters
        ----------
        query : str, optional
            Which runs, for example ``"lr < 0.01 and tag:baseline"``; see `nbtrack.store.query`.

        Returns
        -------
        DataFrame
            Indexed by run id. Columns ``name``, ``status``, ``started`` (UTC), ``duration_s``,
            ``steps``, ``loss`` (the last), ``tags``, ``changed``, ``notebook``, ``notes``, ``git``
            (commit), ``data`` (``name@digest`` of what went in), then
            ``params.<name>`` for every parameter, then the last value of every other series that is
            not one of hundreds (per-parameter norms, system load).

        Raises
        ------
        QueryError
            If the query cannot be read, or names a field that no run has.

        Warns
        -----
        RuntimeWarning
            Once per run that cannot be read.
        """
        return _table(self.rows(query))

    def rows(self, query: str | None = None) -> list[Row]:
        """The same runs as plain dicts, newest first, without pandas.

        Raises
        ------
        QueryError
            If the query cannot be read, or names a field that no run has.
        """
        rows = [
            current(row, self._place.run_folder(row["id"])) if row["status"] == "running" else row
            for row in self._index.rows()
        ]
        rows.sort(key=_BY_START, reverse=True)
        return self.choose(rows, query) if query else rows

    def choose(self, rows: list[Row], query: str) -> list[Row]:
        """Those of some rows that a query matches, in their order.

        Parameters
        ----------
        rows : list of dict
            As `rows` gives them.

        Raises
        ------
        QueryError
            If the query cannot be read, or names a field that none of the rows has.
        """
        return self._choose(rows, parse(query))

    def ids(self) -> list[str]:
        """Ids of all runs, newest first."""
        return [row["id"] for row in sorted(self._index.rows(), key=_BY_START, reverse=True)]

    def infos(self, query: str | None = None, limit: int | None = None) -> list[RunInfo]:
        """The runs as `RunInfo`, newest first; a run whose writer has died is ``lost``.

        Parameters
        ----------
        query : str, optional
        limit : int, optional
            Only the newest ones. Each is read from its ``run.json``.

        Raises
        ------
        QueryError
            If the query cannot be read, or names a field that no run has.
        """
        infos = []
        for row in self.rows(query)[:limit]:
            folder = self._place.run_folder(row["id"])
            try:
                infos.append(as_seen_now(folder, read_info(folder)))
            except FileNotFoundError:
                continue  # deleted since it was listed
        return infos

    def edit(
        self,
        run_id: str,
        *,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        notes: str | Iterable[str] | None = None,
    ) -> RunInfo:
        """Give a run another name, other tags or notes, also while another process writes it.

        Parameters
        ----------
        name : str, optional
        tags, notes : iterable of str, optional
            All of them: ``tags=[]`` takes every tag away. None leaves them as they are. What the
            running training adds afterwards comes on top.

        Returns
        -------
        RunInfo
            The run as it is now.

        Raises
        ------
        RunNotFound
            If there is no run with exactly that id.
        ValueError
            If the name or a tag is empty.
        OSError
            If the run's folder cannot be written.
        """
        folder = self._place.run_folder(run_id)
        try:
            as_written = read_unedited(folder)
        except FileNotFoundError:
            raise RunNotFound(run_id, self.ids()) from None
        write_edits(folder, as_written, name=name, tags=tags, notes=notes)
        return read_info(folder)

    def leaning_on(self, run_id: str) -> list[str]:
        """Ids of the runs that repeat this one or go on from it, newest first."""
        rows = sorted(self._index.rows(), key=_BY_START, reverse=True)
        return [row["id"] for row in rows if run_id in (row["reproduces"], row["resumes"])]

    def delete(self, run_id: str) -> None:
        """Delete a run's files and its row in the index. Blobs stay.

        Raises
        ------
        RunNotFound
            If there is no run with exactly that id.
        StoreError
            If the run is still being written.
        """
        folder = self._place.run_folder(run_id)
        if run_id not in self.ids():
            raise RunNotFound(run_id, self.ids())
        info = read_info(folder)
        if info.status == "running" and state_of(info.writer) == "alive":
            raise StoreError(
                f"run {run_id} is still being written by process {info.writer.get('pid')}: "
                "finish or interrupt it first"
            )
        import shutil

        shutil.rmtree(folder)
        self._index.rows()

    def reindex(self) -> None:
        """Throw the index away and read every run anew."""
        self._index.rebuild()

    def mark_lost(self) -> list[str]:
        """Write status ``lost`` into runs whose writer has surely died.

        Returns
        -------
        list of str
            Their ids.

        Notes
        -----
        Surely: its process was on this machine and is gone, or it has not been heard of for ten
        minutes. A run that cannot be written is skipped; it is shown as lost anyway.
        """
        marked = []
        for row in self._index.rows():
            if row["status"] != "running":
                continue
            folder = self._place.run_folder(row["id"])
            try:
                info = as_proven_now(folder, read_info(folder))
                if info.status == "lost":
                    write_info(folder, _with_summary(folder, info))
                    (folder / "reserve").unlink(missing_ok=True)
                    marked.append(info.id)
            except OSError:
                continue
        return marked

    def _choose(self, rows: list[Row], query: Query) -> list[Row]:
        lookups = [lookup(row, self._place.run_folder) for row in rows]
        for field in query.fields:
            is_known = field.text in FIELDS or any(find(field.text) is not None for find in lookups)
            if rows and not is_known:
                raise unknown_field(query, field, known_fields(rows))
        return [row for row, find in zip(rows, lookups, strict=True) if query.matches(find)]


def _with_summary(folder: Path, info: RunInfo) -> RunInfo:
    """What `RunWriter.finish` would have added, had the writer lived."""
    summary = summarise(read_columns(folder))
    steps = info.steps
    if steps is None and "loss" in summary:
        steps = int(summary["loss"]["last_step"]) + 1
    return replace(info, summary=summary, steps=steps)


def _table(rows: list[Row]) -> pd.DataFrame:
    import pandas as pd

    params = [row["params"] for row in rows]
    last = [
        {key: series[_LAST] for key, series in row["summary"].items() if _is_column(key)}
        for row in rows
    ]
    param_names = dict.fromkeys(itertools.chain.from_iterable(params))
    keys = dict.fromkeys(itertools.chain.from_iterable(last))
    started = [row["started_s"] for row in rows]
    columns: dict[str, Any] = {
        "name": [row["name"] for row in rows],
        "status": [row["status"] for row in rows],
        "started": pd.to_datetime(started, unit="s", utc=True),
        "duration_s": [duration_s(row) for row in rows],
        "steps": pd.array([row["steps"] for row in rows], dtype="Int64"),
        "loss": [values.get("loss", math.nan) for values in last],
        "tags": [tuple(row["tags"]) for row in rows],
        "changed": [tuple(row["changed"]) for row in rows],
        "notebook": [row["notebook"] for row in rows],
        "notes": [tuple(row["notes"]) for row in rows],
        "git": [FIELDS["git"](row) for row in rows],
        "data": [FIELDS["data"](row) for row in rows],
    }
    columns |= {f"params.{name}": [own.get(name) for own in params] for name in param_names}
    columns |= {
        key: [values.get(key, math.nan) for values in last] for key in keys if key not in columns
    }
    table: pd.DataFrame = pd.DataFrame(
        columns, index=pd.Index([row["id"] for row in rows], name="id", dtype=object)
    )
    return table


@functools.lru_cache(maxsize=4096)
def _is_column(key: str) -> bool:
    return is_headline(key) and not key.startswith(("lr/", "auto/"))
