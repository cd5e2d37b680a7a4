"""The runs of a comparison as a table: for the page, and as a DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nbtrack.evaluate.chosen import Entry
from nbtrack.evaluate.groups import Group, Value, varying
from nbtrack.evaluate.metric import Metric
from nbtrack.evaluate.overlay import Reader, numbers
from nbtrack.store.rows import duration_s
from nbtrack.views.frames import averages

if TYPE_CHECKING:
    import pandas as pd

MOST_PARAMS = 12  # columns; those that vary come first
NUM_CURVES = 40  # runs whose small curve is sent along
CURVE_POINTS = 32


def places(groups: Sequence[Group]) -> dict[str, tuple[Group, Value]]:
    """The group and value of each run, by id."""
    return {run_id: (group, value) for group in groups for run_id, value in group.values.items()}


def table_json(
    entries: Sequence[Entry], groups: Sequence[Group], metric: Metric | None, reader: Reader
) -> dict[str, Any]:
    """The table in columns, newest run first."""
    names = varying(entries)
    shown = names[:MOST_PARAMS]
    place = places(groups)
    kinds = {name: _kind([entry.params.get(name) for entry in entries]) for name in shown}
    unit = f", {metric.unit}" if metric and metric.unit else ""
    columns = [
        {"id": "group", "label": "group", "kind": "group"},
        {"id": "run", "label": "run", "kind": "run"},
        {"id": "changed", "label": "changed since previous", "kind": "changed"},
        *(
            {"id": f"params.{name}", "label": name, "kind": kinds[name], "varies": True}
            for name in shown
        ),
        {"id": "metric", "label": (metric.label if metric else "") + unit, "kind": "metric"},
        {"id": "loss", "label": curve_key(entries, metric) or "", "kind": "curve"},
        {"id": "status", "label": "status", "kind": "status"},
        {"id": "tags", "label": "tags", "kind": "tags"},
        {"id": "duration", "label": "time", "kind": "duration"},
    ]
    values: dict[str, list[Any]] = {
        "group": [place[entry.id][0].letter for entry in entries],
        "changed": [list(entry.row["changed"]) for entry in entries],
        **{
            f"params.{name}": [_plain(entry.params.get(name)) for entry in entries]
            for name in shown
        },
        "metric": [place[entry.id][1].value for entry in entries],
        "status": [entry.row["status"] for entry in entries],
        "tags": [list(entry.row["tags"]) for entry in entries],
        "duration": [round(duration_s(entry.row), 1) for entry in entries],
    }
    return {
        "columns": columns,
        "ids": [entry.id for entry in entries],
        "name": [entry.row["name"] for entry in entries],
        "started_s": [entry.row["started_s"] for entry in entries],
        "values": values,
        "curves": curves(entries[:NUM_CURVES], metric, reader),
        "checked": [place[entry.id][1].why != "not checked" for entry in entries],
        "note": [place[entry.id][1].why for entry in entries],
    }


def curve_key(entries: Sequence[Entry], metric: Metric | None) -> str | None:
    """The series of the small curves: the loss where there is one, else the metric."""
    if any("loss" in entry.row["summary"] for entry in entries):
        return "loss"
    return metric.key if metric else None


def curves(
    entries: Sequence[Entry], metric: Metric | None, reader: Reader
) -> dict[str, list[float | None]]:
    """A small curve of each run, by id; empty where it has no such series, or was deleted."""
    key = curve_key(entries, metric)
    found = {}
    for entry in entries:
        y = reader.curve(entry, key)[1] if key else np.empty(0)
        found[entry.id] = numbers(np.asarray(averages(y, CURVE_POINTS), dtype=float), 3)
    return found


def frame(entries: Sequence[Entry], groups: Sequence[Group], metric: Metric | None) -> pd.DataFrame:
    """The same as a DataFrame indexed by run id."""
    import pandas as pd

    place = places(groups)
    name = metric.label if metric else "metric"
    if metric and metric.unit:
        name += f" ({metric.unit})"
    columns: dict[str, list[Any]] = {
        "group": [place[entry.id][0].letter for entry in entries],
        "label": [place[entry.id][0].label for entry in entries],
        "name": [entry.row["name"] for entry in entries],
        **{each: [entry.params.get(each) for entry in entries] for each in varying(entries)},
        "seed": [entry.seed for entry in entries],
    }
    columns[name] = [
        np.nan if (value := place[entry.id][1].value) is None else value for entry in entries
    ]
    columns["counts"] = [place[entry.id][1].why is None for entry in entries]
    columns["why not"] = [place[entry.id][1].why or "" for entry in entries]
    columns["status"] = [entry.row["status"] for entry in entries]
    columns["duration_s"] = [duration_s(entry.row) for entry in entries]
    columns["tags"] = [tuple(entry.row["tags"]) for entry in entries]
    found: pd.DataFrame = pd.DataFrame(
        columns, index=pd.Index([entry.id for entry in entries], name="id", dtype=object)
    )
    return found


def _kind(values: Sequence[Any]) -> str:
    is_number = all(
        value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
        for value in values
    )
    return "number" if is_number else "text"


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
