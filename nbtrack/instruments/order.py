"""Which samples a run was fed, in which order: a digest of each batch, and a chain of these.

Two runs whose digests are equal got the same batches in the same order; where they differ, the
first batch that differs is found by comparing eight bytes a batch. To stay cheap, small tensors
are read in full, of large ones a few elements of each row, spread over it (of every second row
from 2,049 rows on, and so on): a batch that differs in other elements only is taken for the same.
What the data hold is another question, answered by `nbtrack.versioning.contents.fingerprint`.
"""

from __future__ import annotations

import array
import functools
import math
import sys
from collections.abc import Iterator
from typing import Any

_FULL_BYTES = 4096
_PER_ROW = 8
_MAX_SAMPLES = 2048  # elements of one tensor
_MAX_TENSORS = 4
_MAX_LOOKED_AT = 16
_MAX_TEXT = 4096
_DEPTH = 3
_PLAIN = (str, bytes, bool, int, float)


class SampleOrder:
    """The order of the batches that a run was fed.

    Nothing is drawn, copied from a device or waited for, and nothing here raises.

    Attributes
    ----------
    num_batches : int
    num_samples : int
        Rows of the batches together, where they have rows.
    skipped : dict of str to int
        Why something was not read, and how often: ``{"cuda": 200}``. The batch still counts; its
        digest then says less, or nothing, of what was in it.
    """

    def __init__(self) -> None:
        self.num_batches = 0
        self.num_samples = 0
        self.skipped: dict[str, int] = {}
        self._digests = bytearray()
        self._blake3: Any = None

    def batch(self, batch: Any) -> None:
        """Note a batch, before the training changes it.

        Parameters
        ----------
        batch : object
            A tensor or array, or a list, tuple or dict of these, of numbers or of texts.

        Notes
        -----
        Cost: 6 to 30 us.
        """
        pieces: list[bytes] = []
        size: int | None = None
        try:
            for value in self._parts(batch, _DEPTH):
                shape = getattr(value, "shape", None)
                if shape is None:
                    pieces.append(repr(value).encode("utf-8", "surrogatepass")[:_MAX_TEXT])
                    continue
                if size is None and len(shape):
                    size = int(shape[0])
                data = self._sampled(value)
                if data is not None:
                    pieces.append(data)
        except Exception as error:
            self._skip(type(error).__name__)
        self._note(pieces, size)

    def index(self, index: Any) -> None:
        """Note which samples a loop has chosen itself: all of the index is read.

        Parameters
        ----------
        index : Tensor, array, or list of int
            On the CPU; of one on another device only the length is noted.

        Notes
        -----
        Cost: 2 us and 1 ns an element of a tensor or array.
        """
        pieces = [b"i"]
        size: int | None = None
        try:
            shape = getattr(index, "shape", None)
            if shape is None:
                values = array.array("q", index)
                size = len(values)
                pieces.append(values.tobytes())
            else:
                size = int(shape[0]) if len(shape) else 1
                found = self._array(index)
                if found is not None:
                    pieces.append(found.astype("<i8", copy=False).tobytes())
        except Exception as error:
            self._skip(type(error).__name__)
        self._note(pieces, size)

    @property
    def digest(self) -> str | None:
        """BLAKE3 of the digests of all batches, 64 hexadecimal digits; None before the first."""
        if not self._digests:
            return None
        return str(self._hash(bytes(self._digests)).hexdigest())

    def digests(self) -> bytes:
        """Eight bytes for each batch and index noted, in order."""
        return bytes(self._digests)

    def _note(self, pieces: list[bytes], size: int | None) -> None:
        self._digests += self._hash(b"|".join(pieces)).digest(8)
        self.num_batches += 1
        self.num_samples += size or 0

    def _hash(self, data: bytes) -> Any:
        if self._blake3 is None:
            from blake3 import blake3

            self._blake3 = blake3
        return self._blake3(data)

    def _skip(self, why: str) -> None:
        self.skipped[why] = self.skipped.get(why, 0) + 1

    def _parts(self, batch: Any, depth: int) -> Iterator[Any]:
        """The first tensors, arrays and plain values of a batch."""
        found = 0
        stack: list[tuple[Any, int]] = [(batch, depth)]
        while stack and found < _MAX_TENSORS:
            value, depth = stack.pop()
            if hasattr(value, "shape") and hasattr(value, "dtype"):
                found += 1
                yield value
                continue
            if isinstance(value, _PLAIN):
                yield value
                continue
            if depth == 0:
                continue
            if isinstance(value, (list, tuple)):
                members = list(value[:_MAX_LOOKED_AT])
            elif hasattr(value, "keys") and hasattr(value, "values"):
                members = list(value.values())[:_MAX_LOOKED_AT]
            else:
                members = list(getattr(value, "__dict__", {}).values())[:_MAX_LOOKED_AT]
            stack += [(member, depth - 1) for member in reversed(members)]

    def _array(self, value: Any) -> Any:
        """A tensor or array as a NumPy array on the same memory; None where that is not there."""
        import numpy as np

        if isinstance(value, (np.ndarray, np.generic)):
            return np.asarray(value)
        torch = sys.modules.get("torch")
        if torch is None or not isinstance(value, torch.Tensor):
            self._skip(type(value).__name__)
            return None
        if not value.is_cpu:
            self._skip(value.device.type)
            return None
        if value.layout != torch.strided or value.is_quantized:
            self._skip(str(value.layout))
            return None
        if value.requires_grad:
            value = value.detach()
        if value.dtype is torch.bfloat16:
            value = value.view(torch.int16)
        elif value.dtype is torch.bool:
            value = value.view(torch.uint8)
        # Not .numpy(), after which torch would refuse to resize the storage.
        return np.from_dlpack(value)

    def _sampled(self, value: Any) -> bytes | None:
        """The bytes of a small tensor; of a large one a few elements of each row."""
        array = self._array(value)
        if array is None:
            return None
        if array.nbytes <= _FULL_BYTES:
            return bytes(array.tobytes())
        num_rows = len(array)
        width = array.size // num_rows
        if num_rows > _MAX_SAMPLES:
            array = array[:: -(-num_rows // _MAX_SAMPLES)]
            num_rows = len(array)
        count = max(1, min(_PER_ROW, width, _MAX_SAMPLES // num_rows))
        step = width // count
        if array.flags.c_contiguous or array.ndim < 3:
            flat = array.reshape(num_rows, width)
            return bytes(flat[:, step // 2 :: step].tobytes())
        # Spread over all but the first dimension, without a copy of the whole.
        where = (slice(None), *_places(array.shape[1:], step))
        return bytes(array[where].tobytes())


@functools.lru_cache(maxsize=64)
def _places(shape: tuple[int, ...], step: int) -> tuple[Any, ...]:
    """Every so many elements of a row, by an index for each of its dimensions."""
    import numpy as np

    return np.unravel_index(np.arange(step // 2, math.prod(shape), step), shape)
