"""`Asked`: what pages asked for and were not answered: full pictures, ranges, series by name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nbtrack.views.wire import ENVELOPE_BYTES, POINT_BYTES, Allowance, pack

if TYPE_CHECKING:
    from nbtrack.views.marks import Marks
    from nbtrack.views.shelf import Shelf

MOST_SERIES = 40  # of one question
USUAL_POINTS, MOST_POINTS, FEWEST_POINTS = 1_500, 3_000, 60  # of each series
MOST_PURPOSES = 64  # questions that wait; of many pages, the oldest is dropped
SHARE = 0.6  # of what may be sent in a second goes to ranges


class Asked:
    """Questions of pages that wait for an answer.

    Parameters
    ----------
    shelf : Shelf
    marks : Marks
        Say at which steps the epochs begin.

    Attributes
    ----------
    pages : set of str
        Pages that asked for all series in full.
    heat : set of (str, str)
        Pages and the maps of layers that they are owed.
    """

    def __init__(self, shelf: Shelf, marks: Marks) -> None:
        self._shelf = shelf
        self._marks = marks
        self.pages: set[str] = set()
        self.heat: set[tuple[str, str]] = set()
        self._ranges: dict[tuple[str, str], dict[str, Any]] = {}

    def __bool__(self) -> bool:
        return bool(self.pages or self._ranges or self.heat)

    def range(self, content: Any) -> None:
        """Take a question of a page; of those for one purpose only the newest is answered.

        What is not a question (a page can say anything) is left alone.
        """
        axis = content.get("x", "step")
        low, high = (_end(content.get(name)) for name in ("lo", "hi"))
        if axis not in ("step", "time", "epoch") or low is False or high is False:
            return
        page, purpose = str(content.get("me", "")), str(content.get("for", "zoom"))
        ids, keys = content.get("k"), content.get("keys")
        most = content.get("most")
        self._ranges.pop((page, purpose), None)
        self._ranges[page, purpose] = {
            "to": page,
            "re": content.get("n"),
            "for": purpose,
            "x": axis,
            "lo": low,
            "hi": high,
            "ids": [k for k in ids if isinstance(k, int)] if isinstance(ids, list) else [],
            "keys": [k for k in keys if isinstance(k, str)] if isinstance(keys, list) else [],
            "most": most if isinstance(most, int) else USUAL_POINTS,
        }
        while len(self._ranges) > MOST_PURPOSES:
            del self._ranges[next(iter(self._ranges))]

    def answers(
        self, allowance: Allowance, drawn: Mapping[int, str]
    ) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Answers to ranges, as far as they may be sent now.

        Parameters
        ----------
        drawn : mapping of int to str
            Names of the series that pages know by number.

        Raises
        ------
        OSError
            If a file is there and cannot be read.
        """
        for about, asked in list(self._ranges.items()):
            named = [(id, drawn[id]) for id in asked["ids"] if id in drawn]
            named += [(key, key) for key in asked["keys"]]
            named = named[:MOST_SERIES]
            room = min(allowance.left(), int(allowance.per_s * SHARE)) - ENVELOPE_BYTES
            most = min(asked["most"], MOST_POINTS, room // POINT_BYTES // max(len(named), 1) - 2)
            if most < min(FEWEST_POINTS, asked["most"]):
                return
            if self._ranges.get(about) is asked:  # not one that came from another thread since
                del self._ranges[about]
            for key in asked["keys"]:
                self._shelf.fetch(key)
            yield self._answer(asked, named, max(most, 5))

    def _answer(
        self, asked: dict[str, Any], named: list[tuple[int | str, str]], most: int
    ) -> tuple[dict[str, Any], bytes]:
        axis, low, high = asked["x"], asked["lo"], asked["hi"]
        ends = [-math.inf if low is None else low, math.inf if high is None else high]
        if axis == "epoch":
            axis = "step"
            ends = [end if math.isinf(end) else self._marks.step_of(end) for end in ends]
        found = self._shelf.cuts([name for _, name in named], axis, ends[0], ends[1], most)
        message, buffer = pack(
            "range", [(id, frame) for (id, _), (frame, _) in zip(named, found, strict=True)]
        )
        message |= {name: asked[name] for name in ("to", "re", "for", "x", "lo", "hi")}
        return {**message, "total": [total for _, total in found]}, buffer


def _end(value: Any) -> float | bool | None:
    """An end of a range; None where it is open, False for what is no number."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return False
    return float(value)
