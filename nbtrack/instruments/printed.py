"""Numbers that the cell prints in its loops, joined to lines and written as ``out/NAME``."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from nbtrack.instruments.lines import parse_printed
from nbtrack.instruments.loops import called_in_a_loop
from nbtrack.instruments.points import Points
from nbtrack.instruments.scalars import Offer, Scalars

_LONGEST_LINE = 2000  # a longer line is a dump, not a report
_BREAK = re.compile(r"[\r\n]")  # a progress bar ends its lines with a carriage return


class PrintedLines:
    """Reads the numbers in what is printed inside a loop of the user's.

    Parameters
    ----------
    points, clock, own_step, offer, fail
        As of `Scalars`.
    """

    def __init__(
        self,
        points: Points,
        clock: Callable[[], float],
        own_step: Callable[[], int | None],
        offer: Offer,
        fail: Callable[[Exception], None],
    ) -> None:
        self._scalars = Scalars("out", points, clock, own_step, offer, fail)
        self._open: dict[int, str] = {}  # the line begun in each thread; only in a loop

    def write(self, text: str) -> None:
        """Take what was written, in the frames of whoever wrote it.

        ``print`` hands over its arguments, blanks and the newline one by one.
        """
        if not text:
            return
        thread = threading.get_ident()
        begun = self._open.pop(thread, None)
        *whole, rest = _BREAK.split(text)
        if begun is None:
            if not text.strip() or not called_in_a_loop():
                return
            begun = ""
        for piece in whole:
            self._line(begun + piece)
            begun = ""
        if rest and len(begun) + len(rest) <= _LONGEST_LINE:
            self._open[thread] = begun + rest

    def _line(self, line: str) -> None:
        if not line or len(line) > _LONGEST_LINE:
            return
        values, step = parse_printed(line)
        for name, value in values.items():
            self._scalars.see(name, value, step)

    def finish(self) -> None:
        """Read the lines that never ended, and write what was thinned."""
        for line in list(self._open.values()):
            self._line(line)
        self._open.clear()
        self._scalars.finish()

    @property
    def readings(self) -> dict[str, str]:
        """The series that were thinned, in words."""
        return self._scalars.readings
