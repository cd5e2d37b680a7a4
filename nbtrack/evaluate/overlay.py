"""Curves of many runs on one common x: each run, and mean and range of each group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nbtrack.errors import UsageError
from nbtrack.evaluate.chosen import Entry
from nbtrack.evaluate.groups import Group
from nbtrack.evaluate.metric import Metric
from nbtrack.store.columns import Columns, num_points, read_columns

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Along = Literal["step", "time", "epoch"]
ALONG: tuple[Along, ...] = ("step", "time", "epoch")
LABELS = {"step": "step", "time": "time, s", "epoch": "epoch"}
MOST_POINTS = 240  # of a curve; finer ones are asked for with a range
MOST_LINES = 60  # runs with a line of their own
MOST_RUNS = 400  # runs whose points are read
EPOCHS = "mark/epoch"


@dataclass(frozen=True)
class Curve:
    """One run on the common x: mean, lowest and highest value near each x; NaN for none."""

    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Band:
    """A group on the common x: NaN where no run has a value; `n` runs have one."""

    group: Group
    mean: Floats
    low: Floats
    high: Floats
    n: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Overlay:
    """Curves of all groups on one x.

    Attributes
    ----------
    xs : array of shape (x,)
        Steps, seconds since the start of each run, or epochs.
    curves : mapping of str to (Group, Curve)
        By run id, of the runs that count.
    bands : list of Band
    num_left : int
        Runs that are not in here.
    """

    xs: Floats
    curves: Mapping[str, tuple[Group, Curve]]
    bands: Sequence[Band]
    num_left: int = 0


class Reader:
    """Reads series of runs and keeps them until the run has more points."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[int, Columns]] = {}

    def columns(self, entry: Entry, key: str) -> Columns:
        """The points of one series, and of the marks of its epochs; none of a deleted run."""
        place = str(entry.run.path), key
        size = num_points(entry.run.path)
        kept = self._kept.get(place)
        if kept is None or kept[0] != size:
            kept = size, read_columns(entry.run.path, {key, EPOCHS})
            self._kept[place] = kept
        return kept[1]

    def curve(
        self, entry: Entry, key: str, along: Along = "step", scale: float = 1.0
    ) -> tuple[Floats, Floats]:
        """X and value of a series, x rising; of a step that came twice the later value."""
        columns = self.columns(entry, key)
        if key not in columns.names:
            return np.empty(0), np.empty(0)
        is_it = columns.code == columns.names.index(key)
        ranks = columns.rank[is_it]
        is_it[is_it] = ranks == ranks.min(initial=np.iinfo(np.int64).max)
        steps, values = columns.step[is_it], columns.value[is_it] * scale
        x = steps.astype(float)
        if along == "time":
            x = columns.time_s[is_it] - float(entry.row["started_s"])
        elif along == "epoch":
            x = _epochs(columns, x)
        known = np.isfinite(x)
        x, values = x[known], values[known]
        order = np.argsort(x, kind="stable")
        x, values = x[order], values[order]
        last = np.append(x[1:] != x[:-1], True) if len(x) else np.empty(0, bool)
        return x[last], values[last]

    def has_epochs(self, entry: Entry, key: str) -> bool:
        """Whether steps of the run can be told as epochs."""
        return EPOCHS in self.columns(entry, key).names


def _epochs(columns: Columns, steps: Floats) -> Floats:
    """Steps as fractional epochs; NaN in a run without marks of them."""
    if EPOCHS not in columns.names:
        return np.full(len(steps), np.nan)
    is_mark = columns.code == columns.names.index(EPOCHS)
    starts, numbers = np.unique(columns.step[is_mark], return_index=True)
    epochs = columns.value[is_mark][numbers]
    if not len(starts):
        return np.full(len(steps), np.nan)
    # the last epoch is taken to be as long as the one before
    length = starts[-1] - starts[-2] if len(starts) > 1 else max(steps.max(initial=1.0), 1.0)
    at = np.append(starts, starts[-1] + length).astype(float)
    found: Floats = np.interp(steps, at, np.append(epochs, epochs[-1] + 1))
    return found


def overlay(
    groups: Sequence[Group],
    metric: Metric,
    reader: Reader,
    *,
    along: Along = "step",
    low: float | None = None,
    high: float | None = None,
    most: int = MOST_POINTS,
) -> Overlay:
    """The curves of the groups on one x.

    Parameters
    ----------
    groups : sequence of Group
    metric : Metric
        The series; its statistic plays no part.
    along : {"step", "time", "epoch"}
    low, high : float, optional
        A part of x only, in finer points.
    most : int
        Values of x.

    Raises
    ------
    UsageError
        If x is none of those.

    Notes
    -----
    Where all points fit, x is every place at which a run has one, and a run that has none there is
    interpolated between its neighbours, never beyond its ends, and never over a NaN. Where there
    are more, x is parted into equal shares of the points: a run's value is the mean of its points
    in a share, and the range goes from the lowest to the highest of them, so that a spike of one
    point is seen.
    """
    if along not in ALONG:
        raise UsageError(f"x is one of {', '.join(ALONG)}; got {along!r}")
    members = [
        (group, entry)
        for group in groups
        for entry in group.entries
        if group.values[entry.id].why in (None, "NaN", "infinite", "still running")
    ]
    read = members[:MOST_RUNS]
    series = {
        entry.id: (group, reader.curve(entry, metric.key, along, metric.scale))
        for group, entry in read
    }
    series = {run_id: found for run_id, found in series.items() if len(found[1][0])}
    clipped = {
        run_id: (group, _within(x, y, low, high)) for run_id, (group, (x, y)) in series.items()
    }
    places = [x for _, (x, _) in clipped.values() if len(x)]
    xs = np.unique(np.concatenate(places)) if places else np.empty(0)
    if len(xs) > most:
        edges = xs[np.linspace(0, len(xs) - 1, most + 1).round().astype(int)]
        xs = (edges[:-1] + edges[1:]) / 2
        curves = {
            run_id: (group, _shares(x, y, edges)) for run_id, (group, (x, y)) in clipped.items()
        }
    else:
        curves = {
            run_id: (group, Curve(*(_between(x, y, xs),) * 3))
            for run_id, (group, (x, y)) in clipped.items()
        }
    bands = [
        _band(group, [curve for owner, curve in curves.values() if owner is group], len(xs))
        for group in groups
    ]
    return Overlay(xs, curves, [band for band in bands if band.n.any()], len(members) - len(read))


def _within(x: Floats, y: Floats, low: float | None, high: float | None) -> tuple[Floats, Floats]:
    """The points of a range, with a neighbour on either side, so that lines go to its edges."""
    if low is None and high is None:
        return x, y
    start = 0 if low is None else max(int(np.searchsorted(x, low)) - 1, 0)
    end = len(x) if high is None else int(np.searchsorted(x, high, "right")) + 1
    return x[start:end], y[start:end]


def _between(x: Floats, y: Floats, xs: Floats) -> Floats:
    """Values at `xs` on straight lines from point to point; NaN outside, and beside a NaN."""
    if not len(x):
        return np.full(len(xs), np.nan)
    found: Floats = np.interp(xs, x, np.where(np.isfinite(y), y, np.nan), np.nan, np.nan)
    exact = np.searchsorted(x, xs)
    exact = np.minimum(exact, len(x) - 1)
    is_point = x[exact] == xs  # np.interp gives NaN at a point whose neighbour is NaN
    found[is_point] = np.where(np.isfinite(y), y, np.nan)[exact[is_point]]
    return found


def _shares(x: Floats, y: Floats, edges: Floats) -> Curve:
    """Mean, low and high of the points in each share; where a run has none, between its own."""
    num = len(edges) - 1
    middle = (edges[:-1] + edges[1:]) / 2
    if not len(x):
        return Curve(*(np.full(num, np.nan) for _ in range(3)))
    share = np.clip(np.searchsorted(edges, x, "right") - 1, 0, num - 1)
    finite = np.isfinite(y)
    total = np.bincount(share[finite], y[finite], num)
    counts = np.bincount(share[finite], minlength=num)
    low, high = np.full(num, np.inf), np.full(num, -np.inf)
    np.minimum.at(low, share[finite], y[finite])
    np.maximum.at(high, share[finite], y[finite])
    drawn = _between(x, y, middle)
    drawn[np.bincount(share, minlength=num) > counts] = np.nan  # a share with a NaN, and no more
    has = counts > 0
    mean = np.where(has, total / np.maximum(counts, 1), drawn)
    return Curve(mean, np.where(has, low, mean), np.where(has, high, mean))


def _band(group: Group, curves: Sequence[Curve], num: int) -> Band:
    if not curves:
        empty = np.full(num, np.nan)
        return Band(group, empty, empty, empty, np.zeros(num, np.int64))
    means = np.array([curve.mean for curve in curves])
    known = np.isfinite(means)
    n = known.sum(0)
    mean = np.where(n > 0, np.where(known, means, 0.0).sum(0) / np.maximum(n, 1), np.nan)
    low = np.where(known, [curve.low for curve in curves], np.inf).min(0)
    high = np.where(known, [curve.high for curve in curves], -np.inf).max(0)
    return Band(group, mean, np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan), n)


def overlay_json(found: Overlay, metric: Metric, along: Along, title: str) -> dict[str, Any]:
    """As the page gets it; None for what is not there."""
    lows = [band.low for band in found.bands]
    highs = [band.high for band in found.bands]
    known = [values[np.isfinite(values)] for values in (*lows, *highs)]
    every = np.concatenate(known) if known else np.empty(0)
    lines = list(found.curves.items())[:MOST_LINES]
    return {
        "key": metric.key,
        "label": metric.label,
        "unit": metric.unit,
        "x": along,
        "x_label": LABELS[along],
        "xs": numbers(found.xs, 9),
        "title": title,
        "groups": [
            {
                "letter": band.group.letter,
                "slot": band.group.slot,
                "label": band.group.label,
                "mean": numbers(band.mean),
                "low": numbers(band.low),
                "high": numbers(band.high),
                "n": band.n.tolist(),
            }
            for band in found.bands
        ],
        "runs": [
            {"id": run_id, "letter": group.letter, "y": numbers(curve.mean)}
            for run_id, (group, curve) in lines
        ],
        "left": found.num_left + len(found.curves) - len(lines),
        "range": [float(every.min()), float(every.max())] if len(every) else None,
        "log_ok": bool(len(every) and every.min() > 0),
    }


def numbers(values: Floats, digits: int = 6) -> list[float | None]:
    """Plain numbers of few digits; None for what is not finite."""
    return [
        float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values.tolist()
    ]
