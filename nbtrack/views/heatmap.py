"""`HeatMap`: readings of many parameters by columns of steps, in memory that does not grow.

There are at most 240 columns of equally many steps; when a run outgrows them, neighbours are
joined. Each cell keeps the lowest and the highest reading, so that an explosion of one step is seen
as well as a layer that has vanished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]
    Bools = npt.NDArray[np.bool_]
    Ints = npt.NDArray[np.integer[Any]]
    Codes = npt.NDArray[np.uint8]

MOST_COLUMNS = 240
LOWEST, DECADES, LEVELS = -12.0, 20.0, 252
NONE, ZERO, FIRST_CODE, NOT_FINITE = 0, 1, 2, 255


class Rows(NamedTuple):
    """What is drawn: arrays of shape (rows, columns), and the newest value of each row."""

    lows: Floats
    highs: Floats
    is_odd: Bools
    newest: Floats


@dataclass
class HeatMap:
    """The readings of one kind, of all parameters, by columns of steps.

    Attributes
    ----------
    first, per : int
        The first step of the first column, and how many steps a column covers.
    columns : int
        Columns that have begun.
    version : int
        Rises when what the columns mean has changed.
    """

    first: int = 0
    per: int = 1
    columns: int = 0
    version: int = 0
    lows: Floats = field(default_factory=lambda: np.full((16, MOST_COLUMNS), np.inf, "f4"))
    highs: Floats = field(default_factory=lambda: np.full((16, MOST_COLUMNS), -np.inf, "f4"))
    odd: Any = field(default_factory=lambda: np.zeros((16, MOST_COLUMNS), bool))
    newest: Floats = field(default_factory=lambda: np.full(16, np.nan))

    def add(self, parameter: Any, steps: Any, values: Floats) -> int:
        """Take readings in; gives the first column that has changed."""
        if not len(values):
            return self.columns
        self._grow(int(parameter.max()) + 1)
        version = self.version
        self._fit(int(steps.min()), int(steps.max()))
        column = (steps - self.first) // self.per
        finite = np.isfinite(values)
        at = parameter[finite], column[finite]
        known = values[finite].astype("f4")
        np.minimum.at(self.lows, at, known)
        np.maximum.at(self.highs, at, known)
        self.odd[parameter[~finite], column[~finite]] = True
        self.newest[parameter] = values  # of several of one parameter the last one stays
        self.columns = max(self.columns, int(column.max()) + 1)
        return int(column.min()) if version == self.version else 0

    def _grow(self, num: int) -> None:
        have = len(self.newest)
        if num <= have:
            return
        more = max(num, 2 * have) - have
        shape = (more, MOST_COLUMNS)
        self.lows = np.concatenate([self.lows, np.full(shape, np.inf, "f4")])
        self.highs = np.concatenate([self.highs, np.full(shape, -np.inf, "f4")])
        self.odd = np.concatenate([self.odd, np.zeros(shape, bool)])
        self.newest = np.concatenate([self.newest, np.full(more, np.nan)])

    def _fit(self, low: int, high: int) -> None:
        """Make columns for all steps from `low` to `high`, joining those that are there."""
        if self.columns:
            low, high = min(low, self.first), max(high, self.first + self.columns * self.per - 1)
        per = self.per
        while high // per - low // per >= MOST_COLUMNS:
            per *= 2
        first = low // per * per
        if (first, per) == (self.first, self.per):
            return
        had = np.arange(self.columns)
        at = (self.first + had * self.per - first) // per
        starts = np.flatnonzero(np.append(True, at[1:] != at[:-1])) if len(at) else had
        for name, join, empty in (
            ("lows", np.minimum, np.inf),
            ("highs", np.maximum, -np.inf),
            ("odd", np.logical_or, False),
        ):
            old = getattr(self, name)
            new = np.full_like(old, empty)
            if len(at):
                new[:, at[starts]] = join.reduceat(old[:, : self.columns], starts, axis=1)
            setattr(self, name, new)
        self.columns = int(at[-1]) + 1 if len(at) else 0
        self.first, self.per = first, per
        self.version += 1

    def rows(self, rows: Sequence[Sequence[int]], *, is_ratio: bool = False) -> Rows:
        """The readings of rows, each of some parameters; holes between readings filled forward.

        Norms of parameters together are the norm of one long vector. Their lowest and highest
        need not fall on the same step, so the row's lie between the bounds that are given. A
        ratio of several is the range of their ratios.
        """
        num = self.columns
        members = np.concatenate([np.asarray(each, int) for each in rows])
        starts = np.cumsum([0, *map(len, rows)])[:-1]
        self._grow(int(members.max()) + 1)
        lows, highs = self.lows[members, :num], self.highs[members, :num]
        odd = np.logical_or.reduceat(self.odd[members, :num], starts)
        newest: Floats = self.newest[members]
        if is_ratio:
            lows, highs = np.minimum.reduceat(lows, starts), np.maximum.reduceat(highs, starts)
            newest = np.fmax.reduceat(newest, starts)
        else:
            lows, highs = _length(lows, starts, np.inf), _length(highs, starts, -np.inf)
            newest = _length(np.where(np.isnan(newest), np.inf, newest), starts, np.nan)
        known = np.isfinite(highs) | odd
        at = np.maximum.accumulate(np.where(known, np.arange(num), -1), axis=1)
        row = np.arange(len(starts))[:, None]
        is_known = at >= 0
        at = np.maximum(at, 0)
        return Rows(
            np.where(is_known, lows[row, at], np.inf),
            np.where(is_known, highs[row, at], -np.inf),
            odd[row, at] & is_known,
            newest,
        )


def _length(parts: Floats, starts: Ints, empty: float) -> Floats:
    """Of vectors of which the lengths of some parts are known; `empty` where of none."""
    known = np.isfinite(parts)
    total = np.add.reduceat(np.square(np.where(known, parts, 0.0).astype(float)), starts)
    length: Floats = np.sqrt(total)
    return np.where(np.logical_or.reduceat(known, starts), length, empty)


def codes(values: Floats) -> Codes:
    """Readings as bytes on a logarithmic scale of 252 levels from 1e-12 to 1e8.

    A level is a factor of 1.2. 0: no reading; 1: zero or less than 1e-12; 255: not finite.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.floor((np.log10(values) - LOWEST) / DECADES * LEVELS)
    level = np.where(values < 10.0**LOWEST, -1, np.nan_to_num(level, nan=0, posinf=0, neginf=-1))
    found: Codes = np.clip(level + FIRST_CODE, ZERO, FIRST_CODE + LEVELS).astype(np.uint8)
    found[~np.isfinite(values)] = NONE
    return found
