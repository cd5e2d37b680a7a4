"""A series of any length in bounded memory, from which every range can be drawn with its extremes.

Points are held in *leaves*: of each the lowest, the highest and the first non-finite point, their
mean and number, the range of steps and times, and where they lie in the record file. A leaf holds
one point at first; when there are too many, neighbours are joined. A range takes whole leaves as
they are and reads the few that it cuts, so its lowest and highest point are always exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbtrack.views.frames import Frame, concat

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]
    Columns = tuple[Ints, Floats, Floats, Ints]

MOST_LEAVES = 4096  # of 21 numbers: 690 kB for a long series, less for a short one
SOME_POINTS = 256  # so many are made into leaves together: a call costs the same for one
FEW_POINTS = 65_536  # a range of so many is read from the file, and drawn point by point

# of the lowest, the highest and the first non-finite point: value, step, time, place among all
LOW, HIGH, ODD = 0, 4, 8
VALUE, STEP, TIME, PLACE = range(4)
MEAN, FINITE, COUNT = 12, 13, 14
FIRST_STEP, LAST_STEP, FIRST_TIME, LAST_TIME = 15, 16, 17, 18  # lowest and highest of the leaf
BEGIN, END = 19, 20  # records of the file
FIELDS = 21


class Pyramid:
    """One series of one record file.

    Attributes
    ----------
    num_points : int
        Points added.
    """

    def __init__(self) -> None:
        self.num_points = 0
        self._leaves = np.empty((FIELDS, 64))
        self._length = 0
        self._size = 1  # points of a new leaf
        self._open: list[tuple[Floats, Floats, Floats, Ints]] = []
        self._num_open = 0

    def add(self, steps: Ints, times_s: Floats, values: Floats, places: Ints) -> None:
        """Append points in the order of the file; `places` says where they lie in it."""
        self.num_points += len(values)
        self._open.append((steps.astype(float), times_s, values, places))
        self._num_open += len(values)
        if self._num_open >= max(self._size, SOME_POINTS):
            self._close_leaves()

    def _close_leaves(self) -> None:
        first = self.num_points - self._num_open
        steps, times_s, values, places = (
            parts[0] if len(parts) == 1 else np.concatenate(parts)
            for parts in zip(*self._open, strict=True)
        )
        at = 0
        while len(values) - at >= self._size:
            most = max(MOST_LEAVES - self._length, 1)
            leaves = min((len(values) - at) // self._size, most)
            part = slice(at, at + leaves * self._size)
            self._append(
                _summary(
                    steps[part], times_s[part], values[part], places[part], first + at, self._size
                )
            )
            at = part.stop
            while self._length >= MOST_LEAVES:
                self._join_neighbours()
        self._num_open = len(values) - at
        rest = (steps[at:], times_s[at:], values[at:], places[at:])
        self._open = [tuple(column.copy() for column in rest)] if self._num_open else []

    def _append(self, leaves: Floats) -> None:
        needed = self._length + leaves.shape[1]
        if needed > self._leaves.shape[1]:
            grown = np.empty((FIELDS, max(needed, min(2 * needed, MOST_LEAVES + 1))))
            grown[:, : self._length] = self._leaves[:, : self._length]
            self._leaves = grown
        self._leaves[:, self._length : needed] = leaves
        self._length = needed

    def _join_neighbours(self) -> None:
        pairs = self._length // 2
        joined = _join(self._leaves[:, : 2 * pairs : 2], self._leaves[:, 1 : 2 * pairs : 2])
        rest = self._leaves[:, 2 * pairs : self._length].copy()
        self._length = pairs + rest.shape[1]
        self._leaves[:, :pairs] = joined
        self._leaves[:, pairs : self._length] = rest
        self._size *= 2

    def leaves(self) -> Floats:
        """All leaves, those not yet full as one for each point."""
        full = self._leaves[:, : self._length]
        if not self._num_open:
            return full
        first = self.num_points - self._num_open
        steps, times_s, values, places = map(np.concatenate, zip(*self._open, strict=True))
        return np.concatenate([full, _summary(steps, times_s, values, places, first, 1)], axis=1)

    def frame(self, most: int) -> Frame:
        """The whole series in at most about `most` points; no file is read."""
        return _points(self.leaves())[0].thin(most)

    def cut(self, name: str, low: float, high: float, few: int = FEW_POINTS) -> Cut:
        """What a range needs; `Cut.frame` then gives it.

        Parameters
        ----------
        name : {"step", "time"}
        low, high : float
            Both ends belong to the range.
        few : int
            So many points are read from the file and drawn one by one.
        """
        return Cut(self.leaves(), name, low, high, few)


class Cut:
    """A range of a series: the leaves inside, and the records to read for the rest.

    Attributes
    ----------
    records : list of (begin, end)
        To be read from the record file; in order, apart from each other.
    """

    def __init__(self, leaves: Floats, name: str, low: float, high: float, few: int) -> None:
        self._low, self._high = low, high
        self._is_time = name == "time"
        first, last = leaves[[FIRST_TIME, LAST_TIME] if self._is_time else [FIRST_STEP, LAST_STEP]]
        touched = (last >= low) & (first <= high)
        whole = touched & (first >= low) & (last <= high)
        beside = np.zeros(len(first), dtype=bool)
        before, after = np.flatnonzero(last < low), np.flatnonzero(first > high)
        if len(before):
            beside[before[np.argmax(last[before])]] = True
        if len(after):
            beside[after[np.argmin(first[after])]] = True
        is_single = leaves[COUNT] == 1
        to_read = beside | (touched & ~whole)
        if leaves[COUNT][touched].sum() <= few:
            to_read |= touched
        to_read &= ~is_single
        self._kept = leaves[:, (touched | beside) & ~to_read]
        self.records = _spans(leaves[BEGIN][to_read], leaves[END][to_read])

    def frame(self, read: Columns | None, most: int) -> tuple[Frame, int]:
        """The range in at most about `most` points, and how many were logged in it.

        Parameters
        ----------
        read : (steps, times_s, values, places) or None
            The points of the series in `records`; None where there are none.

        Returns
        -------
        (Frame, int)
            The nearest point beyond either end is given too, so that a line leaves the picture.
        """
        frame, order = _points(self._kept)
        if read is not None and len(read[2]):
            frame = concat([frame, Frame.of(read[0], read[1], read[2])])
            order = np.concatenate([order, read[3]])
            frame = frame.taken(np.argsort(order, kind="stable"))
        x = frame.times_s if self._is_time else frame.steps
        is_before, is_after = x < self._low, x > self._high
        inside = frame.taken(np.flatnonzero(~is_before & ~is_after))
        parts = [inside.thin(most)] if len(inside) else []
        if is_before.any():
            at = np.flatnonzero(is_before & (x == x[is_before].max()))[-1:]
            parts.insert(0, frame.taken(at))
        if is_after.any():
            parts.append(frame.taken(np.flatnonzero(is_after & (x == x[is_after].min()))[:1]))
        total = int(inside.counts.sum()) if len(inside) else 0
        return concat(parts) if parts else inside, total


def _spans(begins: Floats, ends: Floats) -> list[tuple[int, int]]:
    """Spans of records in order, those that touch or overlap as one."""
    spans: list[tuple[int, int]] = []
    for begin, end in sorted(
        zip(begins.astype(int).tolist(), ends.astype(int).tolist(), strict=True)
    ):
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((begin, end))
    return spans


def _summary(
    steps: Floats, times_s: Floats, values: Floats, places: Ints, first: int, size: int
) -> Floats:
    """Leaves of `size` points each; the number of points is a multiple of it."""
    num = len(values) // size
    leaves = np.empty((FIELDS, num))
    rows = np.arange(num)
    table, steps, times_s = (array.reshape(num, size) for array in (values, steps, times_s))
    finite = np.isfinite(table)
    is_whole = bool(finite.all())

    def note(field: int, column: Ints) -> None:
        leaves[field + VALUE] = table[rows, column]
        leaves[field + STEP] = steps[rows, column]
        leaves[field + TIME] = times_s[rows, column]
        leaves[field + PLACE] = first + rows * size + column

    note(LOW, (table if is_whole else np.where(finite, table, np.inf)).argmin(1))
    note(HIGH, (table if is_whole else np.where(finite, table, -np.inf)).argmax(1))
    leaves[FINITE] = size if is_whole else finite.sum(1)
    leaves[ODD + PLACE] = np.nan
    if is_whole:
        leaves[ODD + VALUE] = leaves[ODD + STEP] = leaves[ODD + TIME] = np.nan
        leaves[MEAN] = values if size == 1 else table.mean(1)
    else:
        note(ODD, (~finite).argmax(1))
        leaves[ODD + PLACE, finite.all(1)] = np.nan
        none = leaves[FINITE] == 0
        leaves[LOW + PLACE, none] = leaves[HIGH + PLACE, none] = np.nan
        total = np.where(finite, table, 0.0).sum(1)
        leaves[MEAN] = np.where(none, np.nan, total / np.maximum(leaves[FINITE], 1))
    leaves[COUNT] = size
    leaves[FIRST_STEP], leaves[LAST_STEP] = _ends(steps)
    leaves[FIRST_TIME], leaves[LAST_TIME] = _ends(times_s)
    leaves[BEGIN], leaves[END] = places[::size], places[size - 1 :: size] + 1
    return leaves


def _ends(table: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest of each row; of rows that rise, as most do, without looking for them."""
    flat = table.ravel()
    if bool((flat[1:] >= flat[:-1]).all()):
        return table[:, 0], table[:, -1]
    return table.min(1), table.max(1)


def _join(left: Floats, right: Floats) -> Floats:
    """Each leaf of the one with its neighbour of the other."""
    joined = np.empty_like(left)

    def choose(field: int, is_right: Any) -> None:
        part = slice(field, field + 4)
        joined[part] = np.where(is_right, right[part], left[part])

    def lacks(leaves: Floats, field: int) -> Any:
        return np.isnan(leaves[field + PLACE])

    low, high = (left[f] for f in (LOW, HIGH)), (right[f] for f in (LOW, HIGH))
    (left_low, left_high), (right_low, right_high) = low, high
    choose(LOW, ~lacks(right, LOW) & (lacks(left, LOW) | (right_low < left_low)))
    choose(HIGH, ~lacks(right, HIGH) & (lacks(left, HIGH) | (right_high > left_high)))
    choose(ODD, lacks(left, ODD))
    finite = left[FINITE] + right[FINITE]
    weighted = [
        np.where(each[FINITE] > 0, each[MEAN] * (each[FINITE] / np.maximum(finite, 1)), 0.0)
        for each in (left, right)
    ]
    joined[MEAN] = np.where(finite > 0, weighted[0] + weighted[1], np.nan)
    joined[FINITE] = finite
    joined[COUNT] = left[COUNT] + right[COUNT]
    for field in (FIRST_STEP, FIRST_TIME):
        joined[field] = np.minimum(left[field], right[field])
    for field in (LAST_STEP, LAST_TIME):
        joined[field] = np.maximum(left[field], right[field])
    joined[BEGIN], joined[END] = left[BEGIN], right[END]
    return joined


def _points(leaves: Floats) -> tuple[Frame, Floats]:
    """The points that leaves have kept, and where in the file the leaf of each begins."""
    if not leaves.size or bool((leaves[COUNT] == 1).all()):
        is_odd = np.isnan(leaves[LOW + PLACE])
        part = np.where(is_odd, leaves[ODD : ODD + 4], leaves[LOW : LOW + 4])
        return Frame.of(part[STEP].astype(np.int64), part[TIME], part[VALUE]), leaves[BEGIN]
    parts = np.concatenate([leaves[f : f + 4] for f in (LOW, HIGH, ODD)], axis=1)
    leaf = np.tile(np.arange(leaves.shape[1]), 3)
    known = np.flatnonzero(~np.isnan(parts[PLACE]))
    # each point once, where the lowest is the highest too; in the order in which they were logged
    _, once = np.unique(parts[PLACE][known], return_index=True)
    at = known[once]
    leaf, part = leaf[at], parts[:, at]
    last = np.append(leaf[1:] != leaf[:-1], True)
    means = np.where(last, leaves[MEAN][leaf], np.nan)
    counts = np.where(last, leaves[COUNT][leaf], 0.0)
    steps = part[STEP].astype(np.int64)
    return Frame(steps, part[TIME], part[VALUE], means, counts), leaves[BEGIN][leaf]
