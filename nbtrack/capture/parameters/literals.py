"""Plain values: which ones count as hyper-parameters, and what an expression gives unexecuted."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from nbtrack.capture.parameters.callees import Callees, Part
from nbtrack.capture.parameters.scopes import Def, Scope, path_of
from nbtrack.capture.parameters.vocabulary import is_measure

MOST_CHARACTERS = 200
MOST_ITEMS = 16
MISSING: Final = object()

_DEPTH = 24
_LARGEST = 10**18
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_CALLS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "bool": bool,
    "float": float,
    "int": int,
    "max": max,
    "min": min,
    "round": round,
    "math.sqrt": math.sqrt,
    "math.exp": math.exp,
    "math.log": math.log,
}


def as_scalar(value: Any, lists: bool = True) -> Any:
    """`value` as JSON holds it, if it is a number, bool, None, short text or short list of them.

    Returns
    -------
    number, bool, str, None, list or MISSING
        NumPy scalars become Python's; a tensor, an array or an empty list is MISSING.
    """
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= _LARGEST else MISSING
    if isinstance(value, str):
        return str(value) if len(value) <= MOST_CHARACTERS and "\n" not in value else MISSING
    if type(value) in (list, tuple):
        if not lists or not 0 < len(value) <= MOST_ITEMS:
            return MISSING
        items = [as_scalar(item, lists=False) for item in value]
        return MISSING if MISSING in items else items
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        item = getattr(value, "item", None)
        return as_scalar(item(), lists=False) if callable(item) else MISSING
    return MISSING


def is_measured(expr: ast.expr | None) -> bool:
    """Whether an expression reads a size or a result off the data: ``len(x)``, ``x.shape[1]``."""
    for node in ast.walk(expr) if expr is not None else ():
        match node:
            case ast.Attribute(attr=name) | ast.Call(func=ast.Name(id=name)):
                if is_measure(name):
                    return True
    return False


class Values:
    """What expressions of a program give, as far as its text says.

    A parameter of a function has the value that its first call passes, a name that is changed in
    a loop the one that it has at the first turn.
    """

    def __init__(self, callees: Callees) -> None:
        self._callees = callees
        self._known: dict[tuple[int, str], Any] = {}

    def of(self, expr: ast.expr | None, scope: Scope, depth: int = 0) -> Any:
        """The value, or MISSING."""
        if expr is None or depth > _DEPTH:
            return MISSING
        try:
            return self._of(expr, scope, depth + 1)
        except (ArithmeticError, TypeError, ValueError, LookupError, RecursionError):
            return MISSING

    def _of(self, expr: ast.expr, scope: Scope, depth: int) -> Any:
        match expr:
            case ast.Constant(value=value):
                return value if isinstance(value, (bool, int, float, str, type(None))) else MISSING
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                if len(elements) > MOST_ITEMS:
                    return MISSING
                items = [self.of(element, scope, depth) for element in elements]
                return MISSING if MISSING in items else items
            case ast.UnaryOp(op=sign, operand=operand):
                value = self.of(operand, scope, depth)
                change = _UNARY.get(type(sign))
                return MISSING if value is MISSING or change is None else change(value)
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(op, left, right, scope, depth)
            case ast.Compare(left=left, ops=[sign], comparators=[right]):
                pair = self.of(left, scope, depth), self.of(right, scope, depth)
                compare = _COMPARE.get(type(sign))
                return MISSING if MISSING in pair or compare is None else compare(*pair)
            case ast.BoolOp(op=op, values=parts):
                return self._either(isinstance(op, ast.Or), parts, scope, depth)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                chosen = self.of(test, scope, depth)
                if chosen is MISSING:
                    return MISSING
                return self.of(body if chosen else orelse, scope, depth)
            case ast.Name(id=name):
                key = id(scope), name
                if key not in self._known:
                    self._known[key] = MISSING  # a name that leads back to itself
                    self._known[key] = self._of_name(name, scope, depth)
                return self._known[key]
            case ast.Attribute() | ast.Subscript():
                return self._of_path(expr, scope, depth)
            case ast.Call(func=func, args=args, keywords=[]):
                name = self._callees.resolve(func, scope).dotted
                values = [self.of(arg, scope, depth) for arg in args]
                known = name in _CALLS and MISSING not in values
                return _CALLS[name](*values) if known else MISSING
        return MISSING

    def _arithmetic(
        self, op: ast.operator, left: ast.expr, right: ast.expr, scope: Scope, depth: int
    ) -> Any:
        a, b = self.of(left, scope, depth), self.of(right, scope, depth)
        compute = _BINARY.get(type(op))
        if compute is None or not isinstance(a, (int, float)) or not isinstance(b, (int, float)):
            return MISSING
        if isinstance(op, ast.Pow) and (abs(b) > 64 or abs(a) > 1e6):
            return MISSING
        return compute(a, b)

    def _either(self, is_or: bool, parts: list[ast.expr], scope: Scope, depth: int) -> Any:
        value: Any = MISSING
        for part in parts:
            value = self.of(part, scope, depth)
            if value is MISSING or bool(value) == is_or:
                return value
        return value

    def _of_name(self, name: str, scope: Scope, depth: int) -> Any:
        found = scope.find(name)
        if found is None:
            return MISSING
        chosen = first_value(found[1])
        if chosen is None:
            return MISSING
        if chosen.kind == "parameter":
            part = self.argument(found[0], name)
            return MISSING if part is None else self.of(part.expr, part.scope, depth)
        if chosen.kind == "loop":
            return self._first_item(chosen, depth)
        return self.of(chosen.expr, chosen.scope, depth) if chosen.kind == "value" else MISSING

    def behind(self, expr: ast.expr, scope: Scope) -> Part | None:
        """Where the value that a name or an item stands for is written; None for other text."""
        found = path_of(expr)
        if found is None:
            return None
        if found[1]:
            return self._item(ast.Name(found[0], ast.Load()), found[1], scope, 0)
        home = scope.find(found[0])
        chosen = first_value(home[1]) if home is not None else None
        if home is None or chosen is None:
            return None
        if chosen.kind == "parameter":
            return self.argument(home[0], found[0])
        is_value = chosen.kind == "value" and chosen.expr is not None
        return Part(chosen.expr, chosen.scope) if is_value and chosen.expr is not None else None

    def argument(self, function: Scope, name: str) -> Part | None:
        """What the first call of `function` passes for a parameter, or its default."""
        for bound in self._callees.calls_of(function):
            part = bound.argument(function, name)
            if part is not None:
                return part
            for source in bound.unpacked:
                inner = self._item(source.expr, (name,), source.scope, 0)
                if inner is not None:
                    return inner
        default = function.defaults.get(name)
        return None if default is None else Part(default, function.parent or function)

    def _first_item(self, loop: Def, depth: int) -> Any:
        match loop.expr:
            case ast.Call(func=ast.Name(id="range"), args=[_]):
                return 0
            case ast.Call(func=ast.Name(id="range"), args=[start, *_]):
                return self.of(start, loop.scope, depth)
        return MISSING

    def _of_path(self, expr: ast.expr, scope: Scope, depth: int) -> Any:
        found = path_of(expr)
        if found is None:
            return MISSING
        part = self._item(ast.Name(found[0], ast.Load()), found[1], scope, depth)
        return MISSING if part is None else self.of(part.expr, part.scope, depth)

    def _item(self, expr: ast.expr, path: tuple[str, ...], scope: Scope, depth: int) -> Part | None:
        """Where the value of ``expr.a.b`` or ``expr["a"]["b"]`` is written."""
        if not path:
            return Part(expr, scope)
        if depth > _DEPTH:
            return None
        match expr:
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == path[0]:
                        return self._item(value, path[1:], scope, depth + 1)
            case ast.Name(id=name):
                return self._item_of_name(name, path, scope, depth + 1)
            case ast.Call(func=func, args=args, keywords=keywords):
                for keyword in keywords:
                    if keyword.arg == path[0]:
                        return self._item(keyword.value, path[1:], scope, depth + 1)
                owner = self._callees.resolve(func, scope).scope
                if owner is not None and owner.kind == "class":
                    return self._item_of_class(owner, path, depth + 1)
                if len(args) == 1:
                    return self._item(args[0], path, scope, depth + 1)
        return None

    def _item_of_name(
        self, name: str, path: tuple[str, ...], scope: Scope, depth: int
    ) -> Part | None:
        found = scope.find(name)
        if found is None:
            return None
        owner = self._callees.class_of(ast.Name(name, ast.Load()), scope)
        for definition in reversed(found[1]):
            if definition.path == path and definition.expr is not None:
                return Part(definition.expr, definition.scope)
        for definition in reversed(found[1]):
            if definition.kind == "parameter" and owner is None:
                part = self.argument(found[0], name)
                if part is not None:
                    return self._item(part.expr, path, part.scope, depth)
            elif definition.kind == "value" and not definition.path and definition.expr is not None:
                return self._item(definition.expr, path, definition.scope, depth)
        return self._item_of_class(owner, path, depth) if owner is not None else None

    def _item_of_class(self, owner: Scope, path: tuple[str, ...], depth: int) -> Part | None:
        constructor = self._callees.constructor(owner)
        chosen = first_value([d for d in owner.defs.get(path[0], []) if not d.path])
        if chosen is not None and chosen.expr is not None:
            in_fields = constructor is owner and path[0] in owner.parameters
            part = self.argument(owner, path[0]) if in_fields else None
            part = part or Part(chosen.expr, chosen.scope)
            return self._item(part.expr, path[1:], part.scope, depth)
        if path[0] in constructor.parameters:
            part = self.argument(constructor, path[0])
            return None if part is None else self._item(part.expr, path[1:], part.scope, depth)
        return None


def first_value(definitions: list[Def]) -> Def | None:
    """The definition that holds before any loop changes it: the last one outside of loops."""
    whole = [each for each in definitions if not each.path and each.kind != "change"]
    calm = [each for each in whole if not each.loops]
    chosen = calm or whole
    return chosen[-1] if chosen else None


def is_config(value: Any) -> bool:
    """Whether an object holds settings by name: a dict, a dataclass, a namespace."""
    if isinstance(value, Mapping):
        return 0 < len(value) <= 200 and all(isinstance(key, str) for key in value)
    kind = type(value)
    if kind.__module__ in ("types", "argparse") and kind.__name__ in (
        "SimpleNamespace",
        "Namespace",
    ):
        return True
    if isinstance(value, type):
        return False
    if hasattr(kind, "__dataclass_fields__") or hasattr(kind, "model_fields"):
        return True
    return isinstance(value, tuple) and hasattr(kind, "_fields")
