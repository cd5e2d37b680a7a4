"""Whether an object is, at a glance, the one that was read before, and unchanged.

Two equal keys of living objects say: the same objects, at the same place in memory, of the same
version where torch counts versions, and the same in a few dozen elements spread over them. That
takes microseconds. It does not see an edit of a few elements in a NumPy array, or through
``tensor.data``, that misses all of those; `is_counted` tells where torch's counter rules that out.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from nbtrack.versioning.contents.content import raw_bytes

_SAMPLES = 64
_MAX_MEMBERS = 64
_SMALL_BYTES = 2**14  # a NumPy array up to that is taken in full: 5 us
_PLAIN = (bool, int, float, str, bytes, range, type(None))

Key = tuple[Hashable, ...]


def quick_key(obj: Any) -> Key | None:
    """Something that is equal as long as an object is the same and, at a glance, unchanged.

    Parameters
    ----------
    obj : object
        A tensor, array, frame, data set, or a list or dict of at most 64 of these and of numbers
        and texts.

    Returns
    -------
    tuple or None
        Hashable; compare it with an earlier one by ``==`` while the object is alive. None when
        nothing can be told quickly.

    Notes
    -----
    About 10 us an array or tensor; no copy from another device, no synchronisation.
    """
    try:
        return _key(obj, 0)
    except Exception:
        return None


def is_counted(obj: Any) -> bool:
    """Whether torch's counter of versions sees every ordinary change of the object's content.

    So for tensors whose memory is torch's own, and for data sets, lists and dicts of nothing but
    such tensors, numbers and texts; not for what shares memory with NumPy, nor for inference
    tensors.
    """
    try:
        return all(_tensor_is_counted(part) for part in _leaves(obj, 0))
    except Exception:
        return False


class Memo:
    """What was found for objects that are still alive, by identity.

    Only for objects that can be referred to weakly: no lists, tuples or dicts.
    """

    def __init__(self) -> None:
        self._found: dict[int, tuple[weakref.ref[Any], Key | None, Any]] = {}

    def get(self, obj: Any) -> tuple[Key | None, Any] | None:
        """The key and the finding kept for an object; None if there are none."""
        entry = self._found.get(id(obj))
        if entry is None or entry[0]() is not obj:
            return None
        return entry[1], entry[2]

    def keep(self, obj: Any, key: Key | None, finding: Any) -> None:
        """Keep a finding while the object lives."""
        place = id(obj)
        found = self._found
        try:
            reference = weakref.ref(obj, lambda _: found.pop(place, None))
        except TypeError:
            return
        found[place] = (reference, key, finding)

    def __len__(self) -> int:
        return len(self._found)


def members_of(obj: Any) -> Mapping[str, Any] | None:
    """What a torch data set holds, by attribute; None for other objects."""
    utils = sys.modules.get("torch.utils.data")
    if utils is None or not isinstance(obj, utils.Dataset):
        return None
    return {
        name: value
        for name, value in vars(obj).items()
        if name != "__orig_class__" and not callable(value)
    }


def _key(obj: Any, depth: int) -> Key:
    torch, np = sys.modules.get("torch"), sys.modules.get("numpy")
    if type(obj) in _PLAIN:
        return (type(obj).__name__, obj)
    if torch is not None and isinstance(obj, torch.Tensor):
        return _tensor_key(obj, torch)
    if np is not None and isinstance(obj, np.ndarray):
        return _array_key(obj)
    if depth > 4:
        raise ValueError("too deep")
    fingerprint = getattr(obj, "_fingerprint", None)  # Hugging Face data sets do not change
    if isinstance(fingerprint, str):
        return (type(obj).__name__, id(obj), fingerprint)
    members = members_of(obj)
    if members is not None:
        kind = f"{type(obj).__module__}.{type(obj).__qualname__}"
        return (kind, id(obj), *_mapping_key(members, depth))
    if type(obj).__module__.startswith("pandas.") and hasattr(obj, "iloc"):
        raise ValueError("pandas keeps no version")
    if isinstance(obj, Mapping):
        return ("dict", id(obj), *_mapping_key(obj, depth))
    if isinstance(obj, (list, tuple)):
        if len(obj) > _MAX_MEMBERS:
            return ("list", id(obj), *_numbers_key(obj))
        return ("list", id(obj), *(_key(member, depth + 1) for member in obj))
    raise ValueError("unknown")


def _mapping_key(members: Mapping[Any, Any], depth: int) -> Iterator[Key]:
    if len(members) > _MAX_MEMBERS:
        raise ValueError("too many")
    for name, value in members.items():
        yield (name, _key(value, depth + 1))


def _numbers_key(numbers: Any) -> Key:
    """A long list of whole numbers: the index of a subset."""
    import array
    import zlib

    return (len(numbers), zlib.crc32(array.array("q", numbers)))


def _tensor_key(tensor: Any, torch: Any) -> Key:
    version = -1 if tensor.is_inference() else tensor._version
    key: Key = ("tensor", id(tensor), version, str(tensor.dtype), tuple(tensor.shape))
    if tensor.layout != torch.strided or tensor.device.type == "meta":
        return key
    key = (*key, tensor.data_ptr(), tensor.stride(), str(tensor.device))
    if tensor.device.type != "cpu" or tensor.is_quantized or not tensor.is_contiguous():
        return key
    flat = tensor.detach().reshape(-1)
    sampled = flat[:: max(1, len(flat) // _SAMPLES)]
    return (*key, raw_bytes(sampled).tobytes())


def _array_key(array: Any) -> Key:
    place = array.__array_interface__["data"][0]
    key: Key = ("array", id(array), place, array.dtype.str, array.shape, array.strides)
    if array.dtype.hasobject:
        raise ValueError("objects may change by themselves")
    if array.nbytes <= _SMALL_BYTES:
        return (*key, array.tobytes())
    if array.flags.c_contiguous:
        flat = array.reshape(-1)
        return (*key, flat[:: max(1, len(flat) // _SAMPLES)].tobytes())
    rows = array[:: max(1, len(array) // _SAMPLES)]
    middle = (slice(None), *(size // 2 for size in array.shape[1:]))
    return (*key, rows[middle].tobytes())


def _leaves(obj: Any, depth: int) -> Iterator[Any]:
    if type(obj) in _PLAIN:
        return
    members = members_of(obj)
    if isinstance(obj, Mapping):
        members = obj
    if members is not None:
        obj = list(members.values())
    if isinstance(obj, (list, tuple)):
        if len(obj) <= _MAX_MEMBERS and depth < 5:
            for member in obj:
                yield from _leaves(member, depth + 1)
            return
        if all(type(member) is int for member in obj):
            return
    yield obj


def _tensor_is_counted(obj: Any) -> bool:
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(obj, torch.Tensor) or obj.is_inference():
        return False
    if obj.layout != torch.strided:
        return False
    return obj.device.type != "cpu" or bool(obj.untyped_storage().resizable())
