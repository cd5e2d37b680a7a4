"""What a static picture is made of: text, lines and filled shapes, in pixels from the top left.

Two hands draw them: `nbtrack.views.svg` and `nbtrack.views.png`. A saved picture has no theme, so
each colour has a luminance near 0.18: about 4.5:1 on white and on black.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

INK = "#767676"
BLUE, ORANGE, GREEN, PINK = "#1479B8", "#C4560A", "#0F8566", "#B9527A"
AMBER, VIOLET, TEAL = "#8A6F14", "#8B5FC7", "#3F7FA0"
RED = "#D03B3B"
SERIES = (BLUE, ORANGE, GREEN, PINK, AMBER, VIOLET, TEAL, INK)
# equal luminance leaves little to colour-blind eyes: dashes and names are not optional
DASHES: tuple[tuple[float, ...], ...] = ((), (6, 3), (2, 3), (7, 3, 2, 3))

Point = tuple[float, float]


@dataclass(frozen=True)
class Word:
    """A piece of a line of text."""

    text: str
    colour: str = INK
    size: float = 12
    is_bold: bool = False
    is_mono: bool = False
    gap: float = 10  # px between it and the word before


@dataclass(frozen=True)
class Words:
    """A line of text; its words follow each other whatever face the reader has."""

    x: float
    y: float
    words: Sequence[Word]
    anchor: Literal["start", "middle", "end"] = "start"


@dataclass(frozen=True)
class Path:
    """One or more polylines drawn with one pen, or filled."""

    lines: Sequence[Sequence[Point]]
    colour: str = INK
    width: float = 1.0
    opacity: float = 1.0
    dash: tuple[float, ...] = ()
    is_filled: bool = False


@dataclass
class Picture:
    """A picture: its size, its shapes from back to front, and a sentence for those who hear it."""

    width: float
    height: float
    label: str
    shapes: list[Words | Path] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, **look: object) -> None:
        """Add a line of one word; `look` as for `Word`, and ``anchor``."""
        anchor = look.pop("anchor", "start")
        word = Word(text, **look)  # type: ignore[arg-type]
        self.shapes.append(Words(x, y, [word], anchor))  # type: ignore[arg-type]

    def path(self, *lines: Sequence[Point], **look: object) -> None:
        """Add polylines; `look` as for `Path`."""
        self.shapes.append(Path(lines, **look))  # type: ignore[arg-type]


def circle(x: float, y: float, radius: float, start: float = 0.0, end: float = 1.0) -> list[Point]:
    """A circle or a piece of it as a polyline; `start` and `end` are turns."""
    corners = 32
    turns = [start + (end - start) * k / corners for k in range(corners + 1)]
    return [
        (x + radius * math.cos(math.tau * turn), y + radius * math.sin(math.tau * turn))
        for turn in turns
    ]


def warning_icon(x: float, y: float, colour: str) -> list[Path]:
    """A triangle with an exclamation mark, in a square of 12 px whose middle is (x, y)."""
    triangle = [(x, y - 6), (x + 7, y + 6), (x - 7, y + 6), (x, y - 6)]
    return [
        Path([triangle], colour, 1.5),
        Path([[(x, y - 2), (x, y + 2)], [(x, y + 3.4), (x, y + 4.8)]], colour, 1.5),
    ]


STATUS_COLOURS = {
    "running": BLUE,
    "done": GREEN,
    "failed": RED,
    "stopped": AMBER,
    "interrupted": AMBER,
    "incomplete": AMBER,
    "lost": INK,
}


def status_icon(status: str, x: float, y: float) -> list[Path]:
    """The shape of a status, in a square of 12 px whose middle is (x, y)."""
    colour = STATUS_COLOURS.get(status, INK)
    if status == "done":
        return [Path([[(x - 6, y), (x - 2, y + 4), (x + 6, y - 5)]], colour, 2.4)]
    if status == "failed":
        lines = [[(x - 5, y - 5), (x + 5, y + 5)], [(x + 5, y - 5), (x - 5, y + 5)]]
        return [Path(lines, colour, 2.4)]
    if status == "interrupted":
        return [Path([[(x + k, y - 5), (x + k, y + 5)] for k in (-3, 3)], colour, 2.8)]
    if status == "stopped":
        square = [(x - 5, y - 5), (x + 5, y - 5), (x + 5, y + 5), (x - 5, y + 5)]
        return [Path([square], colour, is_filled=True)]
    if status == "incomplete":
        half = Path([circle(x, y, 5, -0.25, 0.25)], colour, is_filled=True)
        return [half, Path([circle(x, y, 5)], colour, 1.6)]
    if status == "lost":
        return [Path([circle(x, y, 5)], colour, 2, dash=(2.4, 2.6))]
    return [Path([circle(x, y, 5)], colour, is_filled=True)]
