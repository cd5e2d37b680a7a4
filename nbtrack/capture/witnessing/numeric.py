"""Fingerprints of tensors, arrays, frames, modules and optimizers.

The libraries are taken from `sys.modules`: a type of theirs cannot exist before they do.
Every function returns the fields of `nbtrack.capture.witnessing.fingerprints.Look` as a tuple.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

from nbtrack.capture.witnessing.contents import (
    ARRAY_BYTES,
    TENSOR_BYTES,
    WHOLE_BYTES,
    Budget,
    digest,
    digest_strided,
    sample,
    sample_strided,
)
from nbtrack.capture.witnessing.kinds import attributes, is_a, is_plain

Fields = tuple[Any, ...]
_MAX_COLUMNS = 512  # of a frame that are looked at
_HOOKS = ("_hooks", "_hooks_with_kwargs", "_hooks_always_called")


def _nothing(thing: Any, is_deep: bool, budget: Budget) -> Fields:
    return ((), ())


def numeric_look(kind: type) -> Callable[[Any, bool, Budget], Fields] | None:
    """How objects of this type are looked at; None when they are of no numeric library."""
    torch, numpy, pandas = (sys.modules.get(name) for name in ("torch", "numpy", "pandas"))
    if issubclass(kind, random.Random) or _is_source(kind, torch, numpy):
        return _nothing  # its state is reported as randomness
    if torch is not None and hasattr(torch, "Tensor"):
        if issubclass(kind, torch.Tensor):
            return _tensor
        if hasattr(torch, "nn") and issubclass(kind, torch.nn.Module):
            return _module
        if hasattr(torch, "optim") and issubclass(kind, torch.optim.Optimizer):
            return _optimizer
    if numpy is not None and hasattr(numpy, "ndarray") and issubclass(kind, numpy.ndarray):
        return _array
    if pandas is not None and hasattr(pandas, "DataFrame"):
        if issubclass(kind, (pandas.DataFrame, pandas.Series)):
            return _frame
        if issubclass(kind, pandas.Index):
            return _index
    return None


def _is_source(kind: type, torch: Any, numpy: Any) -> bool:
    """Whether it is a generator of random numbers."""
    sources = [getattr(torch, "Generator", None)]
    if "numpy.random" in sys.modules and numpy is not None:
        sources += [numpy.random.Generator, numpy.random.RandomState, numpy.random.BitGenerator]
    return any(isinstance(source, type) and issubclass(kind, source) for source in sources)


# ---- tensors ------------------------------------------------------------------------------------


def _version(tensor: Any) -> int:
    """The count of in-place changes; an inference tensor has none and raises."""
    return -1 if tensor.is_inference() else int(tensor._version)


def _tensor(tensor: Any, is_deep: bool, budget: Budget) -> Fields:
    torch = sys.modules["torch"]
    if is_a(tensor, torch.nn.parameter.UninitializedTensorMixin):
        return (("no shape yet",), ())
    shape, gradient = tuple(tensor.shape), None
    # Of a tensor inside a graph, asking for the gradient would warn.
    if tensor.requires_grad and tensor.is_leaf and tensor.grad is not None:
        gradient = (id(tensor.grad), _version(tensor.grad))
    state = (shape, tensor.dtype, tensor.device, tensor.requires_grad, _version(tensor), gradient)
    kind, inside = type(tensor), ()
    if kind is not torch.Tensor and kind is not torch.nn.Parameter:
        inside = tuple(x for x in attributes(tensor).values() if not is_plain(type(x)))
    has_memory = kind.__torch_dispatch__ is torch.Tensor.__torch_dispatch__
    if not has_memory or tensor.layout is not torch.strided:
        return (state, None, inside)
    address = tensor.data_ptr()
    item, steps = tensor.element_size(), tensor.stride()
    num_bytes = tensor.numel() * item
    if tensor.device.type != "cpu" or not address or not num_bytes:
        return ((*state, address), None, inside)
    steps = tuple(step * item for step in steps)
    reach = item + sum((size - 1) * step for size, step in zip(shape, steps, strict=True))
    storage = tensor.untyped_storage()
    if address + reach > storage.data_ptr() + storage.nbytes():  # it has been taken away beneath
        return ((*state, address), None, inside)
    spans = ((address, address + reach),)
    may = num_bytes > WHOLE_BYTES and _may(num_bytes, TENSOR_BYTES, is_deep, budget)
    if tensor.is_contiguous():
        quick = sample(address, num_bytes)
        full: Any = digest(address, num_bytes) if may else None
    else:
        quick = sample_strided(address, shape, steps, item)
        full = digest_strided(address, shape, steps, item) if may else None
    if num_bytes <= WHOLE_BYTES and tensor.is_contiguous():
        full = ()
    return ((*state, address, steps, quick), full, inside, spans)


def _may(num_bytes: int, most: int, is_deep: bool, budget: Budget) -> bool:
    return is_deep and num_bytes <= most and budget.take(num_bytes)


def _unless_whole(full: Any, is_deep: bool, budget: Budget) -> str | None:
    """The word for contents of which only a sample was compared, where the cell may touch them."""
    if full is not None or not is_deep:
        return None
    budget.num_sampled += 1
    return "part"


def _module(module: Any, is_deep: bool, budget: Budget) -> Fields:
    """Parameters, buffers, submodules and attributes of its own; hooks are left out."""
    own = {k: v for k, v in attributes(module).items() if not k.endswith(_HOOKS)}
    held: dict[str, Any] = {}
    for group in ("_parameters", "_buffers", "_modules"):
        members = own.pop(group, None)
        if is_a(members, dict):
            held.update((f"{group}.{k}", v) for k, v in dict.items(members))
    held.update(own)
    return _held(held)


def _held(held: dict[str, Any]) -> Fields:
    values = held.values()
    quick = (tuple(held), tuple(x if is_plain(type(x)) else id(x) for x in values))
    return (quick, (), [x for x in values if not is_plain(type(x))])


def _optimizer(optimizer: Any, is_deep: bool, budget: Budget) -> Fields:
    """Groups and attributes are followed; of the state, sizes and versions are compared."""
    torch = sys.modules["torch"]
    own = {k: v for k, v in attributes(optimizer).items() if not k.endswith(_HOOKS)}
    state = own.pop("state", {})
    marks: list[Any] = []
    for parameter, kept in list(dict.items(state)) if is_a(state, dict) else []:
        marks.append(id(parameter))
        for name, value in list(kept.items()) if type(kept) is dict else []:
            if is_a(value, torch.Tensor):
                marks += (name, id(value), _version(value))
            else:
                marks += (name, value if is_plain(type(value)) else id(value))
    quick, full, inside = _held(own)
    return ((quick, tuple(marks)), full, inside)


# ---- arrays and frames --------------------------------------------------------------------------


def _array(array: Any, is_deep: bool, budget: Budget) -> Fields:
    """An array of any kind; of objects, the elements are followed."""
    numpy = sys.modules["numpy"]
    ndarray = numpy.ndarray
    shape, strides = ndarray.shape.__get__(array), ndarray.strides.__get__(array)
    dtype, flags = ndarray.dtype.__get__(array), ndarray.flags.__get__(array)
    address = ndarray.__array_interface__.__get__(array)["data"][0]
    item, num_bytes = dtype.itemsize, ndarray.nbytes.__get__(array)
    inside: list[Any] = []
    if type(array) is not ndarray:
        inside = [x for x in attributes(array).values() if not is_plain(type(x))]
    if dtype.kind == "O" and type(array) is ndarray and array.size <= 1000:
        elements = array.ravel().tolist()
        inside += [x for x in elements if not is_plain(type(x))]
    state = (shape, strides, dtype.str, flags.writeable, address)
    # A memory map is on a disk: reading all of it could take seconds.
    may = (
        num_bytes > WHOLE_BYTES
        and not is_a(array, numpy.memmap)
        and _may(num_bytes, ARRAY_BYTES, is_deep, budget)
    )
    if flags.c_contiguous or flags.f_contiguous:
        quick = sample(address, num_bytes)
        full: Any = digest(address, num_bytes) if may else None
        if num_bytes <= WHOLE_BYTES:
            full = ()
        unseen = _unless_whole(full, is_deep, budget)
        return ((*state, quick), full, inside, ((address, address + num_bytes),), unseen)
    quick = sample_strided(address, shape, strides, item)
    full = digest_strided(address, shape, strides, item) if may else None
    reach = [(size - 1) * step for size, step in zip(shape, strides, strict=True)]
    start = address + sum(min(0, step) for step in reach)
    end = address + item + sum(max(0, step) for step in reach)
    unseen = _unless_whole(full, is_deep, budget)
    return ((*state, quick), full, inside, ((start, end),), unseen)


def _frame(frame: Any, is_deep: bool, budget: Budget) -> Fields:
    """A DataFrame or Series, column by column: reading a frame may join its blocks in place."""
    manager = frame._mgr
    columns: dict[int, Any] = {}
    fulls: list[Any] = []
    spans: list[tuple[int, int]] = []
    for block in manager.blocks:
        values = block.values
        places = list(block.mgr_locs)[:_MAX_COLUMNS] if values.ndim > 1 else block.mgr_locs[:1]
        for row, place in enumerate(places):
            quick, full, span = _column(values[row] if values.ndim > 1 else values, is_deep, budget)
            columns[place] = quick
            fulls.append((place, full) if full is not None else None)
            spans += span
    axes = tuple((id(axis), len(axis), _index(axis, is_deep, budget)[0]) for axis in manager.axes)
    quick = (axes, tuple(sorted(columns)), tuple(columns[k] for k in sorted(columns)))
    num_columns = 1 if len(manager.axes) == 1 else len(manager.axes[0])
    is_whole = None not in fulls and len(fulls) == num_columns
    attrs = attributes(frame).get("_attrs")
    whole = tuple(sorted(fulls)) if is_whole else None
    unseen = _unless_whole(whole, is_deep, budget)
    return (quick, whole, [attrs] if attrs else [], spans, unseen)


def _column(column: Any, is_deep: bool, budget: Budget) -> tuple[Any, Any, Any]:
    """What it holds, wherever that lies: quick and full fingerprint, and its memory."""
    numpy = sys.modules["numpy"]
    data = column
    if not isinstance(column, numpy.ndarray):
        own = attributes(column)
        arrow = own.get("_pa_array")
        if arrow is not None:  # immutable: a change puts another one in its place
            return (len(arrow), str(arrow.type), _addresses(arrow)), (), ()
        # Dates, categories and strings; nullable numbers. Attributes of classes written in C.
        data = getattr(column, "_ndarray", own.get("_data"))
        if not isinstance(data, numpy.ndarray):
            return (type(column).__name__, id(column)), None, ()
    quick, full, _, spans, _ = _array(data, is_deep, budget)
    contents = quick[-1]
    mask = None if data is column else attributes(column).get("_mask")
    if isinstance(mask, numpy.ndarray):
        contents = (contents, _array(mask, is_deep, budget)[0][-1])
    return (quick[0], quick[2], contents), full, spans


def _addresses(arrow: Any) -> tuple[int, ...]:
    chunks = arrow.chunks[:16]
    return tuple(b.address for chunk in chunks for b in chunk.buffers() if b is not None)


def _index(index: Any, is_deep: bool, budget: Budget) -> Fields:
    """Immutable but for its name."""
    name = attributes(index).get("_name")
    return ((name if is_plain(type(name)) else id(name),), ())
