"""The columns that a table of runs can have: fields, parameters, and series by statistic."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nbtrack.store.rows import FIELDS, STATISTICS, duration_s
from nbtrack.views.rows import score_title

MOST_COLUMNS = 600  # offered; a query finds a run by any other name all the same
_OTHER_STATISTICS = ("min", "max")

Row = Mapping[str, Any]


class TableColumn(NamedTuple):
    """One column: what a page and a query call it, its head, how it is drawn, and its group."""

    id: str
    label: str
    kind: str
    group: str = "run"


FIXED = (
    TableColumn("id", "run", "mono"),
    TableColumn("name", "name", "name"),
    TableColumn("changed", "changed since previous", "changed"),
    TableColumn("status", "status", "status"),
    TableColumn("steps", "steps", "count"),
    TableColumn("loss", "loss", "number"),
    TableColumn("curve", "loss curve", "curve"),
    TableColumn("finding", "finding", "finding"),
    TableColumn("duration", "time", "duration"),
    TableColumn("started", "ago", "ago"),
    TableColumn("tags", "tags", "tags"),
    TableColumn("notes", "notes", "notes"),
    TableColumn("git", "commit", "mono"),
    TableColumn("branch", "branch", "text"),
    TableColumn("data", "data version", "mono"),
    TableColumn("seed", "seed", "number"),
    TableColumn("notebook", "notebook", "text"),
    TableColumn("error", "error", "text"),
    TableColumn("reproduces", "repeats", "mono"),
)
UNSORTED = ("curve", "finding")


def columns_of(rows: Iterable[Row]) -> list[TableColumn]:
    """Every column that has a value in one of these runs; the fixed ones always."""
    params: dict[str, None] = {}
    keys: dict[str, None] = {}
    for row in rows:
        params.update(dict.fromkeys(row["params"]))
        keys.update(dict.fromkeys(row["summary"]))
    series = [key for key in keys if not key.startswith("auto/")]
    found = [
        *FIXED,
        *(TableColumn(f"params.{name}", name, "value", "parameters") for name in params),
        *(TableColumn(key, score_title(key), "number", "last value") for key in series),
        *(
            TableColumn(f"{key}.{which}", f"{score_title(key)} {which}", "number", which)
            for which in _OTHER_STATISTICS
            for key in series
        ),
    ]
    once = {column.id: column for column in reversed(found)}  # of one name, the first
    return list(reversed(once.values()))[:MOST_COLUMNS]


def value_of(row: Row, column: str) -> Any:
    """What a run has in a column, to show and to sort by; None for nothing."""
    if column.startswith("params."):
        return row["params"].get(column.removeprefix("params."))
    if column == "duration":
        return duration_s(row)
    if column in FIELDS:
        return FIELDS[column](row)
    key, _, statistic = column.rpartition(".")
    if column not in row["summary"] and statistic in STATISTICS and key in row["summary"]:
        return row["summary"][key][STATISTICS.index(statistic)]
    series = row["summary"].get(column)
    return series and series[STATISTICS.index("last")]


def in_order(rows: Sequence[Row], column: str, *, descending: bool) -> list[Row]:
    """The runs by a column: numbers, then words; what has no value comes last either way."""
    known: list[tuple[tuple[int, Any], Row]] = []
    rest = []
    for row in rows:
        key = _sortable(value_of(row, column))
        if key is None:
            rest.append(row)
        else:
            known.append((key, row))
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in known] + rest


def _sortable(value: Any) -> tuple[int, Any] | None:
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (int, float)):
        return (0, value)
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    parts = re.split(r"(\d+)", str(value).lower())  # run 9 before run 10
    return (1, [(part.zfill(18) if part.isdigit() else part) for part in parts])


def plain(value: Any) -> Any:
    """A value for the page: JSON has no NaN, and a nested parameter is shown as its text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
