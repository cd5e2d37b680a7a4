"""Norms of many tensors in one pass, with no device sync and no trace in the training.

On the CPU the values are Python floats at once; on a device they stay there, as one 1-d tensor
per device. Nothing here draws random numbers, writes to a tensor of the user or builds a graph.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Value = Any  # float, or a tensor of shape () on a device
# One (device, dtype): which of the tensors, and their norms: list of float or 1-d Tensor.
Part = tuple[Sequence[int], Any]

_DENSE_LIMIT = 16 * 2**20  # elements of a sparse gradient made dense on a device


def norms(tensors: list[Tensor]) -> list[Part]:
    """The Euclidean norm of each tensor, one fused pass per device and dtype.

    Parameters
    ----------
    tensors : list of Tensor
        Dense or sparse COO, real or complex, any shape, on any devices. Half types are summed
        in float32. Sparse ones are coalesced on a copy; where a device would have to sync for
        that and they are too large to be made dense, they are left out.

    Returns
    -------
    list of (indices, values)
        `values` is a list of float for tensors on the CPU, else a 1-d Tensor on their device.

    Notes
    -----
    On the CPU about 2 us a tensor and one pass over the memory.
    """
    import torch

    if not tensors:
        return []
    with torch.no_grad():
        if _all_plain(tensors):
            return [(range(len(tensors)), _stacked(torch._foreach_norm(tensors), True))]
        return _norms_by_kind(tensors)


def _norms_by_kind(tensors: list[Tensor]) -> list[Part]:
    import torch

    groups: dict[tuple[torch.device, torch.dtype], tuple[list[int], list[Tensor]]] = {}
    for index, tensor in enumerate(tensors):
        dense = _dense(tensor)
        if dense is None:
            continue
        indices, members = groups.setdefault((dense.device, dense.dtype), ([], []))
        indices.append(index)
        members.append(dense)
    parts: list[Part] = []
    for (device, dtype), (indices, members) in groups.items():
        half = dtype in (torch.float16, torch.bfloat16)
        found = torch._foreach_norm(members, 2, dtype=torch.float32 if half else None)
        parts.append((indices, _stacked(found, device.type == "cpu")))
    return parts


def _all_plain(tensors: Sequence[Tensor]) -> bool:
    """Whether these are ordinary float32 tensors on the CPU, by far the most frequent case."""
    import torch

    plain, strided = torch.float32, torch.strided
    return all(
        tensor.is_cpu and tensor.dtype is plain and tensor.layout is strided for tensor in tensors
    )


def _stacked(found: Iterable[Tensor], on_cpu: bool) -> Any:
    import torch

    stacked = torch.stack(list(found))
    return stacked.tolist() if on_cpu else stacked


def _dense(tensor: Tensor) -> Tensor | None:
    """A strided tensor of the same norm; None where that cannot be had without a sync."""
    import torch

    local = getattr(tensor, "_local_tensor", None)  # a DTensor: this rank's shard, no collective
    if local is not None:
        tensor = local
    if tensor.is_quantized or not (tensor.is_floating_point() or tensor.is_complex()):
        return None
    if tensor.layout is torch.strided:
        return tensor.detach()
    if tensor.layout is not torch.sparse_coo:
        return tensor.detach().values()  # compressed layouts hold no duplicates
    tensor = tensor.detach()
    if tensor.is_coalesced() or tensor.is_cpu:
        return tensor.coalesce().values()
    # coalesce() on a device waits for the number of distinct indices; index_add_ does not.
    if tensor.sparse_dim() != 1 or tensor.numel() > _DENSE_LIMIT:
        return None
    dense = torch.zeros(tensor.shape, dtype=tensor.dtype, device=tensor.device)
    return dense.index_add_(0, tensor._indices()[0], tensor._values())


def total(parts: Sequence[Part]) -> Value:
    """The norm of all tensors together, as if they were one long vector.

    Returns
    -------
    float or Tensor of shape ()
        A float when everything was on the CPU, else a tensor on the first device. 0.0 for none.
    """
    import torch

    squares = 0.0
    on_device: Any = None
    for _, values in parts:
        if isinstance(values, list):
            squares += sum(map(operator.mul, values, values))
            continue
        square = torch.linalg.vector_norm(values).square()
        if on_device is None:
            on_device = square
        else:
            on_device = on_device + square.to(on_device.device, non_blocking=True)
    if on_device is None:
        return math.sqrt(squares)  # of inf: inf, of NaN: NaN
    return (on_device + squares).sqrt()


def _all_finite(values: list[float]) -> bool:
    return math.isfinite(sum(values))


def scaled(parts: Sequence[Part], factor: Value) -> list[Part]:
    """Every norm times `factor`, a float or a tensor of one element on any device."""
    changed: list[Part] = []
    for indices, values in parts:
        if isinstance(values, list):
            times = float(factor)
            changed.append((indices, [value * times for value in values]))
        elif isinstance(factor, float):
            changed.append((indices, values * factor))
        else:
            changed.append((indices, values * factor.to(values.device, non_blocking=True)))
    return changed


def ratios(upper: Sequence[Part], lower: Sequence[Part]) -> list[Part]:
    """Norm by norm, `upper` over `lower`, which come from the same tensors in the same order."""
    found: list[Part] = []
    for (indices, above), (_, below) in zip(upper, lower, strict=True):
        if isinstance(above, list):
            found.append((indices, [ratio(a, b) for a, b in zip(above, below, strict=True)]))
        else:
            found.append((indices, above / below))
    return found


def ratio(upper: Value, lower: Value) -> Value:
    """``upper / lower``; like tensors do, inf or nan where `lower` is zero."""
    if isinstance(lower, float) and isinstance(upper, float) and lower == 0.0:
        return math.inf if upper > 0.0 else math.nan
    return upper / lower


def nonfinite(parts: Sequence[Part]) -> Value:
    """How many of the norms are NaN or infinite: an int-valued float, or a tensor of shape ()."""
    count = 0.0
    on_device: Any = None
    for _, values in parts:
        if isinstance(values, list):
            if not _all_finite(values):
                count += sum(not math.isfinite(value) for value in values)
            continue
        here = (values - values).ne(0).sum(dtype=values.dtype)  # x - x is 0, but NaN for inf, NaN
        on_device = here if on_device is None else on_device + here.to(on_device.device)
    return count if on_device is None else on_device + count
