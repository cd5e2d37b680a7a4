"""The picture of a comparison: the verdict, its interval, the curves, and what differs.

As SVG and PNG for a saved notebook, and as a matplotlib figure for a report.
"""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np

from nbtrack.views.axes import linear_range, linear_ticks, tick_labels
from nbtrack.views.shapes import DASHES, INK, SERIES, Picture, Word, Words
from nbtrack.views.svg import to_svg
from nbtrack.views.words import count, shorten, sig

Comparison = Any  # `nbtrack.evaluate.comparison` draws itself with this file

WIDTH = 960.0
MOST_GROUPS = 8
_PLOT = (44.0, 560.0, 220.0)  # left, width, height


def bundle(comparison: Comparison) -> dict[str, Any]:
    """The picture as HTML with a table, SVG, PNG and text; no PNG where matplotlib is missing."""
    picture = draw(comparison)
    svg = to_svg(picture)
    found: dict[str, Any] = {
        "text/html": _html(comparison, svg),
        "image/svg+xml": svg,
        "text/plain": str(comparison),
    }
    try:
        from nbtrack.views.png import to_png

        found["image/png"] = base64.b64encode(to_png(picture)).decode()
    except ImportError:
        pass
    return found


def _html(comparison: Comparison, svg: str) -> str:
    """The picture with its groups as a table: all that is left where a page takes SVG out."""
    metric = comparison.metric
    unit = f", {metric.unit}" if metric and metric.unit else ""
    heads = ("group", "", f"{metric.label}{unit}" if metric else "", "low", "high", "runs")
    rows = []
    for group in comparison.groups:
        numbers = group.numbers
        cells = [group.letter, group.label]
        cells += [sig(each, 4) for each in (group.mean, *map(_only(numbers), (min, max)))]
        rows.append([*cells, str(group.n)])
    table = "".join(
        "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>"
        for tag, row in (("th", heads), *(("td", row) for row in rows))
    )
    below = f"<summary>{escape(comparison.sentence)}: as a table</summary><table>{table}</table>"
    return f"<div>{svg}<details>{below}</details></div>"


def _only(numbers: list[float]) -> Callable[[Callable[[list[float]], float]], float | None]:
    return lambda pick: pick(numbers) if numbers else None


def look(slot: int | None) -> tuple[str, tuple[float, ...]]:
    """The colour and dash of a group."""
    return (INK, ()) if slot is None else (SERIES[slot % len(SERIES)], DASHES[slot % len(DASHES)])


def draw(comparison: Comparison) -> Picture:
    """The picture, as shapes."""
    verdict, metric = comparison.verdict, comparison.metric
    picture = Picture(WIDTH, 0, f"Comparison of runs: {verdict.sentence}")
    y = 22.0
    has_interval = comparison.payload(["verdict"])["verdict"]["interval"]
    for line in textwrap.wrap(verdict.sentence, 78 if has_interval else 104):
        picture.text(0, y, line, size=16, is_bold=True)
        y += 21
    detail = "".join(text for text, _ in comparison.detail)
    for line in textwrap.wrap(detail, 105 if has_interval else 150):
        picture.text(0, y, line)
        y += 17
    if has_interval:
        _interval(picture, has_interval, comparison)
    y = max(y, 74.0) + 6
    picture.path([(0, y), (WIDTH, y)], opacity=0.4)
    top = y + 22
    bottom = _curves(picture, comparison, top) if metric is not None else top
    bottom = max(bottom, _groups(picture, comparison, top))
    picture.text(
        0, bottom + 22, f"Picture saved with the notebook. {comparison.call} opens it again."
    )
    picture.height = bottom + 34
    return picture


def _interval(picture: Picture, interval: dict[str, Any], comparison: Comparison) -> None:
    left, width, y = 742.0, 210.0, 30.0
    low, high = interval["axis"]

    def x(value: float) -> float:
        return float(left + (value - low) / (high - low) * width)

    better = interval["b"] if interval["mean"] >= 0 else interval["a"]
    slot = next(g.slot for g in comparison.groups if g.letter == better)
    colour, _ = look(slot)
    picture.path([(left, y + 12), (left + width, y + 12)], opacity=0.4)
    picture.path([(x(0), 4), (x(0), y + 12)], dash=(2, 2))
    ends = x(interval["low"]), x(interval["high"])
    picture.path(
        [(ends[0], y), (ends[1], y)],
        *([(end, y - 5), (end, y + 5)] for end in ends),
        colour=colour,
        width=2,
    )
    middle = x(interval["mean"])
    corners = [(middle - 4, y), (middle, y - 4), (middle + 4, y), (middle, y + 4)]
    picture.path(corners, colour=colour, is_filled=True)
    for value, text in interval["ticks"]:
        picture.text(x(value), y + 27, text, size=11, anchor="middle")
    if x(0) - left > 60:
        picture.text(x(0) - 6, 14, interval["left"], size=11, anchor="end")
    if left + width - x(0) > 60:
        picture.text(x(0) + 6, 14, interval["right"], size=11)


def _curves(picture: Picture, comparison: Comparison, top: float) -> float:
    found = comparison.payload(["overlay"])["overlay"]
    left, width, height = _PLOT
    title = f"{found['label']}, {found['unit']}" if found["unit"] else found["label"]
    picture.shapes.append(
        Words(0, top, [Word(shorten(title, 40), is_bold=True), Word(shorten(found["title"], 60))])
    )
    box = top + 14
    xs = np.array(found["xs"], dtype=float)
    if not len(xs) or found["range"] is None:
        picture.text(0, box + 20, "No points to draw.")
        return box + 30
    low, high = linear_range(*_settled(found, better=_better(comparison)))
    first, last = float(xs[0]), float(xs[-1]) if xs[-1] > xs[0] else float(xs[0]) + 1
    foot = box + height

    def place(values: list[float | None]) -> list[list[tuple[float, float]]]:
        pieces: list[list[tuple[float, float]]] = [[]]
        for at, value in zip(xs.tolist(), values, strict=True):
            if value is None:
                pieces.append([])
            else:
                y = foot - (value - low) / (high - low) * height
                pieces[-1].append((left + (at - first) / (last - first) * width, y))
        return [piece for piece in pieces if piece]

    def inside(pieces: list[list[tuple[float, float]]]) -> list[list[tuple[float, float]]]:
        return [cut for piece in pieces for cut in _cut(piece, box, foot)]

    ticks = linear_ticks(low, high, 5)
    for tick, text in zip(ticks, tick_labels(ticks), strict=True):
        y = foot - (tick - low) / (high - low) * height
        picture.path([(left, y), (left + width, y)], opacity=0.28)
        picture.text(left - 6, y + 4, text, size=11, anchor="end")
    picture.path([(left, foot), (left + width, foot)], opacity=0.7)
    for tick in linear_ticks(first, last, 5):
        text = count(tick) if last - first >= 5 else sig(tick, 2)
        x = left + (tick - first) / (last - first) * width
        picture.text(x, foot + 15, text, size=11, anchor="middle")
    picture.text(left + width + 22, foot + 15, found["x_label"], size=11)
    for group in found["groups"][:MOST_GROUPS]:
        colour, dash = look(group["slot"])
        if max(group["n"]) > 1:
            for lows, highs in zip(place(group["low"]), place(group["high"]), strict=True):
                outline = [(x, min(max(y, box), foot)) for x, y in [*lows, *reversed(highs)]]
                picture.path(outline, colour=colour, opacity=0.16, is_filled=True)
        means = inside(place(group["mean"]))
        picture.path(*means, colour=colour, width=2, dash=dash)
        for piece in means:
            if len(piece) == 1:
                x, y = piece[0]
                square = [
                    (x - 2.5, y - 2.5),
                    (x + 2.5, y - 2.5),
                    (x + 2.5, y + 2.5),
                    (x - 2.5, y + 2.5),
                ]
                picture.path(square, colour=colour, is_filled=True)
    return foot + 22


def _better(comparison: Comparison) -> str:
    """Which end of the axis is the good one."""
    return comparison.metric.better if comparison.metric else "lower"


def _settled(found: dict[str, Any], better: str) -> tuple[float, float]:
    """The range of the axis: the bad end is that of the last four fifths of x.

    Where curves begin they are all bad, and would press what is to be told apart into a line.
    """
    start = len(found["xs"]) // 5
    lows = [v for group in found["groups"] for v in group["low"][start:] if v is not None]
    highs = [v for group in found["groups"] for v in group["high"][start:] if v is not None]
    low, high = found["range"]
    if not lows:
        return low, high
    return (min(lows), high) if better == "higher" else (low, max(highs))


def _cut(
    piece: list[tuple[float, float]], top: float, foot: float
) -> list[list[tuple[float, float]]]:
    """The parts of a line between two heights, cut where it crosses them."""
    parts: list[list[tuple[float, float]]] = [[]]
    for k, (x, y) in enumerate(piece):
        was_in = bool(k) and top <= piece[k - 1][1] <= foot
        is_in = top <= y <= foot
        if k and was_in != is_in:
            x0, y0 = piece[k - 1]
            outer = y0 if is_in else y
            edge = top if outer < top else foot
            parts[-1].append((x0 + (x - x0) * (edge - y0) / (y - y0), edge))
        if is_in:
            parts[-1].append((x, y))
        elif was_in:
            parts.append([])
    return [part for part in parts if part]


def _groups(picture: Picture, comparison: Comparison, top: float) -> float:
    """The groups with their means, and the parameters in which A and B differ."""
    x, y = 668.0, top
    metric = comparison.metric
    unit = f", {metric.unit}" if metric and metric.unit else ""
    picture.text(x, y, "Groups", is_bold=True)
    if metric:
        picture.text(WIDTH, y, shorten(f"{metric.label}{unit}", 26), anchor="end")
    for group in comparison.groups[:MOST_GROUPS]:
        y += 20
        colour, dash = look(group.slot)
        picture.path([(x, y - 4), (x + 22, y - 4)], colour=colour, width=2.4, dash=dash)
        words = [
            Word(group.letter, colour, is_bold=True),
            Word(shorten(group.label, 26)),
        ]
        picture.shapes.append(Words(x + 30, y, words))
        mean = "none counts" if group.mean is None else sig(group.mean, 4 if unit else 3)
        number = f"{mean}  ({group.n})"
        picture.text(WIDTH, y, number, anchor="end")
    if len(comparison.groups) > MOST_GROUPS:
        y += 18
        picture.text(x, y, f"and {len(comparison.groups) - MOST_GROUPS} more groups")
    found = comparison.differences
    if found is None:
        return y
    y += 30
    picture.text(x, y, "Differ", is_bold=True)
    picture.text(WIDTH - 90, y, found.a.letter, anchor="end", is_bold=True)
    picture.text(WIDTH, y, found.b.letter, anchor="end", is_bold=True)
    rows = comparison.payload(["differ"])["differ"]
    for row in rows["params"][:5]:
        y += 18
        picture.text(x, y, shorten(row["name"], 18), is_mono=True)
        for side, right in (("a", WIDTH - 90), ("b", WIDTH)):
            picture.text(right, y, shorten(row[side] or "none", 11), anchor="end", is_mono=True)
    if not rows["params"]:
        y += 18
        picture.text(x, y, "no parameter")
    if len(rows["params"]) > 5:
        y += 18
        picture.text(x, y, f"and {len(rows['params']) - 5} more")
    if rows["same"]:
        for line in textwrap.wrap(rows["same"], 44)[:2]:
            y += 20
            picture.text(x, y, line)
    return y


def figure(comparison: Comparison) -> Any:
    """The curves under the verdict as a matplotlib Figure, in the person's own style."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = made.add_subplot()
    verdict = "\n".join(textwrap.wrap(comparison.sentence, 80))
    made.suptitle(verdict, fontsize=11, fontweight="bold", ha="left", x=0.01, parse_math=False)
    metric = comparison.metric
    if metric is None:
        axes.set_axis_off()
        return made
    found = comparison.payload(["overlay"])["overlay"]
    xs = np.array(found["xs"], dtype=float)
    for group in found["groups"]:
        colour, dash = look(group["slot"])
        low, high, mean = (np.array(group[each], dtype=float) for each in ("low", "high", "mean"))
        axes.plot(
            *(xs, mean),
            color=colour,
            linestyle=(0, dash) if dash else "-",
            label=f"{group['letter']}  {group['label']}".replace("$", r"\$"),
            marker="o" if len(xs) == 1 else "",
        )
        axes.fill_between(xs, low, high, color=colour, alpha=0.16, linewidth=0)
    if found["range"] is not None:
        axes.set_ylim(*linear_range(*_settled(found, better=metric.better)))
    axes.set_xlabel(found["x_label"])
    axes.set_ylabel(
        (metric.label + (f", {metric.unit}" if metric.unit else "")).replace("$", r"\$")
    )
    axes.set_title(found["title"].replace("$", r"\$"), fontsize=9, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    if found["groups"]:
        axes.legend(frameon=False, fontsize=9)
    return made
