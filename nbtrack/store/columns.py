"""All points of a run as columns, read from its record files in one go."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrack.store.keys import read_keys, shown_names
from nbtrack.store.points import RECORD_BYTES, read_records

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_POINTS_FILE = re.compile(r"points-(r(\d+)(?:-[0-9a-z]+)?)\.bin")


class Pair(NamedTuple):
    """A record file and its key file; every writer of a run has one such pair."""

    rank: int
    points: Path
    keys: Path


class Columns(NamedTuple):
    """Points in order of time; equal times stay in the order of the files.

    Attributes
    ----------
    names : list of str
        Names of the series; ``code`` points into it.
    code : ndarray of shape (n,), int32
    step, rank : ndarray of shape (n,), int64
    time_s, value : ndarray of shape (n,), float64
        ``time_s`` is unix time.
    """

    names: list[str]
    code: npt.NDArray[np.int32]
    step: npt.NDArray[np.int64]
    time_s: npt.NDArray[np.float64]
    rank: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]


def pairs(folder: Path) -> list[Pair]:
    """The record files of a run, those of rank 0 first."""
    matches = filter(None, map(_POINTS_FILE.fullmatch, file_names(folder)))
    return sorted(
        Pair(int(match[2]), folder / match[0], folder / f"keys-{match[1]}.txt") for match in matches
    )


def file_names(folder: Path) -> list[str]:
    """Names of what is in a run's folder; none if there is no such folder."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - a live view asks ten times a second
    except (FileNotFoundError, NotADirectoryError):
        return []


def num_points(folder: Path) -> int:
    """Points in the record files of a run, from their sizes alone."""
    return sum(pair.points.stat().st_size // RECORD_BYTES for pair in pairs(folder))


def read_names(folder: Path) -> list[str]:
    """Names of all series of a run, in the order in which they were first logged."""
    files = [read_keys(pair.keys) for pair in pairs(folder)]
    return list(dict.fromkeys(name for names in shown_names(files) for name in names))


def read_columns(folder: Path, names: Collection[str] | None = None) -> Columns:
    """Read the points of a run.

    Parameters
    ----------
    names : collection of str, optional
        Only these series.

    Raises
    ------
    OSError
        If a file is there and cannot be read.
    """
    import numpy as np

    files = pairs(folder)
    # records first: the line of a key is on the disk before any record refers to it
    records = [read_records(pair.points) for pair in files]
    shown = shown_names([read_keys(pair.keys) for pair in files])
    codes: dict[str, int] = {}
    columns = [
        _file_columns(array, file_names, pair.rank, codes)
        for array, file_names, pair in zip(records, shown, files, strict=True)
    ]
    joined = [
        np.concatenate(parts) if len(parts) != 1 else parts[0]
        for parts in zip(*columns, strict=True)
    ] or [np.empty(0, dtype) for dtype in ("i4", "i8", "f8", "i8", "f8")]
    if names is not None:
        wanted = [code for name, code in codes.items() if name in names]
        joined = _take(joined, np.flatnonzero(np.isin(joined[0], wanted)))
    time_s = joined[2]
    if not bool(np.all(time_s[1:] >= time_s[:-1])):
        joined = _take(joined, np.argsort(time_s, kind="stable"))
    return Columns(list(codes), *joined)


def _file_columns(
    records: npt.NDArray[np.void], names: list[str], rank: int, codes: dict[str, int]
) -> list[npt.NDArray[Any]]:
    """The columns of one file, with key numbers changed to codes that all files share."""
    import numpy as np

    number = records["key"]
    if len(number) and (number.min() < 0 or number.max() >= len(names)):
        names, number = _name_the_nameless(names, number)
    table = np.array([codes.setdefault(name, len(codes)) for name in names], dtype="i4")
    code = table[number] if len(number) else np.empty(0, "i4")
    step, time_s, value = (
        np.ascontiguousarray(records[field]) for field in ("step", "time", "value")
    )
    return [code, step, time_s, np.full(len(records), rank, "i8"), value]


def _name_the_nameless(
    names: list[str], number: npt.NDArray[np.int32]
) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Give the name ``?<number>`` to keys whose line is missing: a damaged or lost key file."""
    import numpy as np

    used, places = np.unique(number, return_inverse=True)
    known = len(names)
    all_names = [names[i] if 0 <= i < known else f"?{i}" for i in used.tolist()]
    return all_names, places.astype("i4")


def _take(arrays: list[npt.NDArray[Any]], places: npt.NDArray[np.intp]) -> list[npt.NDArray[Any]]:
    return [array[places] for array in arrays]
