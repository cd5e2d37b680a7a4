"""A small sample of tensors on a GPU: one copy per device and kind of number, at a cell's end.

`p.data -= lr * p.grad` changes a tensor without counting a version, so a version is not enough.
"""

from __future__ import annotations

import sys
from typing import Any

_PIECES = 16  # elements of one tensor


class CudaSamples:
    """Collects tensors while objects are looked at, and reads all their samples together."""

    def __init__(self) -> None:
        self._parts: dict[Any, list[tuple[int, Any]]] = {}

    def add(self, number: int, thing: Any) -> None:
        """Keep a view of some elements of `thing` if it is a dense tensor on a GPU."""
        torch: Any = sys.modules.get("torch")
        tensor: Any = getattr(torch, "Tensor", ())
        if torch is None or not issubclass(type(thing), tensor):
            return
        if thing.device.type != "cuda" or thing.layout is not torch.strided or not thing.numel():
            return
        if not thing.is_contiguous() or torch.cuda.is_current_stream_capturing():
            return
        step = max(1, thing.numel() // _PIECES)
        view = thing.detach().view(-1)[::step][: _PIECES + 1]
        self._parts.setdefault((thing.device, thing.dtype), []).append((number, view))

    def read(self, table: Any) -> None:
        """Add the samples to the records of their tensors."""
        torch = sys.modules.get("torch")
        for parts in self._parts.values():
            assert torch is not None, "a tensor was met"
            try:
                values = torch.cat([view for _, view in parts]).cpu()
            except Exception:  # no memory left on the device: versions must do
                continue
            start = 0
            for number, view in parts:
                record, stop = table.get(number), start + view.numel()
                if record is not None:
                    piece = values[start:stop].contiguous().view(torch.uint8)
                    record.quick = (*record.quick, bytes(piece.tolist()))
                start = stop
