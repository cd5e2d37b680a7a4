"""Names whose values come from a clock: no two executions give them the same."""

from __future__ import annotations

import ast
from collections.abc import Iterable

_CLOCKS = {
    *("time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns"),
    *("process_time", "process_time_ns", "thread_time", "thread_time_ns", "default_timer"),
    *("now", "utcnow", "today", "getpid", "uuid1", "uuid4", "urandom", "elapsed_time"),
}


def clock_names(codes: Iterable[str]) -> frozenset[str]:
    """Names assigned from a clock, directly or by way of other names.

    Parameters
    ----------
    codes : iterable of str
        Plain Python of the cells, in the order of their execution; what does not parse is left out.

    Returns
    -------
    frozenset of str

    Examples
    --------
    >>> sorted(clock_names(["begin = time.time()", "took = time.time() - begin; n = 3"]))
    ['begin', 'took']
    """
    flows: list[tuple[set[str], ast.AST]] = []
    for code in codes:
        try:
            tree = ast.parse(code)
        except (SyntaxError, ValueError):
            continue
        flows += [flow for node in ast.walk(tree) if (flow := _flow(node)) is not None]
    found: set[str] = set()
    while True:
        new = {
            name
            for targets, value in flows
            if not targets <= found and _is_of_clock(value, found)
            for name in targets
        }
        if new <= found:
            return frozenset(found)
        found |= new


def _flow(node: ast.AST) -> tuple[set[str], ast.AST] | None:
    """The names that a statement gives a value, and the expression that it is made of."""
    match node:
        case ast.Assign(targets=targets, value=value):
            return {name for target in targets for name in _names(target)}, value
        case ast.AugAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            return _names(target), value
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            return _names(target), value
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[value]):
            return {name}, value
    return None


def _names(target: ast.AST) -> set[str]:
    return {
        node.id
        for node in ast.walk(target)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _is_of_clock(value: ast.AST, found: set[str]) -> bool:
    for node in ast.walk(value):
        match node:
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in _CLOCKS:
                return True
            case ast.Name(id=name) if name in found:
                return True
    return False
