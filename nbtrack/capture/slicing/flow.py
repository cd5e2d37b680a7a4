"""A walk over the statements of a cell that branch, loop or catch.

Loop and ``try`` bodies count as executed; of the branches of an ``if`` or a ``match``, only what
all of them bind is surely bound.
"""

from __future__ import annotations

import ast

from nbtrack.capture.slicing import bodies, effects
from nbtrack.capture.slicing.bound import LocalScope, merge
from nbtrack.capture.slicing.walk import Walk, target_roots


class CellWalk(Walk):
    """Walk a whole cell and gather what `nbtrack.capture.slicing.names.CellNames` tells."""

    def _on_If(self, node: ast.If) -> None:
        self.visit(node.test)
        taken = _constant_test(node.test)
        if taken is not None:
            self.block(node.body if taken else node.orelse)
            return
        start = self.state
        ends = [*self.branch(start, node.body), *self.branch(start, node.orelse)]
        self.state = merge(ends or [start])

    def _on_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        ends, start = [], self.state
        for case in node.cases:
            before = self.state = start.copy()
            self.visit(case.pattern)
            if case.guard is not None:
                self.visit(case.guard)
            ends += self.branch(before, case.body)
        last = node.cases[-1]
        catches_all = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
        if not catches_all or last.guard is not None:
            ends.append(start)
        self.state = merge(ends or [start])

    def _pattern(self, node: ast.AST) -> None:
        self.block(ast.iter_child_nodes(node))
        for name in bodies.captures(node):
            self.bind(name)

    _on_MatchAs = _on_MatchStar = _on_MatchMapping = _pattern

    def _on_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self.visit(node.target)
        self.hold(target_roots(node.target), effects.held_by(node.iter))
        self._loop(node.body)
        self.block(node.orelse)

    _on_AsyncFor = _on_For

    def _on_While(self, node: ast.While) -> None:
        self.visit(node.test)
        self._loop(node.body)
        self.block(node.orelse)

    def _loop(self, body: list[ast.stmt]) -> None:
        before = self.state.functions.keys()
        known = set(before)
        self.block(body)
        if self.state.functions.keys() - known:  # its functions are known to its second round
            self.block(body)

    def _on_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self.visit(item.optional_vars)
                self.hold(target_roots(item.optional_vars), effects.held_by(item.context_expr))
        self.block(node.body)

    _on_AsyncWith = _on_With

    def _on_Try(self, node: ast.Try) -> None:
        start = self.state.copy()
        self.block([*node.body, *node.orelse])
        end = self.state
        for handler in node.handlers:
            self.state = start.copy()
            if handler.type is not None:
                self.visit(handler.type)
            if handler.name and not self.in_class:  # deleted again where the handler ends
                self.scopes.append(LocalScope({handler.name}))
                self.branch(self.state, handler.body)
                self.scopes.pop()
            else:
                self.branch(self.state, handler.body)
        self.state = start.copy()
        self.block(node.finalbody)
        end.bound |= self.state.bound - start.bound
        end.gone = (end.gone | (self.state.gone - start.gone)) - self.state.bound
        end.functions |= {
            name: body for name, body in self.state.functions.items() if name not in start.functions
        }
        self.state = end

    _on_TryStar = _on_Try

    def _on_TypeAlias(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):  # the value of `type X = ...` is evaluated later
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                self.bind(child.id)


def _constant_test(test: ast.expr) -> bool | None:
    """Whether the branch of an ``if`` is taken, where its text tells."""
    match test:
        case ast.Constant(value):
            return bool(value)
        case ast.Compare(ast.Name("__name__"), [ast.Eq()], [ast.Constant("__main__")]):
            return True
    return None
