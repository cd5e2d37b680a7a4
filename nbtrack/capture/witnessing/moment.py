"""The moment at which a cell was interrupted: where it was, and what its names held just then.

Nothing is counted while a cell runs, so a place alone does not tell which pass of a loop it was;
what the names held, the random state and the weights included, does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

from blake3 import blake3

_OWN = str(Path(__file__).parents[2])
_MOST_BYTES = 256 * 2**20  # of one name; 0.1 s
_MOST_ITEMS = 10_000
_CELL = "<cell>"

Place = list[Any]  # name of the code, file, and where in it


def moment_of(
    trace: TracebackType | None,
    namespace: Mapping[str, Any],
    names: Iterable[str],
    random: Mapping[str, str],
) -> dict[str, Any] | None:
    """Where an exception has left a cell, and what it left there.

    Parameters
    ----------
    trace : TracebackType or None
        Of the exception.
    namespace : mapping
        The notebook's names.
    names : iterable of str
        Those that the cell had bound or changed.
    random : mapping of str to str
        Digest of each source of randomness.

    Returns
    -------
    dict or None
        ``places``, outermost first, ``values`` and ``locals``, digests by name, and ``random``.
        None where the exception did not pass through code of the notebook.
    """
    places: list[Place] = []
    inner: FrameType | None = None
    while trace is not None:
        frame = trace.tb_frame
        is_cell = frame.f_globals is namespace
        if (places or is_cell) and not is_own(frame.f_code):
            places.append(
                place_of(frame, is_cell, position(frame.f_code, trace.tb_lasti, trace.tb_lineno))
            )
            inner = frame if is_cell else inner
        trace = trace.tb_next
    if inner is None:
        return None
    return {
        "places": places,
        "values": digests({name: namespace[name] for name in names if name in namespace}),
        "locals": {} if inner.f_locals is namespace else digests(inner.f_locals),
        "random": dict(random),
    }


def is_own(code: CodeType) -> bool:
    """Whether a code is nbtrack's: it may not be there when the cell is repeated."""
    return code.co_filename.startswith(_OWN)


def place_of(frame: FrameType, is_cell: bool, at: list[Any]) -> Place:
    """A place as two processes can compare it: cells have other file names in each."""
    code = frame.f_code
    return [code.co_name, _CELL if is_cell else Path(code.co_filename).name, at]


def position(code: CodeType, instruction: int, line: int) -> list[Any]:
    """Where in its text an instruction of a code stands; the line alone on Python 3.10."""
    positions = getattr(code, "co_positions", None)
    if positions is None:
        return [line]
    return list(next(each for at, each in enumerate(positions()) if at == instruction // 2))


def digests(values: Mapping[str, Any]) -> dict[str, str]:
    """A digest of each value that is made of plain values, arrays and tensors; the cheap first."""
    found = {}
    for name in sorted(values, key=lambda name: (not _is_cheap(values[name]), name)):
        digest = value_digest(values[name])
        if digest is not None:
            found[name] = digest
    return found


def value_digest(value: Any) -> str | None:
    """A digest of what a value holds; None where it cannot be told, or is too large."""
    hasher = blake3()
    try:
        return hasher.hexdigest()[:16] if _add(hasher, value, [_MOST_BYTES, _MOST_ITEMS]) else None
    except Exception:  # a class of the user that is no good mapping, a device that is gone
        return None


def _is_cheap(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


def _add(hasher: Any, value: Any, left: list[int]) -> bool:
    """Add a value to a digest; False where it has a part that is not told."""
    left[1] -= 1
    if left[1] < 0:
        return False
    if _is_cheap(value) or isinstance(value, (complex, bytes)):
        hasher.update(f"{type(value).__name__} {value!r};".encode())
        return True
    if isinstance(value, (list, tuple)):
        hasher.update(f"{type(value).__name__} {len(value)};".encode())
        return all(_add(hasher, each, left) for each in value)
    if isinstance(value, dict):
        hasher.update(f"dict {len(value)};".encode())
        return all(_add(hasher, part, left) for item in value.items() for part in item)
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return not value.dtype.hasobject and _add_bytes(hasher, value, left)
    if torch is None:
        return False
    if isinstance(value, torch.Tensor):
        array = value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
        grad = value.grad if value.is_leaf else None
        return _add_bytes(hasher, array, left) and (grad is None or _add(hasher, grad, left))
    if isinstance(value, torch.nn.Module):
        parts = [*value.named_parameters(), *value.named_buffers()]
        return all(_add(hasher, part, left) for pair in parts for part in pair)
    if isinstance(value, (torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)):
        return _add(hasher, value.state_dict(), left)
    return False


def _add_bytes(hasher: Any, array: Any, left: list[int]) -> bool:
    left[0] -= array.nbytes
    if left[0] < 0:
        return False
    hasher.update(f"{array.dtype} {array.shape};".encode())
    hasher.update(array.tobytes())
    return True
