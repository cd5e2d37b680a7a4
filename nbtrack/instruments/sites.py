"""The places in the user's code that call backward, and what is known of each."""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import Any

from nbtrack.instruments.frames import calling_frame, name_of


class Site:
    """One place that calls backward.

    Attributes
    ----------
    variable : str or None
        What the loss is called there.
    manual : bool or None
        Whether the steps of its loop are taken by hand; None until that is known.
    """

    __slots__ = ("_code", "manual", "variable")

    def __init__(self, code: CodeType | None, variable: str | None) -> None:
        self._code = code  # kept alive, so that its id stays its own
        self.variable = variable
        self.manual: bool | None = None


class Sites:
    """All of them, by code object and instruction."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], Site] = {}
        # The place last asked for: how many frames away, and what it was. Most loops have one.
        self._depth = 0
        self._last: tuple[int, int] = (0, 0)
        self._site = Site(None, None)

    def here(self, loss: Any) -> Site:
        """The place in the user's code that this is called for.

        `loss` is looked for among the variables there, once.
        """
        if self._depth:
            try:
                frame = sys._getframe(self._depth)
            except ValueError:  # not that deep this time
                pass
            else:
                if (id(frame.f_code), frame.f_lasti) == self._last:
                    return self._site
        return self._find(calling_frame(), loss)

    def _find(self, frame: FrameType | None, loss: Any) -> Site:
        if frame is None:
            self._depth = 0
            return self._known.setdefault((0, 0), Site(None, None))
        key = (id(frame.f_code), frame.f_lasti)
        site = self._known.get(key)
        if site is None:
            site = self._known[key] = Site(frame.f_code, name_of(loss, frame))
        depth = -1  # seen from `here`
        above: FrameType | None = sys._getframe(0)
        while above is not None and above is not frame:
            depth += 1
            above = above.f_back
        self._depth, self._last, self._site = depth, key, site
        return site
