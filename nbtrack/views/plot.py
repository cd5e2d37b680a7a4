"""One plot of a static picture: axes, raw values kept faint, smoothed lines, and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbtrack.views.axes import (
    linear_range,
    linear_ticks,
    log_range,
    log_ticks,
    tick_labels,
)
from nbtrack.views.frames import Frame
from nbtrack.views.shapes import DASHES, RED, SERIES, Picture, Point
from nbtrack.views.words import count

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Line:
    """A series to draw."""

    label: str
    frame: Frame
    is_dashed: bool = False
    is_held_out: bool = False
    is_smoothed: bool = False
    number: int = 0

    @property
    def colour(self) -> str:
        """By its place in the panel."""
        return SERIES[self.number % len(SERIES)]

    @property
    def dash(self) -> tuple[float, ...]:
        """By its place in the panel; a held-out series is never solid."""
        dash = DASHES[self.number % len(DASHES)]
        return DASHES[1] if self.is_dashed and not dash else dash

    @property
    def last(self) -> float:
        """The last value as logged."""
        return float(self.frame.values[-1])


@dataclass(frozen=True)
class Box:
    """Where a plot goes: its frame without tick labels."""

    x: float
    y: float
    width: float
    height: float


def smoothed(frame: Frame, keep: float) -> tuple[Ints, Floats]:
    """Exponential smoothing as in ``frontend/src/smooth.js``.

    Parameters
    ----------
    keep : float
        0 to 1; never longer than a tenth of the points so far.

    Returns
    -------
    (positions, values)
        One value for each point that stands for others, NaN at a gap.
    """
    out = np.full(len(frame), np.nan)
    state, rows = np.nan, 0.0
    for i, (value, mean, weight) in enumerate(
        zip(frame.values.tolist(), frame.means.tolist(), frame.counts.tolist(), strict=True)
    ):
        if weight and np.isfinite(mean):
            most = max(0.0, 1 - 10 / (rows + weight))
            old = min(keep, most) ** weight
            state = mean if np.isnan(state) else old * state + (1 - old) * mean
        rows += weight
        out[i] = state if np.isfinite(value) else np.nan
    drawn = np.flatnonzero((frame.counts > 0) | ~np.isfinite(frame.values))
    return drawn, out[drawn]


def draw(
    picture: Picture,
    box: Box,
    lines: Sequence[Line],
    steps: tuple[float, float],
    *,
    is_log: bool = False,
    has_zero: bool = False,
    smoothing: float = 0.9,
) -> None:
    """Add a plot to a picture.

    Parameters
    ----------
    lines : sequence of Line
        At least one with a point.
    steps : (float, float)
        First and last step of all plots of the picture.
    """
    low, high = _range(lines, is_log=is_log, has_zero=has_zero)
    first, last = steps if steps[1] > steps[0] else (steps[0], steps[0] + 1)

    def place(steps: Floats, values: Floats) -> list[list[Point]]:
        x = box.x + (steps - first) / (last - first) * box.width
        if is_log:
            values = np.log10(np.where(values > 0, values, np.nan))
        bottom, top = (np.log10(low), np.log10(high)) if is_log else (low, high)
        y = box.y + box.height - (values - bottom) / (top - bottom) * box.height
        return _pieces(x, y)

    _axes(picture, box, (low, high), (first, last), is_log=is_log)
    for line in lines:
        frame = line.frame
        raw = place(*_by_step(frame.steps, frame.values))
        width = 2 if box.height > 100 else 1.6
        if line.is_smoothed:
            picture.path(*raw, colour=line.colour, width=1, opacity=0.4)
            drawn, values = smoothed(frame, smoothing)
            curve = place(*_by_step(frame.steps[drawn], values))
            picture.path(*curve, colour=line.colour, width=width, dash=line.dash)
        else:
            picture.path(*raw, colour=line.colour, width=width, dash=line.dash)
        _dots(picture, raw, line)
        missing = frame.steps[~np.isfinite(frame.values)].astype(float)
        ticks = box.x + (missing - first) / (last - first) * box.width
        foot = box.y + box.height
        picture.path(*([(t, foot), (t, foot - 7)] for t in _apart(ticks)), colour=RED, width=1.5)


def _range(lines: Sequence[Line], *, is_log: bool, has_zero: bool) -> tuple[float, float]:
    values = np.concatenate([line.frame.values for line in lines])
    values = values[np.isfinite(values) & ((values > 0) | (not is_log))]
    if not len(values):
        return (0.1, 1.0) if is_log else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    return log_range(low, high) if is_log else linear_range(low, high, has_zero=has_zero)


def _axes(
    picture: Picture,
    box: Box,
    values: tuple[float, float],
    steps: tuple[float, float],
    *,
    is_log: bool,
) -> None:
    most = 6 if box.height > 100 else 4
    low, high = values
    ticks = log_ticks(low, high, most) if is_log else linear_ticks(low, high, most)
    foot, right = box.y + box.height, box.x + box.width
    for tick, label in zip(ticks, tick_labels(ticks, is_log=is_log), strict=True):
        share = np.log(tick / low) / np.log(high / low) if is_log else (tick - low) / (high - low)
        y = foot - float(share) * box.height
        picture.path([(box.x, y), (right, y)], opacity=0.28)
        picture.text(box.x - 6, y + 4, label, size=11, anchor="end")
    picture.path([(box.x, foot), (right, foot)], opacity=0.7)
    first, last = steps
    for tick in linear_ticks(first, last, 6 if box.width > 400 else 2, is_whole=True):
        x = box.x + (tick - first) / (last - first) * box.width
        anchor = "start" if x < box.x + 4 else "end" if x > right - 14 else "middle"
        picture.text(x, foot + 15, count(tick), size=11, anchor=anchor)


def _by_step(steps: npt.NDArray[np.int64], values: Floats) -> tuple[Floats, Floats]:
    """Along rising steps; those that were repeated stay in the order in which they came."""
    order = np.argsort(steps, kind="stable")
    return steps[order].astype(float), values[order]


def _pieces(x: Floats, y: Floats) -> list[list[Point]]:
    """Runs of finite points: a gap is never bridged."""
    finite = np.isfinite(y)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], finite, [False])).astype(int)))
    return [
        list(zip(x[a:b].tolist(), y[a:b].tolist(), strict=True))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]


def _dots(picture: Picture, pieces: Sequence[Sequence[Point]], line: Line) -> None:
    """Points of short series, and points with a gap on both sides, which no line shows."""
    few = sum(map(len, pieces)) <= 12
    for piece in pieces:
        if few or len(piece) == 1:
            for x, y in piece:
                square = [(x - 2, y - 2), (x + 2, y - 2), (x + 2, y + 2), (x - 2, y + 2)]
                picture.path(square, colour=line.colour, is_filled=True)


def _apart(xs: Floats) -> list[float]:
    """Positions at least 2 px apart."""
    kept: list[float] = []
    for x in sorted(xs.tolist()):
        if not kept or x - kept[-1] >= 2:
            kept.append(x)
    return kept
