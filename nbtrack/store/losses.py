"""Points that could not be written: warned about once, counted per key, told at the end."""

from __future__ import annotations

import errno
import sys
import warnings
from collections.abc import Iterable
from dataclasses import astuple, dataclass

_REMEDY = {
    errno.ENOSPC: "Free some space: what is logged after that is kept.",
    errno.EDQUOT: "Free some of your quota: what is logged after that is kept.",
    errno.EFBIG: "Raise the limit on file size (ulimit -f): what is logged after that is kept.",
    errno.EROFS: "Choose a store on a disk that can be written: NBTRACK_DIR, or Store(path).",
}
_OTHER_REMEDY = "Choose a folder that you can write to: NBTRACK_DIR, or Store(path)."


def warn(message: str) -> None:
    """Show a RuntimeWarning at the first line outside of nbtrack that led here."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("nbtrack."):
        frame = frame.f_back
        level += 1
    warnings.warn(message, RuntimeWarning, stacklevel=level + 1)


@dataclass(slots=True)
class _Loss:
    count: int
    first_step: int
    last_step: int
    why: str


class Losses:
    """What one writer could not write.

    Attributes
    ----------
    count : int
        Points lost so far.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._has_warned = False
        self._by_key: dict[str, _Loss] = {}
        self.count = 0

    def add(self, keys: Iterable[str], step: int, why: str) -> None:
        """Count one lost point per key."""
        for key in keys:
            loss = self._by_key.setdefault(key, _Loss(0, step, step, why))
            loss.count += 1
            loss.first_step = min(loss.first_step, step)
            loss.last_step = max(loss.last_step, step)
            self.count += 1

    def warn_once(self, error: BaseException, what: str = "points") -> None:
        """Say that the disk fails, what that means and what to do; later calls say nothing.

        Warns
        -----
        RuntimeWarning
            On the first call.
        """
        if self._has_warned:
            return
        self._has_warned = True
        number = error.errno if isinstance(error, OSError) else None
        warn(
            f"nbtrack cannot write {what} of run {self._run}: {reason(error)}. Training goes on, "
            "and the run will end as 'incomplete' with the number of lost points. "
            + _REMEDY.get(number or 0, _OTHER_REMEDY)
        )

    def words(self) -> list[str]:
        """What is lost, for the record of the run; series that lost the same share a sentence."""
        alike: dict[tuple[int, int, int, str], list[str]] = {}
        for key, loss in self._by_key.items():
            alike.setdefault(astuple(loss), []).append(key)
        return [_sentence(_Loss(*loss), keys) for loss, keys in alike.items()]


def reason(error: BaseException) -> str:
    """The error in a few words, with the file where it is known."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    return str(error) or type(error).__name__


def _sentence(loss: _Loss, keys: list[str]) -> str:
    points = f"{loss.count:,} point{'s' if loss.count > 1 else ''}"
    names = ", ".join(map(repr, keys[:3])) + (", ..." if len(keys) > 3 else "")
    if len(keys) > 1:
        names = f"each of {len(keys)} series ({names})"
    return f"{points} of {names} at {_steps(loss)} could not be written: {loss.why}"


def _steps(loss: _Loss) -> str:
    if loss.first_step == loss.last_step:
        return f"step {loss.first_step}"
    return f"steps {loss.first_step} to {loss.last_step}"
