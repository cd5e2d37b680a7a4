"""The places in the user's code that call backward, and what is known of each."""

from __future__ import annotations

from types import CodeType, FrameType
from typing import Any

from nbtrack.instruments.frames import name_of


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

    def at(self, frame: FrameType | None, loss: Any) -> Site:
        """The place where `frame` stands now; `loss` is looked for among its variables once."""
        key = (0, 0) if frame is None else (id(frame.f_code), frame.f_lasti)
        site = self._known.get(key)
        if site is None:
            code = None if frame is None else frame.f_code
            site = self._known[key] = Site(code, name_of(loss, frame))
        return site
