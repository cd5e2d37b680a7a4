"""Rows as they were logged, made into few points that still show every extreme.

A *thinned* series has four columns beside its steps and times: values, and the mean and number
(``means``, ``counts``) of the logged points that a kept one stands for. Of each bucket the lowest,
the highest and the first non-finite point are kept, so a spike of one step is drawn, and a smoothed
line, which is made from the means, is as if nothing had been left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]


_ONES = np.ones(256)  # for the few points of an update


@dataclass(frozen=True)
class Frame:
    """Points of one series, in the order in which they were logged.

    Attributes
    ----------
    steps, times_s, values : array
        The points that are kept, as they were logged.
    means, counts : array
        What each stands for. A count of 0: a later point of its bucket speaks for it.
    """

    steps: Ints
    times_s: Floats
    values: Floats
    means: Floats
    counts: Floats

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def of(cls, steps: Ints, times_s: Floats, values: Floats) -> Frame:
        """Points of which none was left out."""
        n = len(values)
        return cls(steps, times_s, values, values, _ONES[:n] if n <= len(_ONES) else np.ones(n))

    @property
    def is_whole(self) -> bool:
        """Whether every point logged is here."""
        return self.means is self.values or bool((self.counts == 1).all())

    def taken(self, at: Ints) -> Frame:
        """The points at some positions."""
        if self.means is self.values:
            return Frame.of(self.steps[at], self.times_s[at], self.values[at])
        columns = (self.times_s, self.values, self.means, self.counts)
        return Frame(self.steps[at], *(column[at] for column in columns))

    def thin(self, most: int) -> Frame:
        """At most about `most` points: lows, highs, gaps and both ends of equal shares.

        Parameters
        ----------
        most : int
            Points to keep; a frame that has no more is returned as it is.

        Returns
        -------
        Frame
            A part of this one in the same order, never more than ``max(most, 5)`` long.
        """
        if len(self) <= max(most, 5):
            return self
        finite = np.isfinite(self.values)
        if self.is_whole and finite.all():
            return self._thin_evenly(max(1, (most - 2) // 2))
        per_bucket = 2 if finite.all() else 3
        num_buckets = max(1, (most - 2) // per_bucket)
        bucket = _buckets(self.counts, num_buckets)
        keep = np.zeros(len(self), dtype=bool)
        keep[[0, -1]] = True
        for signed in (self.values, -self.values):
            lows = np.where(finite, signed, np.inf)
            keep[_first_in_bucket(bucket, lows == _lowest(bucket, lows)[bucket], finite)] = True
        keep[_first_in_bucket(bucket, ~finite, None)] = True
        kept = np.flatnonzero(keep)
        means, counts = _weights(bucket, self.means, self.counts)
        # the last point that is kept of a bucket carries what the bucket stands for
        last = np.append(bucket[kept][1:] != bucket[kept][:-1], True)
        return Frame(
            self.steps[kept],
            self.times_s[kept],
            self.values[kept],
            np.where(last, means[bucket[kept]], np.nan),
            np.where(last, counts[bucket[kept]], 0.0),
        )

    def _thin_evenly(self, num_buckets: int) -> Frame:
        """`thin` for what comes at every update: all points there and finite, a tenth the time."""
        n = len(self)
        size = -(-n // num_buckets)
        num_buckets = -(-n // size)
        values = np.empty(num_buckets * size)
        values[:n] = self.values
        values[n:] = self.values[-1]
        table = values.reshape(num_buckets, size)
        starts = np.arange(0, n, size)
        ends = np.minimum(starts + size, n)
        keep = np.zeros(n, dtype=bool)
        keep[0] = keep[-1] = True
        keep[np.minimum(table.argmin(1) + starts, n - 1)] = True
        keep[np.minimum(table.argmax(1) + starts, n - 1)] = True
        kept = np.flatnonzero(keep)
        last = np.searchsorted(kept, ends) - 1  # the last point kept of each bucket
        means, counts = np.full(len(kept), np.nan), np.zeros(len(kept))
        means[last] = np.add.reduceat(self.values, starts) / (ends - starts)
        counts[last] = ends - starts
        return Frame(self.steps[kept], self.times_s[kept], self.values[kept], means, counts)


def concat(frames: list[Frame]) -> Frame:
    """One frame after the other."""
    if len(frames) == 1:
        return frames[0]
    steps = np.concatenate([frame.steps for frame in frames])
    times_s = np.concatenate([frame.times_s for frame in frames])
    values = np.concatenate([frame.values for frame in frames])
    if all(frame.means is frame.values for frame in frames):
        return Frame.of(steps, times_s, values)
    return Frame(
        steps,
        times_s,
        values,
        np.concatenate([frame.means for frame in frames]),
        np.concatenate([frame.counts for frame in frames]),
    )


def averages(values: Floats, most: int) -> list[float]:
    """Means of at most `most` equal shares, NaN where nothing is finite: a curve in little room."""
    if not len(values):
        return []
    means = []
    for share in np.array_split(values, min(max(most, 1), len(values))):
        finite = share[np.isfinite(share)]
        means.append(float(finite.mean()) if len(finite) else float("nan"))
    return means


class History:
    """All of a series in bounded memory: when it is full, it is thinned to half.

    Parameters
    ----------
    most : int
        Points held at most.
    """

    def __init__(self, most: int = 8192) -> None:
        self._most = most
        self._frames: list[Frame] = []
        self._length = 0
        self.num_rows = 0

    def add(self, frame: Frame) -> None:
        """Append points; they come in the order in which they were logged."""
        self._frames.append(frame)
        self._length += len(frame)
        self.num_rows += len(frame) if frame.means is frame.values else int(frame.counts.sum())
        if self._length > self._most:
            thinned = concat(self._frames).thin(self._most // 2)
            self._frames = [thinned]
            self._length = len(thinned)

    def frame(self, most: int) -> Frame:
        """The whole series in at most about `most` points."""
        self._frames = [concat(self._frames)]
        return self._frames[0].thin(most)


def _buckets(counts: Floats, num_buckets: int) -> Ints:
    """The bucket of each point: 0, 0, ... without a hole, equally many logged points in each."""
    ends = np.cumsum(counts)
    total = ends[-1] if ends[-1] > 0 else 1.0
    place = np.minimum((ends - counts / 2) * num_buckets / total, num_buckets - 1).astype(np.int64)
    return np.cumsum(np.append(0, place[1:] != place[:-1]))


def _starts(bucket: Ints) -> Ints:
    return np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))


def _lowest(bucket: Ints, values: Floats) -> Floats:
    return np.minimum.reduceat(values, _starts(bucket))


def _first_in_bucket(
    bucket: Ints, is_it: npt.NDArray[np.bool_], also: npt.NDArray[np.bool_] | None
) -> Ints:
    """The first position in each bucket where `is_it` (and `also`) holds."""
    found = np.flatnonzero(is_it if also is None else is_it & also)
    if not len(found):
        return found
    return found[_starts(bucket[found])]


def _weights(bucket: Ints, means: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Mean and number of the logged points of each bucket; the mean is over the finite ones."""
    starts = _starts(bucket)
    finite = np.isfinite(means) & (counts > 0)
    weight = np.add.reduceat(np.where(finite, counts, 0.0), starts)
    total = np.add.reduceat(np.where(finite, means, 0.0) * np.where(finite, counts, 0.0), starts)
    mean = np.where(weight > 0, total / np.maximum(weight, 1.0), np.nan)
    return mean, np.add.reduceat(counts, starts)
