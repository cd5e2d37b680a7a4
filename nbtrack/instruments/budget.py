"""When a reading that costs time is taken: regular steps, thinned by what it was seen to cost."""

from __future__ import annotations

import math

FIRST = 3  # the first steps are always read: most faults show there
_MANY_RECORDS = 500_000  # 14 MB on disk; beyond it an interval doubles as often as the records do


class LoopTime:
    """How long one step of the loop takes, in seconds, as seen from its recent steps.

    Follows a faster loop at once and a slower one with hesitation, so that one validation pass
    or one compilation does not buy time for more readings.
    """

    def __init__(self) -> None:
        self.step_s = 0.0
        self._last: float | None = None

    def tick(self, now: float) -> None:
        """Note that a step ended at `now`."""
        last, self._last = self._last, now
        if last is None:
            return
        took, usual = now - last, self.step_s
        if usual == 0.0:
            self.step_s = took
        elif took < usual:
            self.step_s = usual + 0.5 * (took - usual)
        else:
            self.step_s = usual + 0.05 * (min(took, 4.0 * usual) - usual)


class Schedule:
    """How often one group of readings is taken: every 1, 2, 4, 8 ... steps.

    Parameters
    ----------
    group : str
        What is read, as users see it: ``"grad_norm/*"``.
    share : float
        The part of the loop's time that it may cost on average.
    floor_s : float
        It may always cost this many seconds a step.
    free_s : float
        Seconds that it may cost in all before it is thinned, so that short runs are read in full.
    """

    def __init__(self, group: str, share: float, floor_s: float = 0.0, free_s: float = 0.0) -> None:
        self.group = group
        self.share = share
        self.floor_s = floor_s
        self.free_s = free_s
        self.interval = 1
        self.taken = 0
        self.records = 0
        self._cost_s = 0.0
        self._cheap = 0

    def due(self, index: int) -> bool:
        """Whether to read at the step of this index (of those that its optimizer took)."""
        return index < FIRST or not index & (self.interval - 1)

    def spent(self, cost_s: float, step_s: float, records: int = 0) -> bool:
        """Note what a reading cost; True when the interval changed because of it.

        An interval at most doubles from one reading to the next. Early readings are dear (cold
        caches, first kernels), and one thinned too far would need long to find that out.
        """
        self.taken += 1
        self.records += records
        known = self._cost_s
        if known == 0.0 or self.taken <= FIRST:
            self._cost_s = min(cost_s, known or cost_s)
        else:
            self._cost_s = known + 0.2 * (min(cost_s, 4.0 * known) - known)
        if self.taken > 1:
            self.free_s -= cost_s
        if step_s <= 0.0 or self.taken < FIRST or self.free_s > 0.0:
            return False
        allowed_s = max(self.floor_s, self.share * step_s)
        need = max(self._cost_s / allowed_s, self.records / _MANY_RECORDS)
        if need > self.interval:
            self._cheap = 0
            self.interval *= 2
            return True
        if need > 0.45 * self.interval or self.interval == 1:
            self._cheap = 0
            return False
        self._cheap += 1  # cheap enough for twice as often, but wait until that is sure
        if self._cheap < 3:
            return False
        self._cheap = 0
        self.interval = max(1, 1 << math.ceil(math.log2(need))) if need > 1.0 else 1
        return True


def in_words(
    taken: int, seen: int, share: float, every: int | None = None, records: int = 0
) -> str:
    """``every step``, or what part of the steps was read and why."""
    if every is not None and every > 1:
        return f"every {every:,} steps (--every {every})"
    if taken >= seen:
        return "every step"
    why = f"time budget {100 * share:.2g} %"
    if records > _MANY_RECORDS:
        why += ", and to keep the files small"
    return f"{taken:,} of {seen:,} steps ({why})"
