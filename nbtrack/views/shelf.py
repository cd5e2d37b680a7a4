"""`Shelf`: the series of one run that can be looked at in any range, without keeping their points.

What it holds is bounded (see `nbtrack.views.pyramid`); the points stay in the record files, and a
range reads from there the few that it needs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbtrack.views.frames import Frame, concat
from nbtrack.views.pyramid import FEW_POINTS, Pyramid

if TYPE_CHECKING:
    from nbtrack.store.tail import Piece, Tail
    from nbtrack.views.pyramid import Columns

    Place = tuple[Path, int]  # a record file, and the number of a series in it

MOST_RECORDS = 1 << 20  # read for one range: 30 MB, in about 30 ms
MOST_ASKED = 24  # series that were asked for by name; of more, the oldest are forgotten


class Shelf:
    """Pyramids of the series of a run, by name.

    Parameters
    ----------
    tail : Tail
        Whose pieces are added, and by which ranges are read.
    """

    def __init__(self, tail: Tail) -> None:
        self._tail = tail
        self._series: dict[str, dict[Place, Pyramid]] = {}
        self._asked: OrderedDict[str, None] = OrderedDict()

    def add(self, name: str, piece: Piece, number: int, begin: int, end: int) -> None:
        """Append the points of one series of a piece."""
        pyramids = self._series.setdefault(name, {})
        place = (piece.path, number)
        if place not in pyramids:
            pyramids[place] = Pyramid()
        part = slice(begin, end)
        pyramids[place].add(
            piece.steps[part], piece.times_s[part], piece.values[part], piece.places[part]
        )

    def holds(self, name: str) -> bool:
        """Whether a series is here, so that its new points must be added."""
        return name in self._series

    def clear(self) -> None:
        """Forget all: the run is read anew."""
        self._series = {}
        self._asked.clear()

    def pyramids(self) -> Iterable[Mapping[Place, Pyramid]]:
        """What is held, by series."""
        return self._series.values()

    def num_points(self, name: str) -> int:
        """Points of a series, as logged."""
        return sum(pyramid.num_points for pyramid in self._series[name].values())

    def frame(self, name: str, most: int) -> Frame:
        """A whole series in at most about `most` points; no file is read."""
        frames = [pyramid.frame(most) for pyramid in self._series[name].values()]
        return _by_time(frames).thin(most)

    def time_of(self, name: str, step: int) -> float | None:
        """Seconds since the start of the run at about a step of a series."""
        frame = self.frame(name, 2000)
        at = np.flatnonzero(frame.steps >= step)
        return float(frame.times_s[at[0]]) if len(at) else None

    def fetch(self, name: str) -> bool:
        """Take in a series that was not asked for so far; False if the run has none of it.

        Raises
        ------
        OSError
            If a file is there and cannot be read.

        Notes
        -----
        Reads all records of the files that have it: about 10 ns each, once.
        """
        if name in self._asked:
            self._asked.move_to_end(name)
        if name in self._series:
            return True
        for path, names, num_records in self._tail.read_so_far():
            numbers = [number for number, each in enumerate(names) if each == name]
            for piece in self._tail.again(path, 0, num_records, numbers) if numbers else ():
                for number, begin, end in piece.bounds:
                    self.add(name, piece, number, begin, end)
        if name not in self._series:
            return False
        self._asked[name] = None
        while len(self._asked) > MOST_ASKED:
            del self._series[self._asked.popitem(last=False)[0]]
        return True

    def cuts(
        self, names: Sequence[str], axis: str, low: float, high: float, most: int
    ) -> list[tuple[Frame, int]]:
        """The points of several series in a range, with the lowest and the highest of each.

        Parameters
        ----------
        names : sequence of str
            Those that are not held have no points.
        axis : {"step", "time"}
        low, high : float
            Steps, or seconds since the start of the run; both ends belong to the range.
        most : int
            Points of each, about.

        Returns
        -------
        list of (Frame, int)
            The points, and how many were logged in the range.

        Raises
        ------
        OSError
            If a file is there and cannot be read.
        """
        sizes = {path: num for path, _, num in self._tail.read_so_far()}
        cuts = {}
        for name in names:
            for place, pyramid in self._series.get(name, {}).items():
                # records that lie between two points of the series are read with them
                spread = max(sizes.get(place[0], 0) / max(pyramid.num_points, 1), 1.0)
                few = int(min(FEW_POINTS, MOST_RECORDS / spread))
                cuts[name, place] = pyramid.cut(axis, low, high, few)
        read = self._read({place: cut.records for (_, place), cut in cuts.items()})
        found = []
        for name in names:
            parts = [
                cuts[name, place].frame(read.get(place), most)
                for place in self._series.get(name, {})
            ]
            frame = _by_time([part for part, _ in parts])
            found.append((frame, sum(total for _, total in parts)))
        return found

    def _read(self, spans: dict[Place, list[tuple[int, int]]]) -> dict[Place, Columns]:
        """The points of several series in spans of records, each record read once."""
        parts: dict[Place, list[Columns]] = {}
        for path in {path for path, _ in spans}:
            numbers = [number for other, number in spans if other == path and spans[path, number]]
            for begin, end in _united(spans[path, number] for number in numbers):
                for piece in self._tail.again(path, begin, end, numbers):
                    for number, first, last in piece.bounds:
                        columns = _within(piece.part(first, last), spans[path, number])
                        parts.setdefault((path, number), []).append(columns)
        return {place: _joined(columns) for place, columns in parts.items()}


def _joined(parts: Sequence[Columns]) -> Columns:
    steps, times_s, values, places = zip(*parts, strict=True)
    joined = np.concatenate(steps), np.concatenate(times_s), np.concatenate(values)
    return *joined, np.concatenate(places)


def _within(part: Piece, spans: Sequence[tuple[int, int]]) -> Columns:
    """The points whose places lie in one of the spans, which are in order."""
    begins, ends = np.array(spans).T
    at = np.searchsorted(begins, part.places, side="right") - 1
    kept = (at >= 0) & (part.places < ends[at])
    if kept.all():
        return part.steps, part.times_s, part.values, part.places
    return part.steps[kept], part.times_s[kept], part.values[kept], part.places[kept]


def _united(spans: Iterable[Sequence[tuple[int, int]]]) -> list[tuple[int, int]]:
    united: list[tuple[int, int]] = []
    for begin, end in sorted(span for each in spans for span in each):
        if united and begin <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((begin, end))
    return united


def _by_time(frames: Sequence[Frame]) -> Frame:
    """Of several writers, in the order in which the points were logged."""
    frames = [frame for frame in frames if len(frame)]
    if len(frames) == 1:
        return frames[0]
    if not frames:
        none = np.empty(0)
        return Frame.of(none.astype(np.int64), none, none)
    together = concat(list(frames))
    return together.taken(np.argsort(together.times_s, kind="stable"))
