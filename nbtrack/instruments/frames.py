"""Who called: the user's frame behind torch's and ours, and the names that it gives to objects."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any

_OURS = str(Path(__file__).resolve().parent.parent) + os.sep
_BETWEEN = (contextlib.__file__, functools.__file__, __file__)
_between: dict[str, bool] = {}

_PLAIN = frozenset(
    {int, float, complex, bool, str, bytes, type(None), type, ModuleType, FunctionType}
)

# IPython's own bookkeeping in the user's namespace holds old results under other names.
_BOOKKEEPING = frozenset({"In", "Out", "exit", "quit", "get_ipython", "open"})


def is_between(filename: str) -> bool:
    """Whether code of this file stands between the user and us: torch, nbtrack, wrappers."""
    known = _between.get(filename)
    if known is not None:
        return known
    torch = sys.modules.get("torch")
    home = getattr(torch, "__file__", None)
    found = filename.startswith(_OURS) or filename in _BETWEEN
    if home and filename.startswith(str(Path(home).parent) + os.sep):
        found = True
    if torch is not None or found:  # before torch is there, the answer may yet change
        _between[filename] = found
    return found


def calling_frame() -> FrameType | None:
    """The innermost frame that is neither torch's nor ours; None from a bare engine thread."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        between = _between.get(filename)
        if not (is_between(filename) if between is None else between):
            break
        frame = frame.f_back
    return frame


def outer_frames(frame: FrameType | None, limit: int = 40) -> Iterator[FrameType]:
    """`frame` and its callers up to the cell's or script's own code, torch's and ours left out."""
    for _ in range(limit):
        if frame is None:
            return
        if not is_between(frame.f_code.co_filename):
            yield frame
        if is_top_level(frame):
            return
        frame = frame.f_back


def is_top_level(frame: FrameType) -> bool:
    """Whether this frame runs a cell, a module or a script."""
    name = frame.f_code.co_name
    return name == "<module>" or name.startswith("<cell line")


def locals_of(frame: FrameType) -> Mapping[str, Any]:
    """The local variables of a frame, leaving nothing alive behind.

    Before Python 3.13, looking at ``f_locals`` of a function leaves a copy of its variables in
    the frame for as long as the function runs: its model, the graph of the loss at that moment.
    So all but plain values are taken out of that copy again. (Plain values stay: `locals`, which
    people use to collect hyper-parameters, gives the same dict.)
    """
    found = frame.f_locals
    if sys.version_info >= (3, 13) or not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        return found
    copied = dict(found)
    for name, value in copied.items():
        if not _is_plain(value):
            found.pop(name, None)
    return copied


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind in (list, tuple):
        return all(type(member) in _PLAIN for member in value[:8])
    if kind is dict:
        return all(type(member) in _PLAIN for member in list(value.values())[:8])
    return kind in _PLAIN


def scopes(frame: FrameType | None, namespace: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The namespaces a name of the user may live in, nearest first, each once.

    Locals (free variables of closures included) of each calling frame, then the globals of
    those frames, then the notebook's namespace.
    """
    seen: set[int] = set()
    later: list[Mapping[str, Any]] = []
    for outer in outer_frames(frame):
        if not is_top_level(outer):
            yield locals_of(outer)
        if id(outer.f_globals) not in seen:
            seen.add(id(outer.f_globals))
            later.append(outer.f_globals)
    if id(namespace) not in seen:
        later.append(namespace)
    yield from later


def plain_items(scope: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The names of a scope that a person gave: no leading underscore, no IPython bookkeeping."""
    for _ in range(3):
        try:
            return [
                (name, value)
                for name, value in list(scope.items())
                if isinstance(name, str) and name[:1] != "_" and name not in _BOOKKEEPING
            ]
        except RuntimeError:  # another thread defined a name meanwhile
            continue
    return []


def name_of(value: object, frame: FrameType | None, depth: int = 3) -> str | None:
    """The variable that `value` is bound to in `frame` or one of its next callers."""
    for outer in outer_frames(frame, limit=depth):
        for name, bound in plain_items(locals_of(outer)):
            if bound is value:
                return name
    return None
