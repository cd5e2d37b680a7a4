"""Numbers that the cell's loops give to names: what becomes of each value seen.

The calls that show us the values are put into the cell by `nbtrack.instruments.watcher`.
"""

from __future__ import annotations

import builtins
import time
from collections.abc import Callable, Sequence
from typing import Any

from nbtrack.instruments import hooks
from nbtrack.instruments.one_number import NumberReader
from nbtrack.instruments.points import Points

SEE = "__nbtrack_see__"
SEE_LAST = "__nbtrack_see_last__"
SEE_ITEM = "__nbtrack_see_item__"
SEE_INDEX = "__nbtrack_see_index__"

_RATE = 1000.0  # points a second that one name may write in the long run
_BURST = 2000.0
_MAX_SERIES = 200

Offer = Callable[[str, Any, int], None]  # key, value, step


def see(name: str, value: Any) -> None:
    """Called after ``name = value`` in a loop of a tracked cell; nearly free without a run.

    It stays reachable for functions of the cell that are called after the run, and a compiler
    that traces it finds nothing to do.
    """
    if hooks.compiling():
        return
    if type(value) is hooks.Tensor and value.numel() != 1:
        if value.dim() == 1:
            see_index(value)
        return
    panel: Any = hooks.current()
    if panel is not None:
        panel.scalars.see(name, value)


def see_index(value: Any) -> None:
    """Called with what a loop gives its variable: whole numbers in a row choose samples."""
    if type(value) is not hooks.Tensor or hooks.compiling() or value.dim() != 1:
        return
    panel: Any = None if value.dtype.is_floating_point else hooks.current()
    if panel is not None:
        panel.after_index(value)


def see_last(name: str, container: Any) -> None:
    """Called after ``container.append(value)``."""
    if hooks.compiling():
        return
    panel: Any = hooks.current()
    if panel is not None:
        try:
            value = container[-1]
        except Exception:  # a set, a class of the user: nothing to see
            return
        panel.scalars.see(name, value)


def see_item(name: str, container: Any, index: Any) -> None:
    """Called after ``container[index] = value``."""
    if hooks.compiling():
        return
    panel: Any = hooks.current()
    if panel is not None:
        if type(index) is str:
            name = f"{name}/{index}"
        elif type(index) is not int:
            return  # a mask or a slice computes something, and may wait for a device
        try:
            value = container[index]
        except Exception:
            return
        panel.scalars.see(name, value)


def install() -> None:
    """Make the four functions above reachable from any cell and function, from now on.

    They live in `builtins`, not among the user's names: ``%reset`` leaves them alone, a pickled
    function does not carry them along, and functions of the cell find them after the run.
    """
    setattr(builtins, SEE, see)
    setattr(builtins, SEE_LAST, see_last)
    setattr(builtins, SEE_ITEM, see_item)
    setattr(builtins, SEE_INDEX, see_index)


class Series:
    """The points of one name: how many, and which of them are written.

    A token bucket: up to `_BURST` points at once, `_RATE` a second in the long run.
    """

    __slots__ = ("_refilled_s", "_tokens", "count", "key", "skipped", "written")

    def __init__(self, key: str) -> None:
        self.key = key
        self.count = 0
        self.written = 0
        self.skipped: tuple[Any, int, float] | None = None  # the last point, if it was not written
        self._tokens = _BURST
        self._refilled_s = time.perf_counter()

    def may_write(self) -> bool:
        """Whether there is room for one more point now, which is then counted as written."""
        if self._tokens < 1.0:
            now = time.perf_counter()
            self._tokens = min(_BURST, (now - self._refilled_s) * _RATE)
            self._refilled_s = now
            if self._tokens < 1.0:
                return False
        self._tokens -= 1.0
        self.written += 1
        self.skipped = None
        return True


class Scalars:
    """Writes what names are given as series, ``var/NAME``.

    Parameters
    ----------
    prefix : str
        Of the keys.
    points, clock
        As of `Signals`.
    own_step : callable
        The panel's step, or None while there was no backward pass and no step: a name then
        counts for itself.
    offer : callable
        Told of every number written.
    fail : callable
        Told of the exception, if one is raised here; nothing is written from then on.
    watch : sequence of str, optional
        The only names kept.
    """

    def __init__(
        self,
        prefix: str,
        points: Points,
        clock: Callable[[], float],
        own_step: Callable[[], int | None],
        offer: Offer,
        fail: Callable[[Exception], None],
        watch: Sequence[str] | None = None,
    ) -> None:
        self._failed = False
        self._fail = fail
        self._prefix = prefix
        self._points = points
        self._clock = clock
        self._own_step = own_step
        self._offer = offer
        self._watch = None if watch is None else frozenset(watch)
        self._number = NumberReader()
        self._series: dict[str, Series] = {}
        self._refused: set[str] = set()

    def see(self, name: str, value: Any, step: int | None = None) -> None:
        """Write `value` under `name` if it is one number. Never raises."""
        if self._failed:
            return
        try:
            number = value if type(value) is float else self._number(value)
            if number is None:
                return
            series = self._series.get(name) or self._start(name)
            if series is None:
                return
            if step is None:
                step = self._own_step()
                if step is None:
                    step = series.count
            series.count += 1
            if series.may_write():
                self._points.put_late(series.key, number, step)
                self._offer(series.key, number, step)
            else:
                series.skipped = (number, step, self._clock())
        except Exception as error:
            self._failed = True
            self._fail(error)

    def _start(self, name: str) -> Series | None:
        if self._watch is not None and not is_watched(name, self._watch):
            return None
        if len(self._series) >= _MAX_SERIES:  # hist[i].append(...) for thousands of i
            self._refused.add(name)
            return None
        series = self._series[name] = Series(f"{self._prefix}/{name}")
        return series

    def finish(self) -> None:
        """Write the last point of every series that was thinned."""
        self._points.flush()
        for series in self._series.values():
            if series.skipped is not None:
                number, step, time_s = series.skipped
                series.skipped = None
                series.written += 1
                self._points.put_at(series.key, number, step, time_s)

    @property
    def readings(self) -> dict[str, str]:
        """The series that were thinned, in words."""
        words = {
            series.key: f"{series.written:,} of {series.count:,} values (at most 1,000 a second)"
            for series in list(self._series.values())
            if series.written < series.count
        }
        if self._refused:
            words[f"{self._prefix}/*"] = (
                f"the first {_MAX_SERIES} names; {len(self._refused):,} more were left out"
            )
        return words


def is_watched(name: str, watch: frozenset[str]) -> bool:
    """Whether ``--watch`` names this: ``history/loss`` by that, or as ``history``.

    >>> is_watched("history/loss", frozenset({"history"})), is_watched("acc", frozenset({"loss"}))
    (True, False)
    """
    return name in watch or name.split("/")[0] in watch or name.replace("/", ".") in watch
