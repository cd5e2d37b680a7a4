"""What differs between a run and the one before it, in a few words.

"lr 0.1 → 0.01", "seed 0 → 1", "cell edited".
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from nbtrack.records import RunInfo
from nbtrack.store import Store

_LONGEST_VALUE = 24


def changes(before: RunInfo | None, after: RunInfo) -> tuple[str, ...]:
    """What changed from one run to the next.

    Parameters
    ----------
    before : RunInfo or None
        The earlier run; None when there is none.
    after : RunInfo
        The later run.

    Returns
    -------
    tuple of str
        ``("first run",)`` without an earlier one, ``("nothing",)`` when all is equal.
    """
    if before is None:
        return ("first run",)
    old, old_shape = _literals(_source(before))
    new, new_shape = _literals(_source(after))
    named = {**_differing(old, new), **_differing(before.params, after.params)}
    found = [f"{name} {_show(a)} → {_show(b)}" for name, (a, b) in named.items()]
    for name in sorted(after.params.keys() - before.params.keys()):
        found.append(f"{name} {_show(after.params[name])}")
    for name in sorted(before.params.keys() - after.params.keys()):
        found.append(f"no {name}")
    if before.seed != after.seed:
        found.append(f"seed {_show(before.seed)} → {_show(after.seed)}")
    if old_shape != new_shape:
        found.append("cell edited")
    return tuple(found) or ("nothing",)


def previous(store: Store, info: RunInfo) -> RunInfo | None:
    """The run before this one, of the same notebook where there is one."""
    earlier = [other for other in store.runs.infos() if other.started_s < info.started_s]
    same = [other for other in earlier if other.notebook == info.notebook]
    return next(iter(same or earlier), None)


def lr_change(before: RunInfo | None, after: RunInfo) -> str | None:
    """The first learning rate that the optimizer used, where it differs and nothing named says so.

    A rate that is set in another cell, or computed, shows in no literal of the tracked cell.
    """
    if before is None or any(change.startswith("lr ") for change in after.changed):
        return None
    key = "lr/group0"
    old, new = (info.summary.get(key, {}).get("first") for info in (before, after))
    return None if old is None or new is None or old == new else f"lr {_show(old)} → {_show(new)}"


def _source(info: RunInfo) -> str:
    """The tracked cell without its magic lines, which say how to track and not what to run."""
    if not info.cells:
        return ""
    lines = info.cells[-1].source.splitlines()
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (old[name], new[name]) for name in new if name in old and old[name] != new[name]}


def _literals(source: str) -> tuple[dict[str, Any], str]:
    """The literals that have a name, and the shape of the code that is left without them."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}, source
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.keyword(arg=str(name)):
                pass
            case _:
                continue
        try:
            value = ast.literal_eval(node.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        # A name given two literals in one cell (Linear(bias=True), Linear(bias=False)) says nothing
        # on its own: leave it in the code's shape.
        if name in found and found[name] != value:
            continue
        found[name] = value
        node.value = ast.copy_location(ast.Constant(value=None), node.value)
    return found, ast.dump(tree)


def _show(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
