"""The map of layers in a static picture: one hue whose opacity is the size, on any ground."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nbtrack.views.heat import Heat, rows_of
from nbtrack.views.shapes import AMBER, BLUE, INK, RED, Path, Picture, Point
from nbtrack.views.words import shorten, sig

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

MOST_ROWS, MOST_CELLS = 24, 128
ROW_PX, LABEL_PX, VALUE_PX = 14.0, 150.0, 44.0
MOST_DECADES = 6.0
LEVELS = 16
FAINTEST = 0.05


def draw_heat(
    picture: Picture,
    heat: Heat,
    y: float,
    findings: Sequence[tuple[str, int | None]] = (),
) -> float:
    """Add the gradient norms by layer; returns where the next thing goes.

    Parameters
    ----------
    y : float
        Upper edge.
    findings : sequence of (module, first step)
        Their layers are framed from that step on.
    """
    if "grad_norm" not in heat.maps or not heat.maps["grad_norm"].columns:
        return y
    found = heat.maps["grad_norm"]
    rows = rows_of(heat.names, MOST_ROWS)
    shown = found.rows([row.members for row in rows])
    join = -(-found.columns // MOST_CELLS)
    highs = _columns(np.where(shown.is_odd, np.inf, shown.highs), join)
    known = highs[np.isfinite(highs) & (highs > 0)]
    top = math.ceil(math.log10(np.quantile(known, 0.98))) if len(known) else 0
    low = math.log10(known.min()) if len(known) else top - 1
    bottom = max(math.floor(low), top - MOST_DECADES)
    bottom = min(bottom, top - 1)
    left, right = LABEL_PX, picture.width - VALUE_PX
    width = (right - left) / highs.shape[1]
    picture.text(0, y + 14, "Gradient norm by layer", is_bold=True)
    grouped = sum(row.num_layers for row in rows)
    scale = f"fainter is smaller, {sig(10.0**bottom)} to {sig(10.0**top)}"
    if grouped > len(rows):
        scale = f"{grouped:,} layers in {len(rows)} groups; {scale}"
    picture.text(picture.width, y + 14, scale, anchor="end")
    y += 26
    by_level: dict[int, list[list[Point]]] = {}
    odd: list[list[Point]] = []
    for j, row in enumerate(rows):
        above = y + j * ROW_PX
        concerned = [step for module, step in findings if _is_of(row.label, module)]
        colour = AMBER if concerned else INK
        label = shorten(row.label, 24)
        at = above + 10.5
        is_bold = bool(concerned)
        picture.text(
            left - 8, at, label, colour=colour, size=11, is_mono=True, is_bold=is_bold, anchor="end"
        )
        newest = sig(float(shown.newest[j])) if not math.isnan(shown.newest[j]) else ""
        picture.text(picture.width, at, newest, colour=colour, size=11, anchor="end")
        share = np.clip((np.log10(np.maximum(highs[j], 1e-300)) - bottom) / (top - bottom), 0, 1)
        level = np.round(share * (LEVELS - 1))
        level[np.isneginf(highs[j])] = -1  # no reading yet
        level[np.isposinf(highs[j])] = LEVELS
        edges = np.flatnonzero(np.append(True, level[1:] != level[:-1])).tolist()
        for begin, end in zip(edges, [*edges[1:], len(level)], strict=True):
            which = int(level[begin])
            box = _box(left + begin * width, above, (end - begin) * width, ROW_PX - 1.5)
            if which >= LEVELS:
                odd.append(box)
            elif which >= 0:
                by_level.setdefault(which, []).append(box)
        for step in concerned:
            begin = 0.0 if step is None else (step - found.first) / (found.per * join)
            x = left + min(max(begin, 0.0), highs.shape[1] - 1) * width
            frame = _box(x, above - 0.5, right - x, ROW_PX - 0.5)
            picture.path([*frame, frame[0]], colour=AMBER, width=1.2)
    for which, boxes in sorted(by_level.items()):
        opacity = FAINTEST + (1 - FAINTEST) * which / (LEVELS - 1)
        # behind the frames, which were added row by row
        picture.shapes.insert(0, Path(boxes, BLUE, opacity=round(opacity, 3), is_filled=True))
    if odd:
        picture.shapes.insert(0, Path(odd, RED, is_filled=True))
    return y + len(rows) * ROW_PX + 10


def _columns(values: Floats, join: int) -> Floats:
    """The highest of so many columns together."""
    if join <= 1:
        return values
    starts = np.arange(0, values.shape[1], join)
    joined: Floats = np.maximum.reduceat(values, starts, axis=1)
    return joined


def _box(x: float, y: float, width: float, height: float) -> list[Point]:
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def _is_of(label: str, module: str) -> bool:
    """Whether a row is of a module: its own, one within it, or the group that holds it."""
    row, own = f"{label}.", f"{module}."
    return bool(module) and (row.startswith(own) or own.startswith(row))
