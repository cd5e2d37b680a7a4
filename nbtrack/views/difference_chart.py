"""How far two runs are apart, step by step: the differences of one series, and their picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nbtrack.views.frames import Frame
from nbtrack.views.plot import Box, Line, draw
from nbtrack.views.shapes import BLUE, INK, RED, Path, Picture, Words
from nbtrack.views.svg import to_svg
from nbtrack.views.words import count, sig

if TYPE_CHECKING:
    import numpy.typing as npt

    from nbtrack.records import Difference
    from nbtrack.store import StoredRun

MOST_SHARES = 280  # one for each 2 px
WIDTH, HEIGHT = 580.0, 220.0
_OK, _WARN = "var(--ok,#1b6e3c)", "var(--warn,#8f5200)"
# a page has a theme, a saved picture has none
_THEMED = {INK: "var(--fg2,#767676)", BLUE: "var(--curve,#1479b8)", RED: "var(--error,#d03b3b)"}


@dataclass(frozen=True)
class Distances:
    """Absolute differences of one series in equal shares of its points.

    Attributes
    ----------
    key : str
    steps : array of int64
        Where in its share the difference is largest.
    sizes : array of float64
        The largest difference of each share; infinite where one of two values is not finite.
    share : int
        Points in a share, about; 1 when all are here.
    first, last : int
        Of the steps of all points.
    """

    key: str
    steps: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.float64]
    share: int
    first: int
    last: int


def read_distances(recorded: StoredRun, again: StoredRun, key: str) -> Distances | None:
    """The differences of one series of two runs; None if they share fewer than two points.

    Raises
    ------
    OSError
        If a run cannot be read.

    Notes
    -----
    The k-th point that a rank logged at a step belongs to the k-th in the other run.
    """
    ours, theirs = recorded.points(key), again.points(key)
    place = ["rank", "step"]
    for points in (ours, theirs):
        points["nth"] = points.groupby(place).cumcount()
    both = ours.merge(theirs, on=[*place, "nth"]).sort_values("step", kind="stable")
    if len(both) < 2:
        return None
    a, b = (both[name].to_numpy(np.float64) for name in ("value_x", "value_y"))
    with np.errstate(invalid="ignore"):
        sizes = np.abs(a - b)
    sizes[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
    sizes[np.isnan(sizes)] = np.inf
    steps = both["step"].to_numpy(np.int64)
    shares = np.array_split(np.arange(len(sizes)), min(len(sizes), MOST_SHARES))
    largest = np.array([share[np.argmax(sizes[share])] for share in shares])
    return Distances(
        key, steps[largest], sizes[largest], len(shares[0]), int(steps[0]), int(steps[-1])
    )


def chart(distances: Distances, first: Difference | None = None) -> str:
    """The differences over the steps as SVG, on a logarithmic axis; shaded where they are zero.

    Parameters
    ----------
    first : Difference, optional
        Where the series differs first, and by how much: marked.
    """
    steps, sizes = distances.steps, distances.sizes
    words = f"Difference in {distances.key} from step {distances.first} to {distances.last}"
    finite = sizes[np.isfinite(sizes)]
    if len(finite):
        words += f", at most {sig(float(finite.max()))}"
    picture = Picture(WIDTH, HEIGHT, words)
    box = Box(46, 8, WIDTH - 56, HEIGHT - 30)
    span = max(distances.last - distances.first, 1)

    def x_of(step: float) -> float:
        return box.x + (step - distances.first) / span * box.width

    for start, end in _stretches(sizes == 0):
        left = x_of(steps[start]) if start else box.x
        right = x_of(steps[end]) if end < len(steps) else box.x + box.width
        picture.path(_rectangle(box, left, right), colour=_OK, opacity=0.12, is_filled=True)
    frame = Frame.of(steps, np.zeros(len(steps)), np.where(np.isfinite(sizes), sizes, np.nan))
    draw(
        picture,
        box,
        [Line(distances.key, frame)],
        (float(distances.first), float(distances.last)),
        is_log=True,
    )
    step = None if first is None else first.step
    if first is not None and step is not None and distances.first <= step <= distances.last:
        _mark(picture, box, x_of(step), step, first.size)
    return to_svg(_themed(picture))


def _stretches(is_equal: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end (not included) of each run of shares that are equal throughout."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_equal, [False])).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _rectangle(box: Box, left: float, right: float) -> list[tuple[float, float]]:
    foot = box.y + box.height
    return [(left, box.y), (right, box.y), (right, foot), (left, foot)]


def _mark(picture: Picture, box: Box, x: float, step: int, size: float | None) -> None:
    picture.path(
        [(x, box.y + 10), (x, box.y + box.height)], colour=_WARN, width=1.2, dash=(3.0, 3.0)
    )
    top = [(x, box.y + 2), (x + 5, box.y + 11), (x - 5, box.y + 11)]
    picture.path(top, colour=_WARN, is_filled=True)
    is_left = x < box.x + box.width * 0.6
    picture.text(
        x + (10 if is_left else -10),
        box.y + 11,
        f"step {count(step)}" + ("" if size is None else f", {sig(size)}"),
        colour=_WARN,
        is_bold=True,
        anchor="start" if is_left else "end",
    )


def _themed(picture: Picture) -> Picture:
    """The same picture in the colours of the page."""
    shapes: list[Words | Path] = []
    for shape in picture.shapes:
        if isinstance(shape, Words):
            words = [
                replace(word, colour=_THEMED.get(word.colour, word.colour)) for word in shape.words
            ]
            shapes.append(replace(shape, words=words))
        else:
            shapes.append(replace(shape, colour=_THEMED.get(shape.colour, shape.colour)))
    return replace(picture, shapes=shapes)
