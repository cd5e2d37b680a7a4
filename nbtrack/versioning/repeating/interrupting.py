"""Interrupts a cell of a repetition at the moment at which it was interrupted when recorded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import CodeType, FrameType
from typing import Any

from nbtrack.capture.witnessing.moment import is_own, place_of, position, value_digest

Random = Callable[[], Mapping[str, str]]


class Interruption:
    """Watches the instructions of a cell until its names hold what they held at that moment.

    Parameters
    ----------
    moment : mapping
        What `nbtrack.capture.witnessing.moment.moment_of` gave.
    namespace : mapping
        The notebook's names.
    random : callable
        Gives a digest of each source of randomness.

    Notes
    -----
    Each instruction of the cell's own code costs about a microsecond more. Code of libraries is
    watched only while the cell is at the recorded place in its own.
    """

    def __init__(
        self, moment: Mapping[str, Any], namespace: Mapping[str, Any], random: Random
    ) -> None:
        self._places = [list(place) for place in moment["places"]]
        self._values, self._locals = moment["values"], moment["locals"]
        self._recorded = moment["random"]
        self._namespace = namespace
        self._random = random
        self._codes = {(place[0], place[1]) for place in self._places}
        self._cell_depth = max(k for k, place in enumerate(self._places) if place[1] == "<cell>")
        self._before: dict[int, list[Any]] = {}  # per frame, where it was an instruction ago
        self._positions: dict[CodeType, dict[int, list[Any]]] = {}
        self._is_near = False

    def install(self) -> None:
        """Begin to watch, in this thread."""
        sys.settrace(self._called)

    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        is_cell = frame.f_globals is self._namespace
        if not is_cell and not self._is_near:
            return None
        place = place_of(frame, is_cell, [])
        if (place[0], place[1]) not in self._codes or is_own(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._stepped

    def _stepped(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "return":
            self._before.pop(id(frame), None)
            return self._stepped
        if event != "opcode":
            return self._stepped
        now = self._position(frame)
        before, self._before[id(frame)] = self._before.get(id(frame)), now
        is_cell = frame.f_globals is self._namespace
        if is_cell:
            place = place_of(frame, True, now)
            self._is_near = place == self._places[self._cell_depth]
        at = self._places[-1][2]
        # as before the instruction at the recorded place, and as after it
        if at in (now, before) and self._is_there(frame) and self._is_then(frame):
            sys.settrace(None)
            raise KeyboardInterrupt
        return self._stepped

    def _position(self, frame: FrameType) -> list[Any]:
        known = self._positions.setdefault(frame.f_code, {})
        found = known.get(frame.f_lasti)
        if found is None:
            found = known[frame.f_lasti] = position(frame.f_code, frame.f_lasti, frame.f_lineno)
        return found

    def _is_there(self, frame: FrameType) -> bool:
        """Whether the frames from the cell down to this one are at the recorded places."""
        each: FrameType | None = frame
        for depth, place in enumerate(reversed(self._places)):
            while each is not None and is_own(each.f_code):
                each = each.f_back
            if each is None:
                return False
            is_cell = each.f_globals is self._namespace
            at = place[2] if depth == 0 else self._position(each)
            if place_of(each, is_cell, at) != place:
                return False
            each = each.f_back
        return True

    def _is_then(self, frame: FrameType) -> bool:
        """Whether the names and the random state are those of the moment."""
        inner: FrameType | None = frame
        while inner is not None and inner.f_globals is not self._namespace:
            inner = inner.f_back
        local = {} if inner is None else inner.f_locals
        for recorded, present in ((self._locals, local), (self._values, self._namespace)):
            for name, digest in recorded.items():
                if name not in present or value_digest(present[name]) != digest:
                    return False
        now = self._random()
        return all(now.get(name) == digest for name, digest in self._recorded.items())
