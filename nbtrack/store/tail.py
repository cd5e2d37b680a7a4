"""`Tail`: the points that were added to a run since the last look."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nbtrack.store.columns import Pair, file_names, pairs
from nbtrack.store.keys import Key, parse_keys, shown_names
from nbtrack.store.points import RECORD_BYTES, read_records

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    News = dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]]

PIECE_RECORDS = 1 << 16  # records and their columns stay in the processor's cache: 4 times as fast


class Piece(NamedTuple):
    """Records that follow each other in one file, as columns sorted by series.

    Attributes
    ----------
    path : Path
        The record file.
    rank : int
        Of its writer.
    names : list of str
        The series of the file by their numbers.
    bounds : list of (number, begin, end)
        Where each series lies in the columns; within one the order of the file is kept.
    steps, times_s, values : ndarray of shape (n,)
        ``times_s`` in seconds since the start of the run.
    places : ndarray of shape (n,)
        The position of each record in the file, counted in records.
    """

    path: Path
    rank: int
    names: list[str]
    bounds: list[tuple[int, int, int]]
    steps: npt.NDArray[np.int64]
    times_s: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    places: npt.NDArray[np.int64]

    def name(self, number: int) -> str:
        """The name of a series; ``?7`` where its line of the key file is missing."""
        return self.names[number] if 0 <= number < len(self.names) else f"?{number}"

    def part(self, begin: int, end: int) -> Piece:
        """The records from `begin` to `end`, without bounds."""
        own = slice(begin, end)
        columns = (self.steps[own], self.times_s[own], self.values[own], self.places[own])
        return Piece(self.path, self.rank, self.names, [], *columns)


@dataclass
class _File:
    pair: Pair
    points_path: str  # a Path takes 3 us to turn into text, ten times a second
    points_at: int = 0  # bytes read
    keys_at: int = 0
    keys: list[Key] = field(default_factory=list)


class Tail:
    """Reads a run that is being written, a piece at a time, from this process or another.

    Attributes
    ----------
    has_restarted : bool
        The last `read` began anew, and gave all points of the run again: throw away what you had.
        It happens when a key that was only automatic so far is also logged by hand (the automatic
        series is then called ``auto/NAME``), or when a file was replaced.
    is_behind : bool
        The last `pieces` left records for the next call.

    Notes
    -----
    A read costs a directory listing and two stats per file when nothing is new.
    """

    def __init__(self, folder: Path, started_s: float) -> None:
        self._folder = folder
        self._started_s = started_s
        self._files: dict[Path, _File] = {}
        self._names: list[list[str]] = []
        self._listed: list[str] = []
        self.has_restarted = False
        self.is_behind = False

    def read(self) -> News:
        """What came since the last read, by series; of all writers together.

        Returns
        -------
        dict of str to (steps, times_s, values)
            Arrays of one length: int64, float64 seconds since the start of the run, float64; in
            the order of the file. Never a torn record.

        Raises
        ------
        OSError
            If a file is there and cannot be read.
        """
        import numpy as np

        parts: dict[str, list[Piece]] = {}
        has_restarted = False
        while True:
            pieces = self.pieces()
            if self.has_restarted:
                parts, has_restarted = {}, True
            for piece in pieces:
                for number, begin, end in piece.bounds:
                    parts.setdefault(piece.name(number), []).append(piece.part(begin, end))
            if not self.is_behind:
                break
        self.has_restarted = has_restarted
        return {
            name: (
                np.concatenate([part.steps for part in of_name]),
                np.concatenate([part.times_s for part in of_name]),
                np.concatenate([part.values for part in of_name]),
            )
            for name, of_name in parts.items()
        }

    def pieces(self, most: int = PIECE_RECORDS) -> list[Piece]:
        """What came since the last look, a piece of each file; call again while `is_behind`.

        Parameters
        ----------
        most : int
            Records of one file at most.

        Raises
        ------
        OSError
            If a file is there and cannot be read.

        Notes
        -----
        About 20 ns a record; a piece takes 32 bytes a record.
        """
        self.has_restarted = self.is_behind = False
        self._find_files()
        files = list(self._files.values())
        sizes = [_size(file.points_path) for file in files]
        grown = [file for file, size in zip(files, sizes, strict=True) if size != file.points_at]
        if any(size < file.points_at for file, size in zip(files, sizes, strict=True)):
            return self._restart(most)
        chunks = [(file, read_records(file.pair.points, file.points_at, most)) for file in grown]
        if not any(len(records) for _, records in chunks):
            return []
        if not self._read_keys():
            return self._restart(most)
        found = []
        for file, records in chunks:
            if not len(records):
                continue  # only a torn record so far
            first = file.points_at // RECORD_BYTES
            file.points_at += len(records) * RECORD_BYTES
            self.is_behind |= len(records) == most
            names = self._names[files.index(file)]
            found.append(sort_records(file.pair, names, records, first, self._started_s))
        return found

    def read_so_far(self) -> list[tuple[Path, list[str], int]]:
        """Of each record file: path, names by number, and how many records were given out."""
        return [
            (file.pair.points, names, file.points_at // RECORD_BYTES)
            for file, names in zip(self._files.values(), self._names, strict=False)
        ]

    def again(self, path: Path, begin: int, end: int, numbers: Iterable[int]) -> Iterator[Piece]:
        """Some records once more, of some series; the place of the next read stays.

        Parameters
        ----------
        begin, end : int
            In records; `end` does not belong to it.
        numbers : iterable of int
            Series by their numbers in that file.

        Raises
        ------
        OSError
            If the file is there and cannot be read.
        """
        import numpy as np

        file = self._files[path]
        names = self._names[list(self._files).index(path)]
        wanted = np.array(list(numbers))
        for at in range(begin, end, PIECE_RECORDS):
            records = read_records(path, at * RECORD_BYTES, min(PIECE_RECORDS, end - at))
            if not len(records):
                return  # the file has been cut since
            is_wanted = np.isin(records["key"], wanted)
            if is_wanted.all():
                yield sort_records(file.pair, names, records, at, self._started_s)
                continue
            kept = np.flatnonzero(is_wanted)
            if len(kept):
                piece = sort_records(file.pair, names, records[kept], 0, self._started_s)
                yield piece._replace(places=kept[piece.places] + at)

    def _find_files(self) -> None:
        listed = file_names(self._folder)
        if listed != self._listed:
            self._listed = listed
            for pair in pairs(self._folder):
                self._files.setdefault(pair.points, _File(pair, str(pair.points)))

    def _restart(self, most: int) -> list[Piece]:
        self._files = {}
        self._names = []
        self._listed = []
        found = self.pieces(most)
        self.has_restarted = True
        return found

    def _read_keys(self) -> bool:
        """Read new key lines; False if a series that was given out has another name now."""
        has_new = False
        for file in self._files.values():
            data = _whole_lines(file.pair.keys, file.keys_at)
            if data:
                has_new = True
                file.keys_at += len(data)
                file.keys += parse_keys(data)
        if not has_new:
            return True
        before = self._names
        self._names = shown_names([file.keys for file in self._files.values()])
        return all(new[: len(old)] == old for old, new in zip(before, self._names, strict=False))


def sort_records(
    pair: Pair, names: list[str], records: npt.NDArray[np.void], first: int, started_s: float
) -> Piece:
    """Records as columns split by series, without a loop over points.

    Parameters
    ----------
    first : int
        The position in its file of the first of them.
    """
    import numpy as np

    number = records["key"]
    if number.min() >= 0 and number.max() < 1 << 16:
        number = number.astype(np.uint16)  # sorted by radix then, ten times as fast
    order = np.argsort(number, kind="stable")
    number = number[order]
    starts = np.flatnonzero(number[1:] != number[:-1]) + 1
    begins, ends = [0, *starts.tolist()], [*starts.tolist(), len(order)]
    return Piece(
        pair.points,
        pair.rank,
        names,
        list(zip(number[begins].tolist(), begins, ends, strict=True)),
        records["step"][order],
        records["time"][order] - started_s,
        records["value"][order],
        order + first,
    )


def _whole_lines(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


def _size(path: str) -> int:
    try:
        size = os.stat(path).st_size  # noqa: PTH116
    except FileNotFoundError:
        return -1
    return size - size % RECORD_BYTES
