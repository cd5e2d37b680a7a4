"""What cells show as their value, and who reads it as ``_``, ``_3`` or ``Out[3]``."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace

from nbtrack.capture.slicing.lineage import Step

_READS = re.compile(r"reads (?:Out\[(\d+)\]|_(\d*))")


def with_results(steps: Sequence[Step], cells: Sequence[tuple[int | None, str]]) -> list[Step]:
    """The same steps, with the values of cells as names: ``Out[3]``, and ``Out`` for the newest.

    Parameters
    ----------
    steps : sequence of Step
    cells : sequence of (int or None, str)
        The execution count and the plain Python of each.
    """
    wanted = {name for step in steps for name in _read(step)}
    if not wanted:
        return list(steps)
    return [
        _with(step, _read(step), _given(count, code) & wanted)
        for step, (count, code) in zip(steps, cells, strict=True)
    ]


def _read(step: Step) -> frozenset[str]:
    found = (match for reason in step.names.opaque if (match := _READS.fullmatch(reason)))
    return frozenset(
        f"Out[{match[1] or match[2]}]" if match[1] or match[2] else "Out" for match in found
    )


def _given(count: int | None, code: str) -> frozenset[str]:
    """The names of the value that a cell shows; a cell that shows none may still be asked for."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError):
        body = []
    shows = bool(body) and isinstance(body[-1], ast.Expr) and not code.rstrip().endswith(";")
    return frozenset({"Out", f"Out[{count}]"} if shows else ())


def _with(step: Step, read: frozenset[str], given: frozenset[str]) -> Step:
    needs = step.names.reads.keys() if step.needs is None else step.needs
    rebound = step.names.binds if step.rebound is None else step.rebound
    if not read and not given:
        return step
    return replace(step, needs=frozenset(needs) | read, rebound=frozenset(rebound) | given)
