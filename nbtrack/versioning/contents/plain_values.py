"""Bytes for numbers, texts, and lists and dicts of them, the same for equal values everywhere.

Each value is written as a letter for its kind, and what tells it from others of that kind; parts
of a collection with their lengths in front. A list of samples is read by these bytes, as is an
array or column of objects.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import fractions
import struct
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from nbtrack.versioning.contents.content import (
    Fingerprint,
    NotData,
    Reading,
    array_content,
    hasher,
    raw_bytes,
    tensor_content,
)
from nbtrack.versioning.contents.row_digests import combine, ragged_digests

_DEEPEST = 32
_INLINE_BYTES = 2**20  # an array in a list that is larger stands there as its digest
_BATCH_BYTES = 4 * 2**20
_SPELLED = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    decimal.Decimal,
    fractions.Fraction,
    uuid.UUID,
)


def plain_bytes(value: Any, depth: int = 0) -> bytes:
    """The bytes of a value.

    Raises
    ------
    NotData
        If it is, or holds, something that has no content of its own: a function, a module, a file.
    """
    kind = type(value)
    if kind is str:
        text: bytes = value.encode("utf-8", "surrogatepass")
        return b"s" + text
    if kind is int:
        return b"i" + str(value).encode()
    if kind is float:
        return b"f%b" % struct.pack("<d", value)
    if value is None or value is True or value is False or value is Ellipsis:
        return b"c" + repr(value).encode()
    if depth > _DEEPEST:
        raise NotData(f"nested more than {_DEEPEST} deep, or in itself")
    return _other_bytes(value, depth)


def values_content(
    values: Sequence[Any], kind: str, reading: Reading, **header: Any
) -> Fingerprint:
    """The fingerprint of a sequence of plain values: each is a row.

    Raises
    ------
    NotData
        As `plain_bytes`.
    """
    import numpy as np

    whole = hasher({"kind": kind, "shape": [len(values)], **header})
    digests: list[Any] = []
    batch: list[bytes] = []
    waiting = num_bytes = 0

    def flush() -> None:
        nonlocal waiting
        lengths = np.fromiter(map(len, batch), "<i8", len(batch))
        whole.update(lengths.tobytes())
        whole.update(b"".join(batch))
        if reading.rows:
            digests.append(ragged_digests(batch))
        batch.clear()
        waiting = 0

    for value in values:
        data = plain_bytes(value)
        reading.expect(len(data))
        batch.append(data)
        waiting += len(data) + 32
        num_bytes += len(data)
        if waiting > _BATCH_BYTES:
            flush()
    if batch:
        flush()
    return Fingerprint(
        digest=whole.hexdigest(),
        kind=kind,
        shape=(len(values),),
        dtype=kind_of_members(values),
        num_rows=len(values),
        num_bytes=num_bytes,
        rows=b"".join(part.astype("<u8").tobytes() for part in digests) if reading.rows else None,
    )


def objects_content(array: Any, reading: Reading, index: Any = None) -> Fingerprint:
    """The fingerprint of a NumPy array of objects (texts as a rule), of any shape."""
    import numpy as np

    if index is not None:
        array = array[index]
    shape = tuple(array.shape)
    flat = array.reshape(-1).tolist() if array.dtype.kind != "O" else list(array.reshape(-1))
    found = values_content(flat, "array", reading, dtype="object", dims=list(shape))
    rows = found.rows
    if rows is not None and len(shape) > 1 and array.size:
        table = np.frombuffer(rows, "<u8").reshape(shape[0], -1)
        rows = combine(list(table.T)).astype("<u8").tobytes()
    return dataclasses.replace(
        found, shape=shape, num_rows=shape[0] if shape else None, rows=rows if shape else None
    )


def kind_of_members(values: Iterable[Any]) -> str:
    """Names of the types in a sequence, at most three."""
    names = sorted({type(value).__name__ for value in values})
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")


def _other_bytes(value: Any, depth: int) -> bytes:
    """What is no plain number, text or constant."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b"y" + bytes(value)
    torch, np = sys.modules.get("torch"), sys.modules.get("numpy")
    if np is not None and isinstance(value, (np.ndarray, np.generic)):
        if isinstance(value, np.ndarray) and value.dtype.hasobject:
            return b"o" + _joined([*map(int, value.shape), *value.reshape(-1)], depth)
        return b"a" + _array_bytes(np.asarray(value))
    if torch is not None and isinstance(value, torch.Tensor):
        return b"t" + _tensor_bytes(value)
    if isinstance(value, enum.Enum):
        return b"e" + f"{type(value).__qualname__}.{value.name}".encode()
    if isinstance(value, (list, tuple)):
        return (b"l" if isinstance(value, list) else b"u") + _joined(value, depth)
    if isinstance(value, Mapping):
        return b"d" + _joined([part for pair in value.items() for part in pair], depth)
    if isinstance(value, (set, frozenset)):
        return b"h" + _framed(sorted(plain_bytes(part, depth + 1) for part in value))
    if isinstance(value, range):
        return b"r" + repr(value).encode()
    if isinstance(value, PurePath):
        return b"p" + value.as_posix().encode("utf-8", "surrogatepass")
    if isinstance(value, (str, int, float)):  # subclasses: numbers and texts with a type
        plain = next(base for base in (str, int, float) if isinstance(value, base))
        return plain_bytes(plain(value))
    if isinstance(value, complex):
        return b"z" + struct.pack("<dd", value.real, value.imag)
    if isinstance(value, _SPELLED) or _is_pandas_scalar(value):
        return b"k" + f"{type(value).__name__} {value!r}".encode()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return b"D" + _joined([type(value).__qualname__, fields], depth)
    if type(value).__module__.startswith("PIL.") and hasattr(value, "getdata") and np is not None:
        return b"P" + _joined([value.mode, np.asarray(value)], depth)
    raise NotData(f"a {type(value).__qualname__} has no content that can be read")


def _is_pandas_scalar(value: Any) -> bool:
    """A Timestamp, Timedelta, Period, Interval, NaT or NA."""
    kind = type(value)
    return kind.__module__.partition(".")[0] == "pandas" and not hasattr(kind, "__len__")


def _joined(values: Iterable[Any], depth: int) -> bytes:
    return _framed([plain_bytes(value, depth + 1) for value in values])


def _framed(parts: Sequence[bytes]) -> bytes:
    return b"".join(struct.pack("<q", len(part)) + part for part in parts)


def _array_bytes(array: Any) -> bytes:
    if array.nbytes > _INLINE_BYTES or array.dtype.names or type(array).__name__ == "MaskedArray":
        return bytes.fromhex(array_content(array, Reading(rows=False)).digest or "")
    dtype = array.dtype.newbyteorder("<")
    head = f"{dtype.str.lstrip('<|=')}{tuple(array.shape)}".encode()
    return b"%b%b" % (head, array.astype(dtype, copy=False).tobytes())


def _tensor_bytes(tensor: Any) -> bytes:
    """A small tensor in full; a large or unusual one by its digest."""
    torch = sys.modules["torch"]
    plain = type(tensor) in (torch.Tensor, torch.nn.Parameter) and not tensor.is_quantized
    if not plain or tensor.layout != torch.strided or tensor.device.type == "meta":
        return bytes.fromhex(tensor_content(tensor, Reading(rows=False)).digest or "")
    if tensor.numel() * tensor.element_size() > _INLINE_BYTES:
        return bytes.fromhex(tensor_content(tensor, Reading(rows=False)).digest or "")
    head = f"{str(tensor.dtype).removeprefix('torch.')}{tuple(tensor.shape)}".encode()
    return b"%b%b" % (head, raw_bytes(tensor).tobytes())
