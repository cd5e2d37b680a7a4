"""Fingerprints of contents: what one is, and how that of one array or tensor is computed.

Read in chunks of at most 16 MiB, on whatever device it lies, and never changed. What these arrays
are gathered in (lists, frames, data sets) is read by the modules beside this one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nbtrack.versioning.contents.row_digests import RowDigests

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Fingerprint:
    """What an object holds, in a few bytes.

    Attributes
    ----------
    digest : str or None
        BLAKE3 of kind, dtype, shape and the full content: 64 hexadecimal digits. None when it
        was not computed; `skipped` says why.
    kind : str
        "tensor", "array", "frame", "series", "dataset", "list", "dict" ...
    shape : tuple of int
    dtype : str
    num_rows : int or None
        Samples: the leading dimension. None where there is none.
    num_bytes : int
        Bytes of the content.
    rows : bytes or None
        The digest of each sample, little-endian uint64, as
        `nbtrack.versioning.contents.row_digests` computes them. None where
        samples cannot be told apart, or were not asked for.
    skipped : str
        Why there is no digest; empty if there is one.
    """

    digest: str | None
    kind: str
    shape: tuple[int, ...]
    dtype: str
    num_rows: int | None
    num_bytes: int
    rows: bytes | None = None
    skipped: str = ""

    def row_values(self) -> NDArray[np.uint64]:
        """The digests of the samples as an array of uint64; empty without any."""
        import numpy as np

        return np.frombuffer(self.rows or b"", "<u8")


class CannotRead(Exception):
    """A content that cannot be read, or should not: the words say why."""


class TooLarge(CannotRead):
    """More than the caller wants to have read."""

    def __init__(self, num_bytes: int, max_bytes: int) -> None:
        self.num_bytes = num_bytes
        super().__init__(
            f"{num_bytes / 2**20:,.1f} MiB or more, over the limit of {max_bytes / 2**20:,.1f} MiB"
        )


class NotData(CannotRead):
    """No content that a training loop would consume as data."""


class Reading:
    """One call of `fingerprint`: what it may still read, and whether it wants digests of rows."""

    def __init__(self, max_bytes: int | None = None, rows: bool = True) -> None:
        self.max_bytes = max_bytes
        self.rows = rows
        self._count = [0]

    def expect(self, num_bytes: int) -> None:
        """Count bytes before they are read; raises `TooLarge` when they are too many."""
        self._count[0] += num_bytes
        if self.max_bytes is not None and self._count[0] > self.max_bytes:
            raise TooLarge(self._count[0], self.max_bytes)

    def without_rows(self) -> Reading:
        """The same reading, for a part whose rows are no samples."""
        part = Reading(self.max_bytes, rows=False)
        part._count = self._count
        return part


def canonical_json(value: Any) -> bytes:
    """The one way to write a plain value: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()


def hasher(header: Mapping[str, Any]) -> Any:
    """A BLAKE3 that has read the header of a content."""
    from blake3 import blake3

    return blake3(canonical_json(header) + b"\n")


def gathered(
    kind: str,
    shape: tuple[int, ...],
    members: Mapping[str, Fingerprint],
    rows: bytes | None,
    **header: Any,
) -> Fingerprint:
    """The fingerprint of something that consists of contents with fingerprints of their own."""
    skipped = [f"{name}: {member.skipped}" for name, member in members.items() if member.skipped]
    digests = {name: member.digest for name, member in members.items()}
    header = {"kind": kind, "shape": list(shape), "members": digests, **header}
    return Fingerprint(
        digest=None if skipped else hasher(header).hexdigest(),
        kind=kind,
        shape=shape,
        dtype=", ".join(dict.fromkeys(member.dtype for member in members.values())),
        num_rows=shape[0] if shape else None,
        num_bytes=sum(member.num_bytes for member in members.values()),
        rows=None if skipped else rows,
        skipped="; ".join(skipped),
    )


def array_content(array: Any, reading: Reading, index: Any = None) -> Fingerprint:
    """The fingerprint of a NumPy array without objects in it.

    Parameters
    ----------
    array : numpy.ndarray
    reading : Reading
    index : array of int, optional
        Which of its rows, in which order; by default all.
    """
    import numpy as np

    if isinstance(array, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(array)
        members = {
            "data": array_content(
                np.where(mask, np.zeros((), array.dtype), array.data), reading, index
            ),
            "mask": array_content(mask, reading, index),
        }
        first = members["data"]
        return gathered("masked array", first.shape, members, first.rows)
    array = array.view(np.ndarray)
    packed = _packed(array.dtype)

    def raw(part: Any) -> Any:
        part = np.ascontiguousarray(part, dtype=packed)
        return part.reshape(-1).view(np.uint8) if part.size else np.empty(0, np.uint8)

    spelled = repr(np.lib.format.dtype_to_descr(packed)) if packed.names else packed.str
    header = {"kind": "array", "dtype": spelled.lstrip("<|=")}
    return _stream(array, packed.itemsize, header, str(packed).lstrip("<>"), raw, reading, index)


def tensor_content(tensor: Any, reading: Reading, index: Any = None) -> Fingerprint:
    """The fingerprint of a torch tensor, dense, sparse or quantized, on any device.

    Raises
    ------
    CannotRead
        If it has no content (meta, fake) or not one of its own (nested, shards).
    """
    import torch

    tensor = tensor.detach()
    dtype = str(tensor.dtype).removeprefix("torch.")
    if tensor.device.type == "meta" or type(tensor).__name__ == "FakeTensor":
        raise CannotRead("a tensor without storage has no content")
    if tensor.is_nested or hasattr(tensor, "to_local"):
        raise CannotRead(f"a {'nested' if tensor.is_nested else 'distributed'} tensor is not read")
    if tensor.layout != torch.strided:
        members = {
            name: tensor_content(part, reading) for name, part in sparse_parts(tensor).items()
        }
        layout = str(tensor.layout).removeprefix("torch.")
        found = gathered("sparse tensor", tuple(tensor.shape), members, None, layout=layout)
        return replace(found, dtype=dtype)
    if tensor.is_quantized:
        members = {
            name: tensor_content(part, reading) for name, part in quantized_parts(tensor).items()
        }
        found = gathered("quantized tensor", tuple(tensor.shape), members, members["values"].rows)
        return replace(found, dtype=dtype)
    header = {"kind": "tensor", "dtype": dtype}
    return _stream(tensor, tensor.element_size(), header, dtype, raw_bytes, reading, index)


def raw_bytes(tensor: Any) -> Any:
    """The bytes of a strided tensor in the order of its elements, as an array of uint8 on the CPU.

    A view of the tensor's own memory where that is possible: to be read, not written.
    """
    import numpy as np
    import torch

    if tensor.numel() == 0:
        return np.empty(0, np.uint8)
    tensor = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()
    # Not .numpy(), after which torch would refuse to resize the storage, as FSDP does.
    return np.from_dlpack(tensor.reshape(-1).view(torch.uint8))


def sparse_parts(tensor: Any) -> dict[str, Any]:
    """The strided tensors that a sparse one consists of; those of COO in order, without doubles."""
    import torch

    if tensor.layout == torch.sparse_coo:
        tensor = tensor.coalesce()
        return {"indices": tensor.indices(), "values": tensor.values()}
    names = {
        torch.sparse_csr: ("crow_indices", "col_indices"),
        torch.sparse_bsr: ("crow_indices", "col_indices"),
        torch.sparse_csc: ("ccol_indices", "row_indices"),
        torch.sparse_bsc: ("ccol_indices", "row_indices"),
    }.get(tensor.layout)
    if names is None:
        raise CannotRead(f"the layout {tensor.layout} is not read")
    return {name: getattr(tensor, name)() for name in (*names, "values")}


def quantized_parts(tensor: Any) -> dict[str, Any]:
    """The whole numbers of a quantized tensor, and how they are scaled."""
    import torch

    parts = {"values": tensor.int_repr()}
    if tensor.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        scale = [tensor.q_scale(), float(tensor.q_zero_point())]
        return {**parts, "scale": torch.tensor(scale, dtype=torch.float64, device="cpu")}
    return {
        **parts,
        "scales": tensor.q_per_channel_scales(),
        "zero_points": tensor.q_per_channel_zero_points(),
        "axis": torch.tensor([tensor.q_per_channel_axis()], device="cpu"),
    }


def _packed(dtype: Any) -> Any:
    """The dtype with little-endian numbers and nothing in between the fields."""
    import numpy as np

    if dtype.hasobject:
        raise CannotRead(f"the dtype {dtype} holds objects")
    if dtype.names is None:
        return dtype.newbyteorder("<")
    return np.dtype([(name, _packed(dtype.fields[name][0])) for name in dtype.names])


def _stream(
    source: Any,
    itemsize: int,
    header: dict[str, Any],
    dtype: str,
    raw: Any,
    reading: Reading,
    index: Any,
) -> Fingerprint:
    """Read a source by leading dimension, chunk after chunk, into both kinds of digest."""
    shape = tuple(int(size) for size in source.shape)
    if index is not None:
        shape = (len(index), *shape[1:])
    row_bytes = math.prod(shape[1:]) * itemsize
    num_bytes = math.prod(shape) * itemsize
    reading.expect(num_bytes)
    whole = hasher({**header, "shape": list(shape)})
    rows = RowDigests(row_bytes) if reading.rows and shape else None
    if not shape:
        whole.update(raw(source))
    elif row_bytes <= CHUNK_BYTES:
        step = CHUNK_BYTES // max(row_bytes, 8) or 1
        for start in range(0, shape[0], step):
            stop = min(start + step, shape[0])
            data = raw(source[start:stop] if index is None else source[index[start:stop]])
            whole.update(data)
            if rows is not None:
                rows.rows(data, stop - start)
    else:
        for place in range(shape[0]) if index is None else index:
            for data in _pieces(source[int(place)], itemsize, raw):
                whole.update(data)
                if rows is not None:
                    rows.piece(data)
    return Fingerprint(
        digest=whole.hexdigest(),
        kind=header["kind"],
        shape=shape,
        dtype=dtype,
        num_rows=shape[0] if shape else None,
        num_bytes=num_bytes,
        rows=None if rows is None else rows.values().astype("<u8").tobytes(),
    )


def _pieces(source: Any, itemsize: int, raw: Any) -> Iterator[Any]:
    """One large row in pieces, whatever its strides."""
    if _is_contiguous(source):
        source = source.reshape(-1)
    part_bytes = math.prod(source.shape[1:]) * itemsize
    if part_bytes > CHUNK_BYTES:
        for part in source:
            yield from _pieces(part, itemsize, raw)
        return
    step = CHUNK_BYTES // max(part_bytes, 1)
    for start in range(0, len(source), step):
        yield raw(source[start : start + step])


def _is_contiguous(source: Any) -> bool:
    flags = getattr(source, "flags", None)
    return bool(source.is_contiguous() if flags is None else flags.c_contiguous)
