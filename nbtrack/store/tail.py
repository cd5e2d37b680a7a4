"""`Tail`: the points that were added to a run since the last look."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nbtrack.store.columns import Pair, file_names, pairs
from nbtrack.store.keys import Key, parse_keys, shown_names
from nbtrack.store.points import RECORD_BYTES, read_records

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    News = dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]]


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

    def read(self) -> News:
        """What came since the last read, by series.

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
        self.has_restarted = False
        self._find_files()
        files = list(self._files.values())
        sizes = [_size(file.points_path) for file in files]
        grown = [file for file, size in zip(files, sizes, strict=True) if size != file.points_at]
        if any(size < file.points_at for file, size in zip(files, sizes, strict=True)):
            return self._restart()
        chunks = [(file, read_records(file.pair.points, file.points_at)) for file in grown]
        if not any(len(records) for _, records in chunks):
            return {}
        if not self._read_keys():
            return self._restart()
        news: News = {}
        for file, records in chunks:
            if not len(records):
                continue  # only a torn record so far
            file.points_at += len(records) * RECORD_BYTES
            self._sort(records, self._names[files.index(file)], news)
        return news

    def _find_files(self) -> None:
        listed = file_names(self._folder)
        if listed != self._listed:
            self._listed = listed
            for pair in pairs(self._folder):
                self._files.setdefault(pair.points, _File(pair, str(pair.points)))

    def _restart(self) -> News:
        self._files = {}
        self._names = []
        self._listed = []
        news = self.read()
        self.has_restarted = True
        return news

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

    def _sort(self, records: npt.NDArray[np.void], names: list[str], news: News) -> None:
        """Add records to `news`, split by series without a loop over points."""
        import numpy as np

        order = np.argsort(records["key"], kind="stable")
        number, steps, values = (records[field][order] for field in ("key", "step", "value"))
        times_s = records["time"][order] - self._started_s
        starts = np.flatnonzero(number[1:] != number[:-1]) + 1
        bounds = [0, *starts.tolist(), len(order)]
        for begin, end in itertools.pairwise(bounds):
            i = int(number[begin])
            name = names[i] if 0 <= i < len(names) else f"?{i}"
            new = (steps[begin:end], times_s[begin:end], values[begin:end])
            if name in news:  # from a file of another writer
                old = news[name]
                new = (
                    np.concatenate((old[0], new[0])),
                    np.concatenate((old[1], new[1])),
                    np.concatenate((old[2], new[2])),
                )
            news[name] = new


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
