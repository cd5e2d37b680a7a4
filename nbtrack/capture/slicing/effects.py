"""What one piece of syntax may change in place, and what an expression's object may hold.

Guesses from the text alone, for cells that ran before anybody watched. They keep no list of
libraries: a method may change its receiver, a function its arguments, a loop uses up an iterator.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

BUILTINS = frozenset(dir(builtins))
# Builtins that take items out of an iterator, or keep what they are given in what they return.
# fmt: off
_TAKES_ITEMS = frozenset({
    "all", "any", "dict", "enumerate", "filter", "frozenset", "iter", "list", "map", "max",
    "min", "next", "reversed", "set", "sorted", "sum", "tuple", "zip",
})
# fmt: on
# What they return is new: none of the items.
_KEEPS_NOTHING = BUILTINS - _TAKES_ITEMS - {"getattr", "vars"} | {"all", "any", "sum"}
_STORES_ATTRIBUTE = frozenset({"setattr", "delattr"})
# `plt.plot()` leaves the module plt as it is; `plt.style.use()`, `torch.manual_seed()` do not.
_SETTER = re.compile(
    r"(^|_)(add|append|config|configure|disable|enable|extend|insert|manual|register|seed|set|"
    r"setdefault|setup|unregister|update|use)(_|$)"
)


@dataclass
class Changes:
    """Names whose objects may be changed in place.

    Attributes
    ----------
    guessed : set of str
        Receivers, arguments, iterators and all of `stored`.
    stored : set of str
        Names with an item or attribute set on them, also through a call that sets something: the
        only ones that count for a name that is bound to a module.
    """

    guessed: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)

    def add(self, node: ast.AST) -> None:
        """Take in what this node itself does; the nodes below it are not looked at."""
        match node:
            case ast.Call():
                self._call(node)
            case ast.For() | ast.AsyncFor() | ast.comprehension():
                self.guessed |= roots([node.iter])
                self._store([node.target])
            case ast.Assign() | ast.Delete():
                self._store(node.targets)
            case ast.AnnAssign():
                self._store([node.target] if node.value is not None else [])
            case ast.AugAssign():
                self._store([node.target])
                if isinstance(node.target, ast.Name):  # `xs += [1]` changes the list itself
                    self.guessed.add(node.target.id)
                    self.stored.add(node.target.id)

    def _store(self, targets: Iterable[ast.expr]) -> None:
        for target in targets:
            if isinstance(target, ast.Tuple | ast.List):
                self._store(target.elts)
            elif isinstance(target, ast.Starred):
                self._store([target.value])
            elif isinstance(target, ast.Attribute | ast.Subscript):
                self.guessed |= roots([target])
                self.stored |= roots([target])

    def _call(self, call: ast.Call) -> None:
        arguments = roots(arguments_of(call))
        called = last_name(call.func)
        if isinstance(call.func, ast.Name) and called in BUILTINS:
            if called in _TAKES_ITEMS:
                self.guessed |= arguments
            elif called in _STORES_ATTRIBUTE and call.args:
                self.guessed |= roots(call.args[:1])
                self.stored |= roots(call.args[:1])
            return
        self.guessed |= arguments
        if isinstance(call.func, ast.Attribute):
            self.guessed |= roots([call.func.value])
        if _SETTER.search(called):
            receiver = roots([call.func])
            self.guessed |= receiver
            self.stored |= receiver


def arguments_of(call: ast.Call) -> list[ast.expr]:
    """All arguments of a call, by position and by keyword."""
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def last_name(called: ast.expr) -> str:
    """``SGD`` for ``torch.optim.SGD``; empty for what has no name."""
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


def roots(expressions: Iterable[ast.expr]) -> set[str]:
    """Names whose objects these expressions are, are part of, or contain."""
    return {name for expression in expressions for name in _roots(expression)}


def _roots(node: ast.expr | None) -> Iterator[str]:
    match node:
        case ast.Name():
            yield node.id
        case ast.Attribute() | ast.Subscript() | ast.Starred() | ast.Await():
            yield from _roots(node.value)
        case ast.Call(func=ast.Attribute() as method):
            yield from _roots(method.value)
        case ast.Call(func=ast.Name(id=called)) if called in _TAKES_ITEMS:
            yield from roots(arguments_of(node))
        case _:
            for part in _parts(node):
                yield from _roots(part)


def _parts(node: ast.AST | None) -> list[ast.expr]:
    """The expressions of which one may be the value, or which the value contains."""
    match node:
        case ast.Tuple() | ast.List() | ast.Set():
            return node.elts
        case ast.Dict():
            return node.values
        case ast.IfExp():
            return [node.body, node.orelse]
        case ast.BoolOp():
            return node.values
        case ast.NamedExpr():
            return [node.target, node.value]
    return []


def held_by(node: ast.expr | None) -> set[str]:
    """Names whose objects the value of an expression may be, hold or come from.

    A class keeps what it is built from (``SGD(model.parameters())``); what any other function
    returns may be its first argument, or a part of it.
    """
    match node:
        case ast.Call():
            return roots([node.func]) | {
                name for part in _kept_arguments(node) for name in held_by(part)
            }
        case ast.Name() | ast.Attribute() | ast.Subscript() | ast.Starred() | ast.Await():
            inner = getattr(node, "value", None)
            return held_by(inner) if inner is not None else roots([node])
    return {name for part in _parts(node) for name in held_by(part)}


def lambdas_in(node: ast.expr | None) -> list[ast.Lambda]:
    """Lambdas that the value of an expression keeps, to be called later."""
    if isinstance(node, ast.Lambda):
        return [node]
    parts = _kept_arguments(node) if _builds(node) else _parts(node)
    return [found for part in parts for found in lambdas_in(part)]


def _builds(node: ast.expr | None) -> bool:
    """Whether a call makes an object of a class, by the look of its name."""
    return isinstance(node, ast.Call) and (
        last_name(node.func)[:1].isupper() or last_name(node.func) in _TAKES_ITEMS | {"partial"}
    )


def _kept_arguments(node: ast.expr | None) -> list[ast.expr]:
    if not isinstance(node, ast.Call):
        return []
    if isinstance(node.func, ast.Name) and node.func.id in _KEEPS_NOTHING:
        return []
    return arguments_of(node) if _builds(node) else node.args[:1]
