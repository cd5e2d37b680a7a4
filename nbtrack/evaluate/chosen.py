"""Which runs are compared: by id, name, position, run, query, table, or all of a notebook."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbtrack.capture.parameters.vocabulary import plain_name
from nbtrack.errors import QueryError, RunNotFound, UsageError
from nbtrack.records import RunInfo
from nbtrack.store import Store, StoredRun
from nbtrack.store.rows import current, row_of

COUNT = ("done", "stopped", "incomplete")  # how a run must have ended for its value to count


@dataclass(frozen=True)
class Entry:
    """One run of a comparison.

    Attributes
    ----------
    row : mapping
        What tables and queries look at.
    run : StoredRun
    side : int or None
        Which argument of `compare` it came with, where each is a group of its own.
    """

    row: Mapping[str, Any]
    run: StoredRun
    side: int | None = None

    @property
    def id(self) -> str:
        """The id of the run."""
        return str(self.row["id"])

    @property
    def params(self) -> Mapping[str, Any]:
        """Hyper-parameters, without those that are seeds."""
        return {name: value for name, value in self.row["params"].items() if not is_seed(name)}

    @property
    def seed(self) -> Any:
        """The seed, wherever it was set; None where none is known."""
        if self.row["seed"] is not None:
            return self.row["seed"]
        seeds = [value for name, value in sorted(self.row["params"].items()) if is_seed(name)]
        if not seeds:
            return None
        return seeds[0] if len(set(map(str, seeds))) == 1 else ", ".join(map(str, seeds))

    @property
    def info(self) -> RunInfo | None:
        """What ``run.json`` says; None where the run was deleted."""
        try:
            return self.run.info
        except OSError:
            return None


def is_seed(name: str) -> bool:
    """Whether a parameter is a seed: ``seed``, ``random_state``, ``data_seed``."""
    return plain_name(name) == "seed" or name.lower().endswith("_seed")


@dataclass(frozen=True)
class Chosen:
    """The runs of a comparison, newest first.

    Attributes
    ----------
    entries : tuple of Entry
    sides : tuple of str
        What each argument is called, where each is a group of its own; empty otherwise.
    query : str or None
        The query that chose them, where it was one.
    num_all : int
        Runs in the store.
    """

    entries: tuple[Entry, ...]
    sides: tuple[str, ...] = ()
    query: str | None = None
    num_all: int = 0


def choose(store: Store, what: Sequence[Any]) -> Chosen:
    """The runs that are meant.

    Parameters
    ----------
    store : Store
        Where ids, names and queries are looked up; run objects may be of another.
    what : sequence
        As `nbtrack.compare` takes them.

    Raises
    ------
    RunNotFound
        If no run answers to one of them, or the store is empty.
    QueryError
        If a query cannot be read, or names a field that no run has.
    UsageError
        If one of them is nothing that names runs.
    """
    rows = store.runs.rows()
    by_id = {str(row["id"]): row for row in rows}
    if not what:
        if not rows:
            raise RunNotFound(-1)
        return Chosen(_entries(store, _of_notebook(rows)), num_all=len(rows))
    found = [_found(store, each, rows, by_id) for each in what]
    query = what[0] if len(what) == 1 and found[0].is_query else None
    sides: tuple[str, ...] = ()
    is_grouped = len(what) > 1 and all(each.is_many for each in found)
    if is_grouped:
        sides = tuple(each.label or f"group {k + 1}" for k, each in enumerate(found))
    entries: dict[str, Entry] = {}
    for side, each in enumerate(found):
        for entry in each.entries:
            entries.setdefault(
                f"{entry.run.path}",
                Entry(entry.row, entry.run, side if is_grouped else None),
            )
    ordered = sorted(entries.values(), key=lambda e: (e.row["started_s"], e.id), reverse=True)
    return Chosen(tuple(ordered), sides, query, len(rows))


@dataclass(frozen=True)
class _Found:
    entries: Sequence[Entry]
    is_many: bool = False
    is_query: bool = False
    label: str = ""


def _found(
    store: Store, which: Any, rows: Sequence[Mapping[str, Any]], by_id: Mapping[str, Any]
) -> _Found:
    if isinstance(which, StoredRun):
        return _Found([_entry_of(which, by_id if which.store.path == store.path else {})])
    if isinstance(which, bool) or which is None:
        raise UsageError(_TAKES.format(which))
    if isinstance(which, int):
        return _Found([_entry_of(store.get(which), by_id)])
    if isinstance(which, str):
        return _named(store, which, rows, by_id)
    if hasattr(which, "columns") and hasattr(which, "index"):  # a DataFrame of nbtrack.runs()
        which = list(which.index)
        if not all(isinstance(each, str) for each in which):
            raise UsageError(
                "a table must be indexed by run id, as nbtrack.runs() gives it; this one's index "
                f"begins with {which[:3]!r}"
            )
    if isinstance(which, Iterable):
        inner = [_found(store, each, rows, by_id) for each in which]
        return _Found([entry for each in inner for entry in each.entries], is_many=True)
    if hasattr(which, "__index__"):  # a NumPy integer
        return _Found([_entry_of(store.get(int(which)), by_id)])
    raise UsageError(_TAKES.format(which))


_TAKES = (
    "compare takes runs, ids, names, positions such as -1, queries such as 'lr < 0.1', lists of "
    "these and tables of nbtrack.runs(); got {!r}"
)


def _named(
    store: Store, text: str, rows: Sequence[Mapping[str, Any]], by_id: Mapping[str, Any]
) -> _Found:
    """An id, all runs of a name, the start of an id, a position, or a query, in this order."""
    if text in by_id:
        return _Found(_entries(store, [by_id[text]]))
    named = [row for row in rows if row["name"] == text]
    if named:
        return _Found(_entries(store, named), is_many=len(named) > 1, label=text)
    if re.fullmatch(r"[a-z][0-9a-z]{0,5}|-?\d+", text):
        try:
            return _Found([_entry_of(store.get(text), by_id)])
        except RunNotFound:
            pass
    is_word = re.fullmatch(r"[^\s=<>~()!]+", text) and not text.startswith("tag:")
    try:
        hits = store.runs.rows(text)
    except QueryError as error:
        if is_word:
            raise RunNotFound(text, [*by_id, *(str(row["name"]) for row in rows)]) from error
        raise
    if not hits and is_word:
        raise RunNotFound(text, [*by_id, *(str(row["name"]) for row in rows)])
    return _Found(_entries(store, hits), is_many=True, is_query=True, label=text)


def _of_notebook(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """All runs of the newest run's notebook; outside of notebooks, all of its name."""
    field_name = "notebook" if rows[0]["notebook"] else "name"
    return [row for row in rows if row[field_name] == rows[0][field_name]]


def _entries(store: Store, rows: Iterable[Mapping[str, Any]]) -> tuple[Entry, ...]:
    return tuple(Entry(row, StoredRun(store, str(row["id"]))) for row in rows)


def _entry_of(run: StoredRun, by_id: Mapping[str, Mapping[str, Any]]) -> Entry:
    row = by_id.get(run.id)
    if row is None:
        row = row_of(run.path)
        if row["status"] == "running":
            row = current(row, run.path)
    return Entry(row, run)
