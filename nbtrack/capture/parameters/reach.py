"""Which names and literals of a slice reach the training: a walk backwards along the names.

It begins where the last cell trains: at the loop that goes backward, or the call of a function
that does. From there it follows names to their definitions, arguments to the calls that pass
them, attributes of ``self`` to the class, and notes every place that gives a plain value.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from nbtrack.capture.parameters.callees import kind_of, parameters_of
from nbtrack.capture.parameters.literals import first_value
from nbtrack.capture.parameters.name_flow import Mode, NameFlow
from nbtrack.capture.parameters.scopes import Program, Scope, path_of
from nbtrack.capture.parameters.training import is_fitting


class Reach(NameFlow):
    """The walk over one program; `sites` is what it found."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._entered: dict[int, Mode] = {}
        for site in self.sites.seeds():
            self.visit(site.expr, site.scope, Mode.BUILD)
        module = program.module
        for statements in reversed(program.cells):
            if self._train(statements, module):
                return
        for statements in reversed(program.cells[-1:]):
            self._fit_elsewhere(statements, module)

    # Where the training is

    def _train(self, statements: Sequence[ast.stmt], scope: Scope) -> bool:
        found = False
        for statement in statements:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            if not self.training.has_sign(statement, scope):
                continue
            found = True
            match statement:
                case ast.For() | ast.AsyncFor() | ast.While():
                    self._loop(statement, scope)
                case ast.If(test=test, body=body, orelse=orelse):
                    self.visit(test, scope, Mode.INSIDE)
                    self._train([*body, *orelse], scope)
                case ast.With(body=body) | ast.AsyncWith(body=body) | ast.Try(body=body):
                    self._train(body, scope)
                case _:
                    self._statement(statement, scope, Mode.INSIDE)
        return found

    def _fit_elsewhere(self, statements: Sequence[ast.stmt], scope: Scope) -> None:
        """Training that a library does: ``learner.fit(5, 0.01)``."""
        self._any_class = True
        for statement in statements:
            for node in ast.walk(statement):
                if not isinstance(node, ast.Call) or not is_fitting(node.func):
                    continue
                names: tuple[str, ...] = ()
                if isinstance(node.func, ast.Attribute):
                    self.visit(node.func.value, scope, Mode.BUILD)
                    names = self._method_parameters(node.func, scope)
                self._arguments(node, names, scope, "model")

    def _method_parameters(self, func: ast.Attribute, scope: Scope) -> tuple[str, ...]:
        found = scope.find(func.value.id) if isinstance(func.value, ast.Name) else None
        chosen = first_value(found[1]) if found else None
        if chosen is not None and isinstance(chosen.expr, ast.Call):
            made = self.callees.resolve(chosen.expr.func, chosen.scope).dotted
            return parameters_of(f"{made}.{func.attr}")[1:]
        return ()

    def _loop(self, loop: ast.For | ast.AsyncFor | ast.While, scope: Scope) -> None:
        holds_loop = any(
            isinstance(node, (ast.For, ast.While)) and self.training.steps(node, scope)
            for statement in loop.body
            for node in ast.walk(statement)
        )
        self.sites.count(loop, scope, holds_loop)
        if isinstance(loop, ast.While):
            self.visit(loop.test, scope, Mode.INSIDE)
        else:
            updates = not holds_loop and any(
                isinstance(node, ast.Attribute) and node.attr in ("data", "grad", "requires_grad")
                for statement in loop.body
                for node in ast.walk(statement)
            )
            self.visit(loop.iter, scope, Mode.BUILD if updates else Mode.INSIDE)
        for statement in self.training.upto_last_sign(loop.body, scope):
            self._statement(statement, scope, Mode.INSIDE)

    # Statements

    def _statement(self, statement: ast.stmt, scope: Scope, mode: Mode) -> None:
        match statement:
            case ast.For() | ast.AsyncFor() | ast.While():
                if mode is Mode.INSIDE and self.training.has_sign(statement, scope):
                    self._loop(statement, scope)
                    return
                head = statement.test if isinstance(statement, ast.While) else statement.iter
                self.visit(head, scope, mode)
                self._statements(statement.body, scope, mode)
            case ast.If(test=test, body=body, orelse=orelse):
                if not self._reports([*body, *orelse], scope):
                    self.visit(test, scope, mode)
                    self._statements([*body, *orelse], scope, mode)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    self.visit(item.context_expr, scope, mode)
                self._statements(body, scope, mode)
            case ast.Try(body=body):
                self._statements(body, scope, mode)
            case ast.FunctionDef(body=body) if self.training.has_sign(statement, scope):
                found = scope.find(statement.name)
                if found is not None and found[1][-1].target is not None:
                    self._statements(body, found[1][-1].target, mode)
            case ast.AugAssign(target=target, value=value):
                self._updated(target, scope, mode)
                self.visit(value, scope, mode)
            case ast.Assign(targets=targets, value=value):
                for each in targets:
                    if _names_itself(each, value):
                        self._updated(each, scope, mode)
                self.visit(value, scope, mode)
            case ast.AnnAssign(value=value) | ast.Return(value=value) if value is not None:
                self.visit(value, scope, mode)
            case ast.Expr(value=value):
                self.visit(value, scope, mode)

    def _statements(self, statements: Sequence[ast.stmt], scope: Scope, mode: Mode) -> None:
        for statement in statements:
            self._statement(statement, scope, mode)

    def _updated(self, target: ast.expr, scope: Scope, mode: Mode) -> None:
        """A tensor that the training changes is a parameter: what made it built the model."""
        found = path_of(target)
        if mode is Mode.INSIDE and found is not None and found[1][-1:] in ((), ("data",)):
            self._name(found[0], found[1], scope, Mode.BUILD)

    def _reports(self, body: Sequence[ast.stmt], scope: Scope) -> bool:
        """Whether the body of an ``if`` only shows or collects something."""
        is_told = False
        for statement in body:
            if isinstance(statement, (ast.Break, ast.Continue, ast.Raise, ast.Return)):
                return False
            if self.training.has_sign(statement, scope):
                return False
            for node in ast.walk(statement):
                if isinstance(node, ast.Call):
                    dotted = self.callees.resolve(node.func, scope).dotted
                    is_told |= bool(dotted) and kind_of(dotted) == "reporting"
                    is_told |= isinstance(node.func, ast.Attribute) and node.func.attr == "append"
        return is_told

    # Functions and classes

    def enter(self, function: Scope, mode: Mode) -> None:
        """Read the body of a function that the training uses."""
        if self.training.trains(function):
            mode = Mode.INSIDE
        elif self.training.builds(function):
            mode = Mode.BUILD
        elif mode is Mode.FLOW:
            mode = Mode.QUIET
        if self._entered.get(id(function), -1) >= mode:
            return
        self._entered[id(function)] = mode
        if not self.training.trains(function):
            self._statements(function.body, function, mode)
        elif self.training.steps_at_once(function):
            body = self.training.upto_last_sign(function.body, function)
            self._statements(body, function, mode)
        else:
            self._train(function.body, function)

    def enter_layer(self, owner: Scope) -> None:
        """Read the methods of a class that computes, and follow what its objects are given."""
        if self._entered.get(id(owner), -1) >= Mode.BUILD:
            return
        self._entered[id(owner)] = Mode.BUILD
        for name, method in owner.methods.items():
            inside = Mode.BUILD if name == "__init__" else Mode.INSIDE
            self._statements(method.body, method, inside)
        for base in self.callees.bases(owner):
            self.enter_layer(base)
        constructor = self.callees.constructor(owner)
        for name in constructor.parameters:
            if name != constructor.self_name:
                self._parameter(constructor, name, (), Mode.BUILD)


def _names_itself(target: ast.expr, value: ast.expr) -> bool:
    """Whether a value is made from what it replaces: ``w = w - lr * dw``, ``w.data = ...``."""
    found = path_of(target)
    if found is None or found[1]:
        return found is not None and found[1] == ("data",)
    return any(isinstance(node, ast.Name) and node.id == found[0] for node in ast.walk(value))
