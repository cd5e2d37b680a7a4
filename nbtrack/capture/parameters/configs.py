"""What a config holds, read from its text: dicts, namespaces, dataclasses, argparse."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from nbtrack.capture.parameters.callees import Callees, Part, kind_of
from nbtrack.capture.parameters.literals import first_value
from nbtrack.capture.parameters.scopes import Program, Scope
from nbtrack.capture.parameters.training import Training

_DEPTH = 6


class Leaf(NamedTuple):
    """One setting of a config, where it is written.

    Attributes
    ----------
    path : tuple of str
    expr : ast.expr
    scope : Scope
    convert : str
        ``float`` or ``int`` for a text of the command line.
    """

    path: tuple[str, ...]
    expr: ast.expr
    scope: Scope
    convert: str = ""


class Configs:
    """Answers for one program."""

    def __init__(self, program: Program, callees: Callees, training: Training) -> None:
        self._program = program
        self._callees = callees
        self._training = training

    def is_config_class(self, owner: Scope) -> bool:
        """Whether a class of the slice only holds values."""
        if self._callees.is_layer(owner) or {"__getitem__", "__iter__"} & owner.methods.keys():
            return False
        if any(self._training.trains(method) for method in owner.methods.values()):
            return False
        node = owner.node
        decorators = getattr(node, "decorator_list", []) + getattr(node, "bases", [])
        marks = [ast.unparse(each) for each in decorators]
        if any(word in mark for mark in marks for word in ("dataclass", "NamedTuple", "BaseModel")):
            return True
        said = any(word in owner.name.lower() for word in ("config", "args", "param", "setting"))
        return said or all(name.startswith("__") for name in owner.methods)

    def is_config(self, expr: ast.expr | None, scope: Scope) -> bool:
        """Whether an expression makes a config."""
        match expr:
            case ast.Dict(keys=keys):
                return bool(keys) and all(
                    key is None or (isinstance(key, ast.Constant) and isinstance(key.value, str))
                    for key in keys
                )
            case ast.Call(func=ast.Attribute(attr="parse_args" | "parse_known_args")):
                return True
            case ast.Call(func=func):
                callee = self._callees.resolve(func, scope)
                if callee.scope is not None:
                    return callee.scope.kind == "class" and self.is_config_class(callee.scope)
                return kind_of(callee.dotted) == "config"
        return False

    def leaves(self, expr: ast.expr, scope: Scope, depth: int = 0) -> Iterator[Leaf]:
        """All settings of the config that `expr` makes."""
        if depth > _DEPTH:
            return
        match expr:
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if key is None:
                        yield from self._named(value, scope, depth)
                    elif isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield from self._leaf((key.value,), value, scope, depth)
            case ast.Call(func=ast.Attribute(value=parser, attr="parse_args" | "parse_known_args")):
                yield from self._options(parser, expr)
            case ast.Call(func=func):
                owner = self._callees.resolve(func, scope).scope
                if owner is not None:
                    yield from self._fields(owner, expr, scope, depth)
                    return
                for argument in expr.args:
                    yield from self._named(argument, scope, depth)
                for keyword in expr.keywords:
                    if keyword.arg is None:
                        yield from self._named(keyword.value, scope, depth)
                    else:
                        yield from self._leaf((keyword.arg,), keyword.value, scope, depth)

    def _leaf(
        self, path: tuple[str, ...], value: ast.expr, scope: Scope, depth: int
    ) -> Iterator[Leaf]:
        value, scope = self._held(*_behind(value, scope))
        if self.is_config(value, scope):
            for leaf in self.leaves(value, scope, depth + 1):
                yield leaf._replace(path=(*path, *leaf.path))
        else:
            yield Leaf(path, value, scope)

    def _held(self, value: ast.expr, scope: Scope) -> Part:
        """The config that a name stands for; what is given where it is none."""
        found = scope.find(value.id) if isinstance(value, ast.Name) else None
        chosen = first_value(found[1]) if found else None
        if chosen is None or chosen.kind != "value" or chosen.expr is None:
            return Part(value, scope)
        is_config = self.is_config(chosen.expr, chosen.scope)
        return Part(chosen.expr, chosen.scope) if is_config else Part(value, scope)

    def _named(self, value: ast.expr, scope: Scope, depth: int) -> Iterator[Leaf]:
        """A config inside another: itself, or the variable that holds it."""
        yield from self.leaves(*self._held(value, scope), depth + 1)

    def fields_of_class(self, owner: Scope) -> Iterator[Leaf]:
        """The settings of a class that is used as it is: ``class Config: lr = 0.1``."""
        yield from self._fields(owner, None, owner, 0)

    def _fields(
        self, owner: Scope, call: ast.Call | None, scope: Scope, depth: int
    ) -> Iterator[Leaf]:
        if depth > _DEPTH:
            return
        constructor = self._callees.constructor(owner)
        named = constructor.parameters[1 if constructor.owner is not None else 0 :]
        given: dict[str, ast.expr] = {}
        if call is not None:
            given = dict(zip(named, call.args, strict=False))
            for keyword in call.keywords:
                if keyword.arg is None:
                    yield from self._named(keyword.value, scope, depth)
                else:
                    given[keyword.arg] = keyword.value
        for name, value in given.items():
            yield from self._leaf((name,), value, scope, depth)
        for name in named:
            if name not in given and name in constructor.defaults:
                value = constructor.defaults[name]
                yield from self._leaf((name,), value, constructor.parent or constructor, depth)
        for name, definitions in owner.defs.items():
            chosen = first_value(definitions)
            if name in named or name in given or chosen is None or chosen.target is not None:
                continue
            is_parameter = isinstance(chosen.expr, ast.Name) and chosen.expr.id in named
            if chosen.expr is not None and chosen.kind == "value" and not is_parameter:
                yield from self._leaf((name,), chosen.expr, chosen.scope, depth)
        own = {*named, *given, *owner.defs}
        for parent in self._callees.bases(owner):
            for leaf in self._fields(parent, None, parent, depth + 1):
                if leaf.path[0] not in own:
                    yield leaf

    def _options(self, parser: ast.expr, call: ast.Call) -> Iterator[Leaf]:
        """The options that ``parser.add_argument`` declares."""
        given = _typed(call)
        for site in self._program.calls:
            match site.node.func:
                case ast.Attribute(attr="add_argument", value=value):
                    pass
                case _:
                    continue
            if getattr(value, "id", None) != getattr(parser, "id", None):
                continue
            flags = [
                each.value
                for each in site.node.args
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            if not flags:
                continue
            keywords = {keyword.arg: keyword.value for keyword in site.node.keywords}
            name = max(flags, key=len).lstrip("-").replace("-", "_")
            match keywords.get("dest"):
                case ast.Constant(value=str(dest)):
                    name = dest
            typed = next((given[flag] for flag in flags if flag in given), None)
            if typed is not None:
                kind = keywords.get("type")
                convert = kind.id if isinstance(kind, ast.Name) else ""
                yield Leaf((name,), typed, site.scope, convert)
            elif "default" in keywords:
                yield Leaf((name,), keywords["default"], site.scope)


def _behind(value: ast.expr, scope: Scope) -> Part:
    """The factory's result for ``field(default_factory=...)``; the default for ``field``."""
    match value:
        case ast.Call(func=ast.Name(id="field" | "Field"), keywords=keywords):
            for keyword in keywords:
                if keyword.arg == "default":
                    return Part(keyword.value, scope)
                if keyword.arg == "default_factory":
                    inner = keyword.value
                    if isinstance(inner, ast.Lambda):
                        return Part(inner.body, scope)
                    return Part(ast.copy_location(ast.Call(inner, [], []), inner), scope)
    return Part(value, scope)


def _typed(call: ast.Call) -> dict[str, ast.expr]:
    """The values in ``parse_args(["--lr", "0.1"])``, by flag."""
    match call.args:
        case [ast.List(elts=elements) | ast.Tuple(elts=elements)]:
            return {
                flag.value: value
                for flag, value in pairwise(elements)
                if isinstance(flag, ast.Constant) and isinstance(flag.value, str)
            }
    return {}
