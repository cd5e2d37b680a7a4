"""What training made: a digest of every tensor of models and optimizers, and the tensors in blobs.

The digest of a tensor is the one that a store gives to its raw bytes (little-endian, in the order
of its elements), with type and shape beside it: two runs that share a tensor share the blob.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from nbtrack.versioning.contents.content import (
    CHUNK_BYTES,
    canonical_json,
    quantized_parts,
    raw_bytes,
    sparse_parts,
)

if TYPE_CHECKING:
    import torch

    from nbtrack.store import Blobs

_WRAPPERS = {  # what wraps a module, and the name that it has inside
    "OptimizedModule": "_orig_mod",
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "FullyShardedDataParallel": "_fsdp_wrapped_module",
    "CheckpointWrapper": "_checkpoint_wrapped_module",
    "AveragedModel": "module",
}
_DEEPEST = 16


def weight_digests(objects: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The digest of every tensor of some models, optimizers and plain tensors.

    Parameters
    ----------
    objects : mapping of str to Module, Optimizer, Tensor or a list or dict of tensors
        By the names they are to be known by.

    Returns
    -------
    dict of str to dict
        In order: ``{"model/0.weight": {"digest", "dtype", "shape"}, ...}``: parameters and
        buffers (those that a state dict leaves out too) by module;
        ``"optimizer/state/0/exp_avg"`` by the position of the parameter in its groups;
        ``"optimizer/groups/0"``, dtype "json", the group's plain values, which stand beside as
        ``"values"``. Names are free of what torch.compile and DDP put in between. A tensor with
        two names is listed under both.

    Notes
    -----
    Cost: 3 GB/s or more, one core; a copy from the GPU of one chunk after the other, which waits
    for the device: once, after training. Parameters that are not initialised yet, and shards of
    other processes, are not listed. Changes nothing, draws no random number.
    """
    return _listed(objects, None)


def keep_weights(blobs: Blobs, objects: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Put every tensor into the blobs.

    Parameters
    ----------
    blobs : Blobs
    objects : mapping
        As `weight_digests`.

    Returns
    -------
    dict of str to dict
        As `weight_digests`; each digest is that of a blob. `kept_tensor` reads one back.

    Raises
    ------
    OSError
        If the store cannot be written.
    """
    return _listed(objects, blobs)


def kept_tensor(blobs: Blobs, kept: Mapping[str, Any]) -> torch.Tensor:
    """A tensor that `keep_weights` put into the blobs, on the CPU.

    Parameters
    ----------
    blobs : Blobs
    kept : mapping
        What `keep_weights` says of the tensor.

    Raises
    ------
    BlobNotFound
        If the blob is gone or damaged.
    ValueError
        If it is the plain values of an optimizer's group, not a tensor.
    """
    import torch

    dtype = getattr(torch, kept["dtype"], None)
    if not isinstance(dtype, torch.dtype):
        raise ValueError(f"{kept['dtype']!r} is no dtype of torch: these are no tensor's bytes")
    data = torch.frombuffer(bytearray(blobs.get(kept["digest"])) or bytearray(1), dtype=torch.uint8)
    tensor = torch.empty(tuple(kept["shape"]), dtype=dtype, device="cpu")
    if tensor.numel():
        tensor.view(-1).view(torch.uint8).copy_(data)
    return tensor


def combined_digest(digests: Mapping[str, Mapping[str, Any]]) -> str:
    """One digest of all: equal if and only if names, types, shapes and contents are.

    Parameters
    ----------
    digests : mapping
        As `weight_digests` gives it, in any order.
    """
    from blake3 import blake3

    listed = {
        name: [each["digest"], each["dtype"], each["shape"]] for name, each in digests.items()
    }
    return str(blake3(canonical_json(listed)).hexdigest())


def first_difference(
    a: Mapping[str, Mapping[str, Any]], b: Mapping[str, Mapping[str, Any]]
) -> tuple[str, str] | None:
    """The first tensor that differs between two sets of weights, and how.

    Parameters
    ----------
    a, b : mapping
        As `weight_digests` gives it.

    Returns
    -------
    tuple of str, or None
        Its name in the order of `a` (then of `b`) and the difference in words; None if all is
        equal.
    """
    for name, ours in a.items():
        theirs = b.get(name)
        if theirs is None:
            return name, "only in the first"
        if ours["dtype"] != theirs["dtype"]:
            return name, f"{ours['dtype']} → {theirs['dtype']}"
        if list(ours["shape"]) != list(theirs["shape"]):
            return name, f"shape {_shape(ours)} → {_shape(theirs)}"
        if ours["digest"] != theirs["digest"]:
            return name, _value_difference(ours, theirs)
    return next(((name, "only in the second") for name in b if name not in a), None)


def tensors_of(objects: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The tensors of some models, optimizers and plain tensors by name, and dicts of plain values.

    Parameters
    ----------
    objects : mapping
        As `weight_digests`.
    """
    import torch

    for name, obj in objects.items():
        if isinstance(obj, torch.nn.Module):
            yield from _of_module(obj, f"{name}/", 0)
        elif isinstance(obj, torch.optim.Optimizer):
            yield from _of_optimizer(obj, name)
        else:
            yield from _of_value(obj, name, 0)


def _shape(kept: Mapping[str, Any]) -> str:
    return "×".join(map(str, kept["shape"])) or "()"


def _value_difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    before, after = ours.get("values") or {}, theirs.get("values") or {}
    changed = [
        f"{name} {before.get(name)} → {after.get(name)}"
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    ]
    return ", ".join(changed) or "other values"


def _listed(objects: Mapping[str, Any], blobs: Blobs | None) -> dict[str, dict[str, Any]]:
    import torch

    found: dict[str, dict[str, Any]] = {}
    known: dict[int, tuple[Any, dict[str, Any]]] = {}  # with the tensor: its id is not used again
    with torch.no_grad():
        for name, value in tensors_of(objects):
            if isinstance(value, dict):
                content = canonical_json(value)
                digest = _digest(content) if blobs is None else blobs.put(content)
                found[name] = {"digest": digest, "dtype": "json", "shape": [], "values": value}
                continue
            if id(value) not in known:
                entry = {
                    "digest": _tensor_digest(value) if blobs is None else _put(blobs, value),
                    "dtype": str(value.dtype).removeprefix("torch."),
                    "shape": list(value.shape),
                }
                known[id(value)] = value, entry
            found[name] = dict(known[id(value)][1])
    return found


def _digest(content: bytes) -> str:
    from blake3 import blake3

    return str(blake3(content).hexdigest())


def _tensor_digest(tensor: torch.Tensor) -> str:
    from blake3 import blake3

    whole = blake3()
    for data in _chunks(tensor):
        whole.update(data)
    return str(whole.hexdigest())


def _put(blobs: Blobs, tensor: torch.Tensor) -> str:
    return blobs.put(cast(bytes, memoryview(raw_bytes(tensor))))


def _chunks(tensor: torch.Tensor) -> Iterator[Any]:
    """The bytes of a tensor, 16 MiB at a time where it is contiguous."""
    tensor = tensor.detach()
    if tensor.is_cpu or not tensor.is_contiguous():
        yield raw_bytes(tensor)
        return
    flat = tensor.reshape(-1)
    step = CHUNK_BYTES // flat.element_size()
    for start in range(0, len(flat), step):
        yield raw_bytes(flat[start : start + step])


def _of_module(module: Any, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
        yield from _of_value(tensor, f"{prefix}{name}", 0)
    inner = _WRAPPERS.get(type(module).__name__)
    for name, child in module._modules.items():
        if child is not None and depth < 100:
            below = prefix if name == inner else f"{prefix}{name}."
            yield from _of_module(child, below, depth + 1)


def _of_optimizer(optimizer: Any, name: str) -> Iterator[tuple[str, Any]]:
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    for place, parameter in enumerate(parameters):
        state = optimizer.state.get(parameter)
        if state:
            yield from _of_values(state, f"{name}/state/{place}")
    for place, group in enumerate(optimizer.param_groups):
        rest = {key: value for key, value in group.items() if key != "params"}
        yield from _of_values(rest, f"{name}/groups/{place}")


def _of_values(values: Mapping[Any, Any], name: str) -> Iterator[tuple[str, Any]]:
    """The tensors among some values each by itself, the plain ones together."""
    import torch

    plain: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, torch.Tensor) or _holds_tensors(value):
            yield from _of_value(value, f"{name}/{key}", 0)
        else:
            plain[str(key)] = _plain(value)
    if plain:
        yield name, plain


def _of_value(value: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    """A tensor, or those in a list or dict; of an unusual one the strided parts."""
    import torch

    if isinstance(value, torch.Tensor):
        yield from _of_tensor(value, name)
    elif depth < _DEEPEST and isinstance(value, Mapping):
        for key, member in value.items():
            yield from _of_value(member, f"{name}/{key}", depth + 1)
    elif depth < _DEEPEST and isinstance(value, (list, tuple)):
        for place, member in enumerate(value):
            yield from _of_value(member, f"{name}/{place}", depth + 1)
    elif depth < _DEEPEST and isinstance(value, (torch.nn.Module, torch.optim.Optimizer)):
        yield from tensors_of({name: value})


def _of_tensor(tensor: Any, name: str) -> Iterator[tuple[str, Any]]:
    import torch

    if tensor.is_nested or tensor.device.type == "meta" or hasattr(tensor, "materialize"):
        return  # no content, or not yet: a lazy module's parameter
    if hasattr(tensor, "to_local"):  # a DTensor: this process has a shard of it
        yield f"{name}/shard", tensor.to_local()
    elif tensor.is_quantized:
        for part, values in quantized_parts(tensor).items():
            yield f"{name}/{part}", values
    elif tensor.layout != torch.strided:
        for part, values in sparse_parts(tensor.detach()).items():
            yield f"{name}/{part}", values
    else:
        yield name, tensor


def _holds_tensors(value: Any, depth: int = 0) -> bool:
    import torch

    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, (list, tuple)) or depth > _DEEPEST:
        return isinstance(value, torch.Tensor)
    return any(_holds_tensors(member, depth + 1) for member in value)


def _plain(value: Any) -> Any:
    """A value that JSON can write; numbers that it cannot, and other objects, by their text."""
    if isinstance(value, float) and value - value != 0:
        return repr(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    return f"{type(value).__module__}.{type(value).__qualname__}"
