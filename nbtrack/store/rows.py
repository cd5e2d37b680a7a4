"""A run as one row of a listing: the part of ``run.json`` that tables and queries look at."""

from __future__ import annotations

import functools
import operator
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from nbtrack.records import RunInfo
from nbtrack.store.columns import read_columns
from nbtrack.store.heartbeat import as_seen_now
from nbtrack.store.runfile import read_info
from nbtrack.store.summary import summarise

# Series that exist once per parameter tensor or tell about the machine: hundreds in a run, and
# never what runs are compared by. A query that names one still finds it, in run.json.
_MANY = (
    *("grad_norm/", "weight_norm/", "update_ratio/", "every/"),
    *("nonfinite/", "amp/", "system/", "throughput/", "mark/"),
)
_TOTALS = ("grad_norm/total", "weight_norm/total", "update_ratio/total")
STATISTICS = ("first", "last", "min", "max", "count", "last_step")

_FIELDS = (
    *("id", "name", "status", "started_s", "ended_s", "steps", "seed", "notebook"),
    *("snapshot", "reproduces", "resumes"),
)
_ERROR_CHARACTERS = 200


@functools.lru_cache(maxsize=4096)  # runs of a store mostly have the same series
def is_headline(key: str) -> bool:
    """Whether a series is kept in the rows: not one of hundreds of a run."""
    return key in _TOTALS or not key.removeprefix("auto/").startswith(_MANY)


def row_of(folder: Path) -> dict[str, Any]:
    """The row of one run, JSON all through.

    Returns
    -------
    dict
        Fields of `RunInfo`; ``summary`` maps each headline series to the values of `STATISTICS`.

    Raises
    ------
    FileNotFoundError
        If there is no run.
    StoreError
        If its ``run.json`` is damaged, or a newer nbtrack wrote it.
    """
    info = read_info(folder)
    summary = info.summary
    if info.status in ("running", "lost") and not summary:  # its writer has told no summary (yet)
        summary = summarise(read_columns(folder))
    row: dict[str, Any] = {name: getattr(info, name) for name in _FIELDS}
    row |= {"params": dict(info.params), "tags": list(info.tags), "changed": list(info.changed)}
    row |= {"notes": list(info.notes), "hidden": list(info.hidden), "error": _error(info.error)}
    row |= {"git": dict(info.git), "data": dict(info.data)}
    row["summary"] = {
        key: [series.get(statistic) for statistic in STATISTICS]
        for key, series in summary.items()
        if is_headline(key)
    }
    if info.status == "running":
        row["writer"] = dict(info.writer)
    return row


def _error(error: Mapping[str, Any] | None) -> str | None:
    if not error:
        return None
    return f"{error.get('name')}: {error.get('message')}"[:_ERROR_CHARACTERS]


def current(row: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The row of a running run as of now: ``lost`` if its writer has died."""
    info = RunInfo(id=row["id"], name=row["name"], started_s=row["started_s"], writer=row["writer"])
    seen = as_seen_now(folder, info)
    return {**row, "status": seen.status, "ended_s": seen.ended_s}


def duration_s(row: Mapping[str, Any]) -> float:
    """Seconds from start to end, or to now."""
    ended_s = time.time() if row["ended_s"] is None else row["ended_s"]
    return float(max(ended_s - row["started_s"], 0.0))


def _rate(row: Mapping[str, Any]) -> Any:
    """The learning rate: the parameter if there is one, else what the optimizer started with."""
    if "lr" in row["params"]:
        return row["params"]["lr"]
    measured = row["summary"].get("lr/group0")
    return measured and measured[STATISTICS.index("first")]


def _data(row: Mapping[str, Any]) -> str | None:
    """What went in, as ``name@digest``, in one text."""
    return " ".join(f"{name}@{digest}" for name, digest in row["data"].items()) or None


FIELDS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "started": lambda row: row["started_s"],
    "ended": lambda row: row["ended_s"],
    "age": lambda row: time.time() - row["started_s"],
    "duration": duration_s,
    "lr": _rate,
    "git": lambda row: row["git"].get("commit"),
    "branch": lambda row: row["git"].get("branch"),
    "dirty": lambda row: row["git"].get("dirty"),
    "data": _data,
    "hidden": lambda row: bool(row["hidden"]),
    "notes": lambda row: " ".join(row["notes"]) or None,
    "changed": lambda row: "; ".join(row["changed"]) or None,
    **{
        name: operator.itemgetter(name)
        for name in (
            *("id", "name", "status", "steps", "seed", "notebook", "tags"),
            *("snapshot", "reproduces", "resumes", "error"),
        )
    },
}


def lookup(row: Mapping[str, Any], folder_of: Callable[[str], Path]) -> Callable[[str], Any]:
    """A function from the name of a field to its value in this run, None if it has none.

    Parameters
    ----------
    folder_of : callable
        Gives the folder of a run id, for a series that is not in the row.
    """

    def find(name: str) -> Any:
        if name in FIELDS:
            return FIELDS[name](row)
        params = row["params"]
        for param in (name, name.removeprefix("params.")):
            if param in params:
                return params[param]
        return _statistic(row, folder_of, name)

    return find


def _statistic(row: Mapping[str, Any], folder_of: Callable[[str], Path], name: str) -> Any:
    """``loss`` (its last value), ``loss.min`` and the like."""
    key, _, statistic = name.rpartition(".")
    choices = [(name, "last"), (key, statistic)] if statistic in STATISTICS else [(name, "last")]
    for series, which in choices:
        if series in row["summary"]:
            return row["summary"][series][STATISTICS.index(which)]
        if series and not is_headline(series):
            found = _full_summary(folder_of(row["id"])).get(series)
            if found is not None:
                return found.get(which)
    return None


def _full_summary(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    try:
        return read_info(folder).summary or summarise(read_columns(folder))
    except OSError:
        return {}


def known_fields(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Every name that some run can be chosen by."""
    return set(FIELDS).union(*(row["params"].keys() | row["summary"].keys() for row in rows))
