"""Which parameters go with the spread of a metric, and the axes that show it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nbtrack.evaluate.groups import Group, canonical, varying
from nbtrack.evaluate.metric import Metric
from nbtrack.views.axes import linear_ticks, log_ticks
from nbtrack.views.words import sig

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

MOST_AXES = 8
MOST_LINES = 500
FEWEST = 5  # runs; with fewer nothing is said
FEWEST_FOREST = 20
MOST_FOREST = 400  # runs that a forest is grown on; a random choice of them


def parallel_json(groups: Sequence[Group], metric: Metric) -> dict[str, Any]:
    """Parameters against the metric, one axis each, as the page draws them; the metric is last.

    Runs that do not count are left out.
    """
    members = [
        (group, entry, value.value)
        for group in groups
        for entry in group.entries
        if (value := group.values[entry.id]).value is not None
    ]
    entries = [entry for _, entry, _ in members]
    y = np.array([value for _, _, value in members], dtype=float)
    names = varying(entries)[:MOST_AXES]
    columns = [[entry.params.get(name) for entry in entries] for name in names]
    shares, how = importance(names, columns, y)
    axes = [
        _axis(name, column, share)
        for name, column, share in zip(names, columns, shares, strict=True)
    ]
    if len(y):
        unit = f", {metric.unit}" if metric.unit else ""
        axes.append(_axis(metric.label + unit, y.tolist(), None))
        columns = [*columns, y.tolist()]
    runs = [
        {
            "id": entry.id,
            "letter": group.letter,
            "values": [_place(column[k], axis) for column, axis in zip(columns, axes, strict=True)],
        }
        for k, (group, entry, _) in enumerate(members[:MOST_LINES])
    ]
    return {"axes": axes, "runs": runs, "how": how, "left": len(members) - len(runs)}


def importance(
    names: Sequence[str], columns: Sequence[Sequence[Any]], y: Floats
) -> tuple[list[float | None], str]:
    """How much of the spread of a metric goes with each parameter.

    Parameters
    ----------
    names : sequence of str
    columns : sequence of sequence
        Per parameter the value in each run.
    y : array of shape (runs,)
        The metric.

    Returns
    -------
    (list of float or None, str)
        0 to 1 each, None where there are too few runs; and how, in words.

    Notes
    -----
    In a sweep, where each value was run several times, the share is omega squared: that of the
    variance between runs, less what chance alone would give. Where values are hardly repeated, as
    in a random search, and there are 20 runs or more: how much worse a forest predicts runs that
    it was not grown on when that parameter is shuffled. These are no causes.
    """
    if len(y) < FEWEST or not names or float(np.ptp(y)) == 0:
        why = "too few runs" if len(y) < FEWEST else "nothing varies"
        return [None] * len(names), f"Importance is not told: {why}."
    codes = [_codes(column) for column in columns]
    together = _together(names, codes)
    if all((code.max() + 1) * 2 <= len(y) for code in codes):
        shares = [_omega_squared(code, y) for code in codes]
        how = "share of the spread between runs that goes with the parameter, chance taken off"
    elif len(y) >= FEWEST_FOREST:
        shares = _forest(columns, codes, y)
        how = "loss of a forest's forecast of runs not seen, with the parameter shuffled"
    else:
        return [None] * len(names), (
            f"Importance is not told: values hardly repeat in {len(y)} runs; 20 runs would do."
        )
    return [round(share, 2) for share in shares], (
        f"Importance: {how}, from {len(y)} runs; no proof of a cause.{together}"
    )


def _codes(column: Sequence[Any]) -> npt.NDArray[np.int64]:
    known: dict[str, int] = {}
    return np.array([known.setdefault(canonical(value), len(known)) for value in column])


def _together(names: Sequence[str], codes: Sequence[npt.NDArray[np.int64]]) -> str:
    """Parameters that were always changed together: their shares cannot be told apart."""
    groups: dict[bytes, list[str]] = {}
    for name, code in zip(names, codes, strict=True):  # equal codes: equal partitions of the runs
        groups.setdefault(code.tobytes(), []).append(name)
    told = [" and ".join(found) for found in groups.values() if len(found) > 1]
    if not told:
        return ""
    return f" Always changed together, so not to be told apart: {'; '.join(told)}."


def _omega_squared(code: npt.NDArray[np.int64], y: Floats) -> float:
    counts = np.bincount(code)
    means = np.bincount(code, y) / counts
    between = float((counts * (means - y.mean()) ** 2).sum())
    total = float(((y - y.mean()) ** 2).sum())
    k, n = len(counts), len(y)
    error = (total - between) / (n - k) if n > k else 0.0
    return float(np.clip((between - (k - 1) * error) / (total + error), 0.0, 1.0))


def _forest(
    columns: Sequence[Sequence[Any]], codes: Sequence[npt.NDArray[np.int64]], y: Floats
) -> list[float]:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import KFold

    table = np.column_stack(
        [
            np.array(column, dtype=float) if all(map(_is_number, column)) else code.astype(float)
            for column, code in zip(columns, codes, strict=True)
        ]
    )
    rng = np.random.default_rng(0)
    if len(y) > MOST_FOREST:
        chosen = rng.choice(len(y), MOST_FOREST, replace=False)
        table, y = table[chosen], y[chosen]
    total = np.zeros(len(columns))
    for train, test in KFold(4, shuffle=True, random_state=0).split(table):
        forest = RandomForestRegressor(60, min_samples_leaf=2, random_state=0)
        forest.fit(table[train], y[train])
        found = permutation_importance(
            forest,
            table[test],
            y[test],
            scoring="neg_mean_squared_error",
            n_repeats=5,
            random_state=0,
        )
        total += found.importances_mean * len(test)
    # shuffling an input that explains everything doubles the variance
    return [float(x) for x in np.clip(total / len(y) / (2 * float(y.var())), 0.0, 1.0)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _axis(name: str, column: Sequence[Any], share: float | None) -> dict[str, Any]:
    axis: dict[str, Any] = {"name": name, "importance": share}
    known = [value for value in column if value is not None]
    if not known or not all(map(_is_number, known)):
        texts = {canonical(value): str(value) for value in known}
        values = [texts[key] for key in sorted(texts)]
        ticks = [[k, text] for k, text in enumerate(values)]
        return {
            **axis,
            "kind": "category",
            "values": values,
            "ticks": ticks,
            "low": -0.25,
            "high": max(len(values) - 0.75, 0.25),
        }
    low, high = float(min(known)), float(max(known))
    distinct = sorted(set(map(float, known)))
    is_log = low > 0 and high / low >= 4 and len(distinct) > 1
    ticks_at = distinct
    if len(distinct) > 5:
        ticks_at = log_ticks(low, high, 4) if is_log else linear_ticks(low, high, 4)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return {
        **axis,
        "kind": "log" if is_log else "number",
        "ticks": [[tick, sig(tick)] for tick in ticks_at],
        "low": low,
        "high": high,
    }


def _place(value: Any, axis: dict[str, Any]) -> float | None:
    if value is None:
        return None
    if axis["kind"] == "category":
        return float(axis["values"].index(str(value)))
    return float(value)
