"""Marks on the steps of a static plot: findings, exceptions, requests, and ticks of the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nbtrack.views.plot import Box
from nbtrack.views.shapes import INK, Picture
from nbtrack.views.words import shorten

MOST_FLAGS = 12
MOST_WORDS = 34  # letters of a flag
LETTER_PX = 6.6
TICKS_PX = 4.0  # ticks of epochs that would stand closer are left out


class Flag(NamedTuple):
    """A mark at a step."""

    step: float
    text: str
    colour: str = INK


def draw_flags(
    picture: Picture,
    box: Box,
    flags: Sequence[Flag],
    steps: tuple[float, float],
    *,
    has_words: bool = False,
) -> None:
    """Add dashed lines at the steps of flags; their words where they do not cover each other."""
    first, last = steps
    ends = [box.x - LETTER_PX] * 3  # where the words of each line of text end
    for flag in sorted(flags[:MOST_FLAGS]):
        x = box.x + (flag.step - first) / max(last - first, 1.0) * box.width
        if not box.x - 1 <= x <= box.x + box.width + 1:
            continue
        foot = box.y + box.height
        picture.path([(x, box.y), (x, foot)], colour=flag.colour, width=1.2, dash=(3, 3))
        if not has_words:
            continue
        picture.path(
            [(x - 5, box.y + 1), (x + 5, box.y + 1), (x, box.y - 8)],
            colour=flag.colour,
            is_filled=True,
        )
        text = shorten(flag.text, MOST_WORDS)
        width = len(text) * LETTER_PX + 9
        is_left = x + width > box.x + box.width
        begin = x - width if is_left else x
        line = next((k for k, end in enumerate(ends) if begin > end), None)
        if line is None:
            continue
        ends[line] = begin + width
        picture.text(
            x - 9 if is_left else x + 9,
            box.y + 2 + 15 * line,
            text,
            colour=flag.colour,
            is_bold=True,
            anchor="end" if is_left else "start",
        )


def draw_epochs(
    picture: Picture, box: Box, begins: Sequence[float], steps: tuple[float, float]
) -> None:
    """Add a short tick on the axis where each epoch begins, unless there are too many."""
    first, last = steps
    if not begins or len(begins) * TICKS_PX > box.width:
        return
    foot = box.y + box.height
    xs = [box.x + (step - first) / max(last - first, 1.0) * box.width for step in begins]
    inside = [x for x in xs if box.x <= x <= box.x + box.width]
    picture.path(*([(x, foot), (x, foot - 5)] for x in inside), opacity=0.8)
