"""Following names backwards: to definitions, to the calls that pass arguments, to classes.

What only prepares data is followed in quiet: there a name counts only if it is a word of the
field.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from nbtrack.capture.parameters.callees import Callees, kind_of, parameters_of
from nbtrack.capture.parameters.configs import Configs
from nbtrack.capture.parameters.literals import MISSING, Values, as_scalar, first_value, is_measured
from nbtrack.capture.parameters.scopes import Def, Program, Scope, names_in, path_of
from nbtrack.capture.parameters.sites import Leaning, Site, Sites
from nbtrack.capture.parameters.training import Training
from nbtrack.capture.parameters.vocabulary import is_about_looks, is_field_term, is_measure


class Mode(IntEnum):
    """How near to the training an expression stands."""

    QUIET = 0  # prepares data
    FLOW = 1  # defines a name that the training reads
    INSIDE = 2  # is written inside the training
    BUILD = 3  # is an argument of a model, an optimizer, a loader


class NameFlow(ABC):
    """The part of the walk that reads expressions; `Reach` reads statements."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.callees = Callees(program)
        self.values = Values(self.callees)
        self.training = Training(self.callees)
        self.configs = Configs(program, self.callees, self.training)
        self.sites = Sites(program, self.callees, self.values)
        self._seen: dict[tuple[int, str, tuple[str, ...]], Mode] = {}
        self._data: dict[int, bool] = {}
        self._hidden: list[str] = []
        self._depth_of_layers = 0
        self._any_class = False

    @abstractmethod
    def enter(self, function: Scope, mode: Mode) -> None:
        """Read the body of a function that the training uses."""

    @abstractmethod
    def enter_layer(self, owner: Scope) -> None:
        """Read the methods of a class that computes."""

    # Expressions

    def visit(self, node: ast.AST, scope: Scope, mode: Mode) -> None:
        """Follow the names of an expression."""
        match node:
            case ast.Constant():
                pass
            case ast.Name(id=name):
                self._name(name, (), scope, mode)
            case ast.Attribute() | ast.Subscript():
                found = path_of(node)
                if found is not None and found[1]:
                    is_size = is_measured(node)
                    self._name(found[0], found[1], scope, Mode.QUIET if is_size else mode)
                else:
                    self._children(node, scope, mode)
            case ast.Call():
                self._call(node, scope, mode)
            case ast.Lambda(args=args, body=body):
                hidden = [each.arg for each in args.args]
                self._hidden += hidden
                self.visit(body, scope, mode)
                del self._hidden[len(self._hidden) - len(hidden) :]
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                loops = node.generators
                targets = [name for loop in loops for name in names_in(loop.target)]
                self._hidden += targets
                self._children(node, scope, mode)
                del self._hidden[len(self._hidden) - len(targets) :]
            case _:
                self._children(node, scope, mode)

    def _children(self, node: ast.AST, scope: Scope, mode: Mode) -> None:
        for child in ast.iter_child_nodes(node):
            self.visit(child, scope, mode)

    def _call(self, call: ast.Call, scope: Scope, mode: Mode) -> None:
        callee = self.callees.resolve(call.func, scope)
        if callee.scope is not None:
            if callee.scope.kind == "class":
                self._made(callee.scope, call, scope, mode)
            else:
                self.enter(callee.scope, mode)
            return
        kind = kind_of(callee.dotted) if callee.dotted else "data"
        if kind == "data" and self._any_class and mode is Mode.BUILD:
            kind = "model" if callee.dotted.rpartition(".")[2][:1].isupper() else kind
        if kind == "reporting":
            return
        if kind in ("layer", "loader", "model", "optimizer", "scheduler"):
            self.sites.built(call, kind, callee.dotted, self._depth_of_layers == 0)
            self._depth_of_layers += kind == "layer"
            self._arguments(call, parameters_of(callee.dotted), scope, kind)
            self._depth_of_layers -= kind == "layer"
            return
        if not callee.dotted:
            self.visit(call.func, scope, mode)
        if kind == "config" and mode is not Mode.QUIET:
            self.sites.config(None, self.configs.leaves(call, scope))
        is_size = is_measure(callee.dotted.rpartition(".")[2])
        if kind == "data" and (mode is Mode.FLOW or is_size):
            mode = Mode.QUIET
        for argument in call.args:
            is_function = callee.dotted == "functools.partial" and argument is call.args[0]
            self.visit(argument, scope, Mode.INSIDE if is_function else mode)
        quiet = kind == "data" and callee.dotted != "functools.partial"
        for name, value in zip(parameters_of(callee.dotted), call.args, strict=False):
            if quiet and is_field_term(name):
                self.sites.argument(name, value, scope)
        for keyword in call.keywords:
            self.visit(keyword.value, scope, mode)
            if keyword.arg and quiet and is_field_term(keyword.arg):
                self.sites.argument(keyword.arg, keyword.value, scope)

    def _arguments(self, call: ast.Call, names: Sequence[str], scope: Scope, kind: str) -> None:
        """The arguments of something that a library builds."""
        given = list(zip([*names, *[""] * len(call.args)], call.args, strict=False))
        given += [(keyword.arg or "**", keyword.value) for keyword in call.keywords]
        for name, value in given:
            is_data = kind == "loader" and name not in ("batch_size", "shuffle", "drop_last")
            is_config = name == "**" and self._whole_config(value, scope)
            if name not in ("", "**") and not is_data and not is_about_looks(name):
                self.sites.argument(name, value, scope, call, kind)
            if not is_config:
                self.visit(value, scope, Mode.QUIET if is_data else Mode.BUILD)

    def _whole_config(self, value: ast.expr, scope: Scope) -> bool:
        """``**config``: all of it is used."""
        found = path_of(value)
        if found is None:
            return False
        self._name(found[0], (*found[1], "**"), scope, Mode.BUILD)
        return True

    def _made(self, owner: Scope, call: ast.Call, scope: Scope, mode: Mode) -> None:
        if self.callees.is_layer(owner):
            self.sites.built(call, "model", owner.name, self._depth_of_layers == 0)
            self._depth_of_layers += 1
            self.enter_layer(owner)
            self._depth_of_layers -= 1
        elif self.configs.is_config_class(owner):
            if mode is not Mode.QUIET:
                self.sites.config(None, self.configs.leaves(call, scope))
        else:
            constructor = self.callees.constructor(owner)
            for name in constructor.parameters:
                if is_field_term(name):
                    self._parameter(constructor, name, (), Mode.QUIET)

    # Names

    def _name(self, name: str, path: tuple[str, ...], scope: Scope, mode: Mode) -> None:
        found = None if name in self._hidden else scope.find(name)
        if found is None:
            return
        home, definitions = found
        key = (id(home), name, path)
        if self._seen.get(key, -1) >= mode:
            return
        self._seen[key] = mode
        owner = self.callees.class_of(ast.Name(name, ast.Load()), scope) if path else None
        if owner is not None and not self._is_made_here(definitions, owner):
            self._attribute(owner, path, mode)
            return
        for each in self._relevant(definitions):
            if each.target is not None:
                if each.target.kind == "function" and mode >= Mode.INSIDE:
                    self.enter(each.target, mode)
            elif each.kind == "parameter":
                self._parameter(home, name, path, mode)
            else:
                self._definition(each, name, path, home, mode)
        if not path:
            self._value(name, definitions, home, mode)

    def _is_made_here(self, definitions: Sequence[Def], owner: Scope) -> bool:
        """Whether a name holds a config object: ``config = Config(lr=0.1)``."""
        made = definitions[-1].kind == "value"
        return made and self.configs.is_config_class(owner)

    def _definition(
        self, each: Def, name: str, path: tuple[str, ...], home: Scope, mode: Mode
    ) -> None:
        for test in each.tests:
            self.visit(test, each.scope, min(mode, Mode.FLOW))
        if each.expr is None or each.kind == "loop" or (each.path and not path):
            return  # what a loop goes over is read where the loop stands
        variable = name if home is self.program.module else None
        if path and self.configs.is_config(each.expr, each.scope):
            leaves = self.configs.leaves(each.expr, each.scope)
            if mode is Mode.QUIET:
                leaves = (leaf for leaf in leaves if leaf.path == path and is_field_term(path[-1]))
            self.sites.config(variable, leaves, name)
            return
        if path and path == each.path and not each.loops:
            self.sites.set_item(variable, name, each)
        if path and variable and not each.path:
            self.sites.perhaps_config(variable, path)
        inner = mode if mode is Mode.BUILD else min(mode, Mode.FLOW)
        if inner is Mode.FLOW and self._is_data(each.expr, each.scope):
            inner = Mode.QUIET
        if path and isinstance(each.expr, (ast.Name, ast.Attribute, ast.Subscript)):
            below = path_of(each.expr)
            if below is not None:
                self._name(below[0], (*below[1], *path), each.scope, inner)
                return
        self.visit(each.expr, each.scope, inner)

    def _is_data(self, expr: ast.expr, scope: Scope, depth: int = 0) -> bool:
        """Whether an expression computes with data: settings in it describe the data then."""
        if depth > 12:
            return False
        match expr:
            case ast.BinOp(left=left, right=right):
                return self._is_data(left, scope, depth + 1) or self._is_data(
                    right, scope, depth + 1
                )
            case ast.UnaryOp(operand=inner) | ast.Subscript(value=inner):
                return self._is_data(inner, scope, depth + 1)
            case ast.Attribute(value=inner):
                return self._is_data(inner, scope, depth + 1)
            case ast.Call(func=func, args=args):
                callee = self.callees.resolve(func, scope)
                if callee.scope is not None:
                    return False
                if callee.dotted:
                    kind = kind_of(callee.dotted)
                    through = kind == "through"
                    return kind == "data" or (
                        through and any(self._is_data(arg, scope, depth + 1) for arg in args)
                    )
                return self._is_data(func, scope, depth + 1)
            case ast.Name(id=name):
                found = None if name in self._hidden else scope.find(name)
                chosen = first_value(found[1]) if found else None
                if chosen is None or chosen.expr is None:
                    return False
                if self.values.of(expr, scope) is not MISSING:
                    return False
                if id(chosen) not in self._data:
                    self._data[id(chosen)] = False
                    known = self._is_data(chosen.expr, chosen.scope, depth + 1)
                    self._data[id(chosen)] = known
                return self._data[id(chosen)]
        return False

    def _relevant(self, definitions: Sequence[Def]) -> list[Def]:
        """Definitions that may hold: not those that a later one surely replaces."""
        chosen = first_value(list(definitions))
        return [
            each
            for each in definitions
            if each is chosen or each.tests or each.loops or each.path or each.kind == "change"
        ]

    def _parameter(self, function: Scope, name: str, path: tuple[str, ...], mode: Mode) -> None:
        """Follow a parameter to what the calls pass for it."""
        if name == function.self_name:
            return
        calls = self.sites.nearest(self.callees.calls_of(function))
        for bound in calls:
            if name == function.packed:
                for keyword, passed in bound.keywords.items():
                    if keyword not in function.parameters:
                        self.sites.passed(keyword, passed, True)
                        self.visit(passed.expr, passed.scope, min(mode, Mode.FLOW))
            part = bound.argument(function, name)
            if part is not None:
                inner = path_of(part.expr)
                if inner is not None:
                    self._name(inner[0], (*inner[1], *path), part.scope, mode)
                elif path and self.configs.is_config(part.expr, part.scope):
                    self.sites.config(None, self.configs.leaves(part.expr, part.scope), name)
                else:
                    strict = mode is Mode.QUIET and not is_field_term(name)
                    texts = mode is Mode.BUILD or self.training.trains(function)
                    if not path and not strict:
                        self.sites.passed(name, part, texts)
                    self.visit(part.expr, part.scope, min(mode, Mode.FLOW))
                continue
            for source in bound.unpacked:
                self._whole_config(source.expr, source.scope)
                if self.configs.is_config(source.expr, source.scope):
                    leaves = self.configs.leaves(source.expr, source.scope)
                    self.sites.config(None, leaves)
        self._default(function, name, mode, [b for b in calls if not b.unpacked])

    def _default(self, function: Scope, name: str, mode: Mode, calls: Sequence[Any]) -> None:
        default = function.defaults.get(name)
        is_used = not calls or any(bound.argument(function, name) is None for bound in calls)
        if default is None or not is_used or (mode is Mode.QUIET and not is_field_term(name)):
            return
        outer = function.parent or function
        value = as_scalar(self.values.of(default, outer))
        if value is not MISSING and value is not None:
            self.sites.add(Site(name, default, outer, "default"))
        self.visit(default, outer, mode)

    def _attribute(self, owner: Scope, path: tuple[str, ...], mode: Mode) -> None:
        """Follow ``self.lr`` to where the class sets it."""
        definitions = owner.defs.get(path[0])
        if definitions is None:
            for base in self.callees.bases(owner):
                if path[0] in base.defs:
                    self._attribute(base, path, mode)
                    return
            constructor = self.callees.constructor(owner)
            if path[0] in constructor.parameters:  # save_hyperparameters and its like
                self._parameter(constructor, path[0], path[1:], mode)
            return
        key = (id(owner), path[0], path[1:])
        if self._seen.get(key, -1) >= mode:
            return
        self._seen[key] = mode
        constructor = self.callees.constructor(owner)
        if constructor is owner and path[0] in owner.parameters:
            self._parameter(owner, path[0], path[1:], mode)
            return
        if self.configs.is_config_class(owner) and mode is not Mode.QUIET:
            self.sites.config(None, self.configs.fields_of_class(owner), owner.name)
            return
        for each in self._relevant(definitions):
            self._definition(each, path[0], path[1:], owner, mode)
        if len(path) == 1:
            self._value(path[0], definitions, owner, mode)

    def _value(self, name: str, definitions: list[Def], home: Scope, mode: Mode) -> None:
        """Note the place that gives a name its plain value."""
        if name.startswith("_"):
            return
        chosen = first_value(definitions)
        if chosen is None or chosen.kind != "value" or chosen.expr is None:
            return
        if mode is Mode.QUIET and not is_field_term(name):
            return
        leaning = Leaning(lists=mode is Mode.BUILD or is_field_term(name), home=home)
        self.sites.variable(name, chosen, definitions, leaning)
