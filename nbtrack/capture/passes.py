"""The outermost loops of a tracked cell, told before each of their passes.

Between two passes of a loop at the top level of a cell, all state is in the notebook's names: it
can be kept, and the cell gone on with from there. A loop inside a function has state in that
function's frame, which nothing can put back.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

PASSES = "__nbtrack_passes__"
PASS = "__nbtrack_pass__"


class LoopListener(Protocol):
    """What is told of the loops of a cell."""

    def entering(self, loop: int) -> int:
        """A loop begins; gives the number of passes to leave out."""

    def beginning(self, loop: int, index: int) -> None:
        """A pass begins, counted from 0."""


_listener: LoopListener | None = None
_counts: dict[int, int] = {}  # passes of each `while` loop so far


def listen(listener: LoopListener | None) -> None:
    """Tell `listener` of the loops of the cell that executes; None tells nobody any more."""
    global _listener
    _listener = listener
    _counts.clear()
    setattr(builtins, PASSES, _passes)
    setattr(builtins, PASS, _pass)


def tell_passes(tree: ast.Module, first: int | None = None) -> int:
    """Change a cell so that its outermost loops tell of their passes.

    Parameters
    ----------
    tree : ast.Module
        Changed in place; every statement keeps its line.
    first : int, optional
        Leave out what stands before that loop, but for the first statement, which starts the run.

    Returns
    -------
    int
        The number of loops found.
    """
    loops = [statement for statement in tree.body if _is_loop(statement)]
    for number, loop in enumerate(loops):
        if isinstance(loop, ast.For):
            made = ast.Lambda(
                args=ast.arguments(
                    posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[]
                ),
                body=loop.iter,
            )
            loop.iter = ast.copy_location(_call(PASSES, ast.Constant(number), made), loop.iter)
        elif isinstance(loop, ast.While):
            told = ast.copy_location(_call(PASS, ast.Constant(number)), loop.test)
            loop.test = ast.copy_location(
                ast.BoolOp(op=ast.And(), values=[told, loop.test]), loop.test
            )
    if first is not None and first < len(loops):
        tree.body[1 : tree.body.index(loops[first])] = []
    ast.fix_missing_locations(tree)
    return len(loops)


def _is_loop(statement: ast.stmt) -> bool:
    """Whether a statement is a loop that can be told of; ``await`` cannot move into a lambda."""
    if not isinstance(statement, (ast.For, ast.While)):
        return False
    head = statement.iter if isinstance(statement, ast.For) else statement.test
    return not any(isinstance(node, (ast.Await, ast.NamedExpr)) for node in ast.walk(head))


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=list(arguments), keywords=[])


def _passes(loop: int, make: Callable[[], Iterable[Any]]) -> Iterator[Any]:
    """The items of a ``for`` loop; the iterable is made here, after its listener was told."""
    listener = _listener
    if listener is None:
        yield from make()
        return
    left_out = listener.entering(loop)
    for index, item in enumerate(make()):
        if index >= left_out:
            listener.beginning(loop, index)
            yield item


def _pass(loop: int) -> bool:
    """Before the condition of a ``while`` loop is asked."""
    if _listener is not None:
        if loop not in _counts:
            _counts[loop] = _listener.entering(loop)
        _listener.beginning(loop, _counts[loop])
        _counts[loop] += 1
    return True
