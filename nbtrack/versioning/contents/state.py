"""The variables of a notebook, kept with a run and given back as they were.

What belongs together stays together: the parameters of the optimizer are those of the model, a
view shares memory with its array, a function sees the variables. Each tensor and array is a blob
of its own, so that runs which share one keep it once. Random states are kept elsewhere
(`nbtrack.capture.witnessing.randomness`).
"""

from __future__ import annotations

import importlib
import itertools
import struct
import sys
import types
import warnings
from collections.abc import Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from nbtrack.versioning.contents.memories import Memories, content_of, dumps, loads

if TYPE_CHECKING:
    from nbtrack.store import Blobs

_SMALL_BYTES = 2**10  # pieces of memory up to that lie together in one blob
_LONGEST_TEXT = 200
_LONGEST_LIST = 20
_LONGEST_REASON = 300


def keep_state(blobs: Blobs, values: Mapping[str, Any]) -> dict[str, Any]:
    """Put variables into the blobs.

    Parameters
    ----------
    blobs : Blobs
    values : mapping of str to object
        By name. Functions and classes of the notebook go by value.

    Returns
    -------
    dict
        Plain JSON, for `give_back_state`: ``digest`` (of the blob with the pickle), ``tensors``
        (per piece of memory ``{"digest", "num_bytes"}``), ``small`` (the blob of those up to
        1 KiB), ``names``, ``modules`` (variable: module to import) and ``left_out`` (variable:
        why it cannot be kept).

    Raises
    ------
    OSError
        If the store cannot be written.

    Notes
    -----
    Gradients are kept, the graph of autograd is not: a tensor that was computed comes back as a
    leaf. A view keeps the whole memory of the array or tensor that it is a part of. Changes
    nothing; copies from a GPU wait for it.
    """
    modules = {name: value for name, value in values.items() if isinstance(value, types.ModuleType)}
    others = {name: value for name, value in values.items() if name not in modules}
    left_out = {
        name: "a module that cannot be imported by its name"
        for name, module in modules.items()
        if sys.modules.get(module.__name__) is not module or module.__name__ == "__main__"
    }
    good, content, memories, reasons = _pickled(others, frozenset(values))
    small = [key for key, piece in memories.pieces.items() if _size(piece) <= _SMALL_BYTES]
    pieces = {
        key: {"digest": blobs.put(cast(bytes, content_of(piece))), "num_bytes": _size(piece)}
        for key, piece in memories.pieces.items()
        if key not in set(small)
    }
    return {
        "digest": blobs.put(content),
        "small": blobs.put(_packed({key: memories.pieces[key] for key in small})),
        "tensors": pieces,
        "names": good,
        "modules": {name: m.__name__ for name, m in modules.items() if name not in left_out},
        "left_out": {**left_out, **reasons},
    }


def give_back_state(
    blobs: Blobs, kept: Mapping[str, Any], namespace: MutableMapping[str, Any] | None = None
) -> dict[str, Any]:
    """The variables that `keep_state` put into the blobs.

    Parameters
    ----------
    blobs : Blobs
    kept : mapping
        What `keep_state` returned.
    namespace : dict, optional
        The notebook's: the variables are set in it, and it becomes the globals of the functions
        among them. By default a new one.

    Returns
    -------
    dict of str to object
        The variables by name, modules included. Those in ``kept["left_out"]`` are not there.

    Raises
    ------
    BlobNotFound
        If a blob is gone or damaged. Nothing was set then.
    ImportError, AttributeError
        If what a class is defined in is not there, or has changed. Nothing was set then.

    Notes
    -----
    Tensors come back on the device they were on if this machine has it, else on the CPU. A module
    that cannot be imported is left out with a warning.
    """
    target: MutableMapping[str, Any] = {"__name__": "__main__"} if namespace is None else namespace
    small = _unpacked(blobs.get(kept["small"]))

    def piece(key: str) -> bytes:
        return small[key] if key in small else blobs.get(kept["tensors"][key]["digest"])

    no_builtins = object()
    builtins = target.get("__builtins__", no_builtins)
    before = dict(target)
    try:
        values: dict[str, Any] = loads(blobs.get(kept["digest"]), piece, target)
    except BaseException:
        for name in [name for name in target if name not in before]:
            del target[name]
        target.update(before)
        raise
    if builtins is not no_builtins:
        target["__builtins__"] = builtins  # cloudpickle sets it for each function
    for name, module in kept["modules"].items():
        try:
            values[name] = importlib.import_module(module)
        except ImportError as error:
            warnings.warn(f"{name} was not given back: import {module}: {error}", stacklevel=2)
    target.update(values)
    return values


def small_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The variables whose value is short enough to be written down as it is.

    Parameters
    ----------
    values : mapping of str to object

    Returns
    -------
    dict
        Plain JSON: None, bools, numbers, texts of up to 200 characters, lists and dicts of up to
        20 of these; a tensor or array of one element is its number, infinities and NaN are texts.

    Notes
    -----
    The one element of a tensor on a GPU is waited for.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        try:
            found[name] = _plain(value, 0)
        except (TypeError, ValueError, RuntimeError):
            continue
    return found


def _pickled(
    values: Mapping[str, Any], names: frozenset[str]
) -> tuple[list[str], bytes, Memories, dict[str, str]]:
    """The names of what can be pickled, the pickle, its memory, and why the others cannot.

    All together first; if that fails, without those that fail alone; if that still does, those
    that can be added one after the other.
    """
    good, reasons = dict(values), dict[str, str]()
    if _why_not(good, names) is not None:
        for name, value in values.items():
            reason = _why_not({name: value}, names)
            if reason is not None:
                reasons[name] = reason
                del good[name]
        if _why_not(good, names) is not None:
            candidates, good = good, {}
            for name, value in candidates.items():
                reason = _why_not({**good, name: value}, names)
                if reason is None:
                    good[name] = value
                else:
                    reasons[name] = reason
    return list(good), *dumps(good, names), reasons


def _why_not(values: dict[str, Any], names: frozenset[str]) -> str | None:
    """Why these cannot be pickled; None if they can."""
    try:
        dumps(values, names)
    except Exception as error:
        lines = str(error).strip().splitlines()
        words = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        return words[:_LONGEST_REASON]
    return None


def _size(piece: Any) -> int:
    """Bytes of a piece of memory, as they are kept."""
    nbytes = getattr(piece, "nbytes", None)
    if nbytes is None:
        return len(content_of(piece))
    return int(nbytes() if callable(nbytes) else nbytes)


def _packed(pieces: Mapping[str, Any]) -> bytes:
    """Small pieces one after the other: how many; number and size of each; all their bytes."""
    contents = {int(key): bytes(content_of(piece)) for key, piece in pieces.items()}
    sizes = [number for key, data in contents.items() for number in (key, len(data))]
    head = struct.pack(f"<{1 + len(sizes)}q", len(contents), *sizes)
    return head + b"".join(contents.values())


def _unpacked(content: bytes) -> dict[str, bytes]:
    (count,) = struct.unpack_from("<q", content)
    numbers: Sequence[int] = struct.unpack_from(f"<{2 * count}q", content, 8)
    ends = list(itertools.accumulate(numbers[1::2], initial=8 + 16 * count))
    bounds = zip(numbers[::2], ends, ends[1:], strict=False)
    return {str(key): content[begin:end] for key, begin, end in bounds}


def _plain(value: Any, depth: int) -> Any:
    """A value as JSON; raises TypeError for what is too long or no plain value."""
    if value is None or isinstance(value, (bool, int)):
        return value if value is None or type(value) in (bool, int) else int(value)
    if isinstance(value, float):
        return float(value) if value - value == 0 else repr(float(value))
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT:
        return str(value)
    if isinstance(value, (list, tuple)) and len(value) <= _LONGEST_LIST and depth < 3:
        return [_plain(member, depth + 1) for member in value]
    if isinstance(value, Mapping) and len(value) <= _LONGEST_LIST and depth < 3:
        pairs = ((key, _plain(member, depth + 1)) for key, member in value.items())
        return {str(key): member for key, member in pairs}
    torch, np = sys.modules.get("torch"), sys.modules.get("numpy")
    if torch is not None and isinstance(value, torch.Tensor):
        if value.numel() == 1 and value.device.type != "meta":
            return _plain(value.detach().item(), depth)
    elif np is not None and isinstance(value, (np.ndarray, np.generic)) and value.size == 1:
        return _plain(value.item(), depth)
    raise TypeError(f"{type(value).__name__} is not written down")
