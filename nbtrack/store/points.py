"""Record files: points as fixed-width records, appended one call at a time.

A record is 28 bytes, little-endian, without padding: key number (i32), step (i64), unix time in
seconds (f64), value (f64). The key number is the number of a line in the key file beside it
(`nbtrack.store.keys`). A file has one writer, so there is no lock; a reader takes the whole records
and leaves a torn last one.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RECORD_BYTES = 28
RECORD_FIELDS = (("key", "<i4"), ("step", "<i8"), ("time", "<f8"), ("value", "<f8"))


@functools.lru_cache(maxsize=1024)
def packer(num_records: int) -> Callable[..., bytes]:
    """Function of ``4 * num_records`` numbers that gives the bytes of that many records."""
    return struct.Struct("<" + "iqdd" * num_records).pack


class ShortWrite(OSError):
    """Not all records could be written.

    Attributes
    ----------
    num_written : int
        Whole records that are in the file, and stay.
    is_torn : bool
        A part of the next record could not be taken back: nothing more may be appended.
    """

    def __init__(self, error: OSError, num_written: int, is_torn: bool) -> None:
        super().__init__(error.errno, error.strerror)
        self.num_written = num_written
        self.is_torn = is_torn


def append(fd: int, records: bytes) -> None:
    """Append whole records in one write.

    Parameters
    ----------
    fd : int
        A record file opened with ``O_APPEND``, whose only writer is the caller.
    records : bytes
        A multiple of 28 bytes.

    Raises
    ------
    ShortWrite
        If only some records fit (a full disk); a torn one has been taken back where possible.
    OSError
        If nothing could be written.
    """
    written = os.write(fd, records)
    if written != len(records):
        _append_rest(fd, records, written)


def _append_rest(fd: int, records: bytes, written: int) -> None:
    """Write the rest, if only to learn why it did not go out at once."""
    try:
        while written < len(records):
            written += os.write(fd, records[written:])
    except OSError as error:
        torn = written % RECORD_BYTES
        try:
            os.ftruncate(fd, os.fstat(fd).st_size - torn)
        except OSError:
            raise ShortWrite(error, written // RECORD_BYTES, is_torn=torn > 0) from error
        raise ShortWrite(error, written // RECORD_BYTES, is_torn=False) from error


def read_records(path: Path, offset: int = 0, most: int | None = None) -> npt.NDArray[np.void]:
    """Whole records of a file from a byte offset on, as a structured array.

    Parameters
    ----------
    path : Path
        A record file; one that is missing holds no records.
    offset : int
        Bytes to skip, a multiple of 28.
    most : int, optional
        Records to read at most.

    Returns
    -------
    ndarray of shape (n,)
        Fields ``key``, ``step``, ``time`` and ``value``.

    Raises
    ------
    OSError
        If the file is there and cannot be read.
    """
    import numpy as np

    dtype: np.dtype[Any] = np.dtype(list(RECORD_FIELDS))
    try:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size - offset
            count = max(size, 0) // RECORD_BYTES
            if most is not None:
                count = min(count, most)
            if count == 0:
                return np.empty(0, dtype)
            file.seek(offset)
            return np.fromfile(file, dtype, count)
    except FileNotFoundError:
        return np.empty(0, dtype)
