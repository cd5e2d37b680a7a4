"""Which loops and functions of a program train, judged by what is written in them."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from nbtrack.capture.parameters.callees import Callees, kind_of
from nbtrack.capture.parameters.scopes import Scope

_BUILDING = frozenset({"layer", "loader", "model", "optimizer", "scheduler"})
_FITTING = frozenset({"fit", "fine_tune", "learn", "optimize", "run", "train"})


class Training:
    """Answers for one program, remembered."""

    def __init__(self, callees: Callees) -> None:
        self._callees = callees
        self._trains: dict[int, bool] = {}
        self._builds: dict[int, bool] = {}
        self._signs: dict[tuple[int, bool], bool] = {}

    def has_sign(self, node: ast.stmt, scope: Scope, in_loop: bool = False) -> bool:
        """Whether a statement goes backward, steps, updates by hand, or calls what does."""
        known = self._signs.get((id(node), in_loop))
        if known is None:
            inside = in_loop or isinstance(node, (ast.For, ast.AsyncFor, ast.While))
            known = not isinstance(node, ast.ClassDef) and any(
                self._is_sign(each, scope, inside) for each in ast.walk(node)
            )
            self._signs[id(node), in_loop] = known
        return known

    def steps(self, node: ast.AST, scope: Scope) -> bool:
        """Whether an optimizer steps, or a gradient is asked for, somewhere in a statement."""
        return any(
            self._is_training_call(each, each.func, scope)
            for each in ast.walk(node)
            if isinstance(each, ast.Call)
        )

    def steps_at_once(self, function: Scope) -> bool:
        """Whether a function is one step: it has the backward pass, and no loop around it."""
        return any(
            self._is_training_call(statement.value, statement.value.func, function)
            and self._callees.resolve(statement.value.func, function).scope is None
            for statement in function.body
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
        )

    def trains(self, function: Scope) -> bool:
        """Whether a call of `function` takes a step, or its gradient."""
        known = self._trains.get(id(function))
        if known is None:
            self._trains[id(function)] = False  # a function that calls itself
            known = any(
                self._is_sign(node, function, True)
                for statement in function.body
                for node in ast.walk(statement)
            )
            self._trains[id(function)] = known
        return known

    def builds(self, function: Scope) -> bool:
        """Whether a function makes models, optimizers or loaders."""
        known = self._builds.get(id(function))
        if known is None:
            self._builds[id(function)] = False
            calls = [
                node
                for statement in function.body
                for node in ast.walk(statement)
                if isinstance(node, ast.Call)
            ]
            known = any(self._makes(call, function) for call in calls)
            self._builds[id(function)] = known
        return known

    def _makes(self, call: ast.Call, scope: Scope) -> bool:
        callee = self._callees.resolve(call.func, scope)
        if callee.scope is None:
            return kind_of(callee.dotted) in _BUILDING
        if callee.scope.kind == "class":
            return self._callees.is_layer(callee.scope)
        return self.builds(callee.scope)

    def upto_last_sign(self, body: Sequence[ast.stmt], scope: Scope) -> list[ast.stmt]:
        """A loop's body without what comes after the training: evaluation and reports."""
        last = max(
            (k for k, each in enumerate(body) if self.has_sign(each, scope, True)), default=-1
        )
        return list(body[: last + 1])

    def _is_sign(self, node: ast.AST, scope: Scope, is_inside: bool) -> bool:
        match node:
            case ast.Call(func=func):
                return self._is_training_call(node, func, scope)
            case ast.Attribute(attr="grad", value=value):
                return not self._callees.resolve(value, scope).dotted.startswith("torch")
            case ast.AugAssign(op=ast.Sub(), value=value):
                return is_inside and _is_product(value)
            case ast.AugAssign(op=ast.Add(), value=value):
                return is_inside and _is_product(value) and _is_negative(value)
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.BinOp(left=ast.Name(id=left), op=ast.Sub(), right=right),
            ):
                return is_inside and name == left and _is_product(right)
        return False

    def _is_training_call(self, call: ast.Call, func: ast.expr, scope: Scope) -> bool:
        callee = self._callees.resolve(func, scope)
        if callee.scope is not None:
            return callee.scope.kind == "function" and self.trains(callee.scope)
        if callee.dotted in ("torch.autograd.grad", "torch.autograd.backward", "torch.func.grad"):
            return True
        if not isinstance(func, ast.Attribute):
            return False
        return func.attr == "backward" or (func.attr == "step" and len(call.args) < 2)


def is_fitting(func: ast.expr) -> bool:
    """Whether a call's name says that it trains: the training itself is in a library."""
    name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    return any(name == word or name.startswith(f"{word}_") for word in _FITTING)


def _is_product(value: ast.expr) -> bool:
    return any(
        isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div))
        for node in ast.walk(value)
    )


def _is_negative(value: ast.expr) -> bool:
    return any(
        isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) for node in ast.walk(value)
    )
