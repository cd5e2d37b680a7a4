"""What is in a piece of memory: all of it as a digest when it is small, else a sample.

Addresses are read without NumPy's or torch's own operations on the object, so that neither a
version, a graph nor a random number is touched. Memory of a GPU is not read here.
"""

from __future__ import annotations

import math
import time
from typing import Any

import blake3

_PIECES, _PIECE_BYTES = 64, 16  # of a sample
WHOLE_BYTES = _PIECES * _PIECE_BYTES  # up to here the sample is everything
TENSOR_BYTES, ARRAY_BYTES = 1 << 20, 4 << 20  # digests of all contents up to these sizes


class Budget:
    """Time and bytes that one look at a namespace may cost.

    Parameters
    ----------
    time_s : float
        Seconds of this thread's own work; on a busy machine three times as many may pass.
    num_bytes : int
        Bytes of which digests are made.
    """

    def __init__(self, time_s: float = 0.020, num_bytes: int = 16 << 20) -> None:
        self._work_until_s = time.thread_time() + time_s
        self._until_s = time.perf_counter() + 3 * time_s
        self.bytes_left = num_bytes
        self.num_sampled = 0  # arrays that a cell may touch and that were not read in full

    def is_spent(self) -> bool:
        """Whether the time is over."""
        return time.perf_counter() > self._until_s or time.thread_time() > self._work_until_s

    def take(self, num_bytes: int) -> bool:
        """Whether a digest of so many bytes may be made; they count as spent then."""
        if num_bytes > self.bytes_left or self.is_spent():
            return False
        self.bytes_left -= num_bytes
        return True


class _Memory:
    """A view of memory for NumPy, read only."""

    def __init__(self, address: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.__array_interface__ = {
            "data": (address, True),
            "shape": shape,
            "strides": strides,
            "typestr": "|u1",
            "version": 3,
        }


def _view(address: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    import numpy as np

    return np.asarray(_Memory(address, shape, strides))


def sample(address: int, num_bytes: int) -> bytes:
    """Bytes from 64 places, evenly spread from first to last; all of them up to 1 KiB.

    Parameters
    ----------
    address : int
        Of memory that the process may read.
    """
    if num_bytes == 0 or address == 0:
        return b""
    if num_bytes <= WHOLE_BYTES:
        return bytes(_view(address, (num_bytes,), (1,)).tobytes())
    step = (num_bytes - _PIECE_BYTES) // (_PIECES - 1)
    pieces = _view(address, (_PIECES, _PIECE_BYTES), (step, 1)).tobytes()
    return bytes(
        pieces + _view(address + num_bytes - _PIECE_BYTES, (_PIECE_BYTES,), (1,)).tobytes()
    )


def digest(address: int, num_bytes: int) -> bytes:
    """BLAKE3 of contiguous memory, 16 bytes."""
    if num_bytes == 0 or address == 0:
        return b""
    return bytes(blake3.blake3(_view(address, (num_bytes,), (1,))).digest(length=16))


def sample_strided(
    address: int, shape: tuple[int, ...], strides: tuple[int, ...], item_bytes: int
) -> bytes:
    """Bytes of up to about 256 elements of memory with gaps.

    Parameters
    ----------
    strides : tuple of int
        In bytes, one per dimension.
    """
    if address == 0 or 0 in shape:
        return b""
    view = _view(address, (*shape, item_bytes), (*strides, 1))
    left, steps = 256, []
    for position, size in enumerate(shape):
        keep = max(1, min(size, round(left ** (1 / (len(shape) - position)))))
        left = max(1, left // keep)
        steps.append(slice(None, None, max(1, math.ceil(size / keep))))
    return bytes(view[tuple(steps)].tobytes())


def digest_strided(
    address: int, shape: tuple[int, ...], strides: tuple[int, ...], item_bytes: int
) -> bytes:
    """BLAKE3 of all elements of memory with gaps, 16 bytes; makes one copy of them."""
    if address == 0 or 0 in shape:
        return b""
    copied = _view(address, (*shape, item_bytes), (*strides, 1)).tobytes()
    return bytes(blake3.blake3(copied).digest(length=16))
