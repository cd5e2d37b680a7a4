"""What the body of a function needs from the namespace when it is called, not when it is defined.

Order does not matter here: which names are a function's own is settled for the whole body.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nbtrack.capture.slicing.effects import Changes, held_by

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class Body:
    """Global names of a function's body, and of all that is nested in it.

    Attributes
    ----------
    reads : frozenset of str
    binds : frozenset of str
        Bound through a ``global`` statement.
    changes : frozenset of str
        Names whose objects it may change in place.
    is_method : bool
        It belongs to a class, or to an object that it was given to: calling that may run it.
    """

    reads: frozenset[str] = frozenset()
    binds: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    is_method: bool = False

    def __or__(self, other: Body) -> Body:
        return Body(
            self.reads | other.reads,
            self.binds | other.binds,
            self.changes | other.changes,
            self.is_method or other.is_method,
        )


def body_of(node: Function | ast.GeneratorExp) -> Body:
    """The global names of a function's body; its defaults and decorators are no part of it."""
    scope = _Scope()
    if isinstance(node, ast.GeneratorExp):
        scope.visit(node)
    else:
        scope.enter(node)
    reads, changes = scope.free()
    return Body(frozenset(reads), frozenset(scope.global_stores), frozenset(changes))


def type_parameters(node: ast.AST) -> set[str]:
    """``T`` of ``def f[T](x: T)``, Python 3.12."""
    return {parameter.name for parameter in getattr(node, "type_params", ())}


def parameters(node: Function) -> Iterator[ast.arg]:
    """All parameters of a function."""
    arguments = node.args
    yield from [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    yield from filter(None, [arguments.vararg, arguments.kwarg])


def defaults(node: Function) -> list[ast.expr]:
    """Default values of a function's parameters."""
    return [*node.args.defaults, *filter(None, node.args.kw_defaults)]


def annotation_nodes(node: Function) -> list[ast.expr]:
    """Annotations of a function's parameters and of what it returns."""
    found = [parameter.annotation for parameter in parameters(node)]
    return [note for note in [*found, getattr(node, "returns", None)] if note is not None]


def captures(pattern: ast.AST) -> Iterator[str]:
    """Names that one node of a ``case`` pattern binds; those below it are not looked at."""
    if isinstance(pattern, ast.MatchAs | ast.MatchStar) and pattern.name:
        yield pattern.name
    elif isinstance(pattern, ast.MatchMapping) and pattern.rest:
        yield pattern.rest


def alias_name(alias: ast.alias) -> str:
    """The name that one alias of an import statement binds: ``a`` for ``import a.b``."""
    return alias.asname or alias.name.partition(".")[0]


class _Scope(ast.NodeVisitor):
    """Names of one function, class body or comprehension, while its syntax is walked."""

    def __init__(self, parent: _Scope | None = None, kind: str = "function") -> None:
        self.parent, self.kind = parent, kind
        self.loads: set[str] = set()
        self.stores: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.below: set[str] = set()  # free names of the scopes within, not of this class body
        self.global_loads: set[str] = set()
        self.global_stores: set[str] = set()
        self.changes = Changes()
        self.changed_below: set[str] = set()
        self.global_changes: set[str] = set()
        self.holds: dict[str, set[str]] = {}

    def enter(self, node: Function) -> None:
        self.stores |= {parameter.arg for parameter in parameters(node)} | type_parameters(node)
        for statement in node.body if isinstance(node.body, list) else [node.body]:
            self.visit(statement)

    def free(self) -> tuple[set[str], set[str]]:
        """Names of the scopes around it: those read, and those changed in place."""
        own = self.stores - self.globals - self.nonlocals
        changed = set(self.changes.guessed)
        while more := {n for name in changed for n in self.holds.get(name, ())} - changed:
            changed |= more  # `for p in params: p.data -= g` changes what params holds
        changed = {name for name in changed if name in own or name in self.loads} - own
        self.global_loads |= self.globals & (self.loads | self.below)
        self.global_stores |= self.globals & self.stores
        self.global_changes |= self.globals & (changed | self.changed_below)
        seen_by_functions = set() if self.kind == "class" else own
        reads = (self.loads - own) | (self.below - seen_by_functions)
        changed |= self.changed_below - seen_by_functions
        if self.parent is None:
            return reads | self.global_loads, changed | self.global_changes
        return reads - self.globals, changed - self.globals

    def _within(self, kind: str) -> _Scope:
        return _Scope(self, kind)

    def _leave(self, inner: _Scope) -> None:
        reads, changed = inner.free()
        self.below |= reads
        self.changed_below |= changed
        self.global_loads |= inner.global_loads
        self.global_stores |= inner.global_stores
        self.global_changes |= inner.global_changes

    def visit(self, node: ast.AST) -> None:
        self.changes.add(node)
        if isinstance(node, ast.Assign):
            self._hold(node.targets, node.value)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self._hold([node.target], node.iter)
        super().visit(node)

    def _hold(self, targets: Iterable[ast.expr], value: ast.expr) -> None:
        for target in targets:
            for name in (n.id for n in ast.walk(target) if isinstance(n, ast.Name)):
                self.holds.setdefault(name, set()).update(held_by(value))

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.loads.add(node.id)
        else:
            self.stores.add(node.id)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.loads.add(node.target.id)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if self.kind == "class":
            self.visit(node.annotation)  # a function's own annotations are never evaluated
        self._visit_all(filter(None, [node.target, node.value]))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        scope = self
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        scope.stores.add(node.target.id)

    def visit_Global(self, node: ast.Global) -> None:
        self.globals |= set(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.nonlocals |= set(node.names)

    def visit_alias(self, node: ast.alias) -> None:
        self.stores.add(alias_name(node))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.stores.add(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self.stores |= set(captures(node))
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self.stores |= set(captures(node))

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.stores |= set(captures(node))
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.stores.add(node.name)
        self._function(node, node.decorator_list)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node, [])

    def _function(self, node: Function, decorators: list[ast.expr]) -> None:
        self._visit_all([*decorators, *defaults(node)])
        known = type_parameters(node)
        notes = _Scope()
        notes._visit_all(annotation_nodes(node))
        self.loads |= notes.free()[0] - known
        inner = self._within("function")
        inner.enter(node)
        self._leave(inner)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.stores.add(node.name)
        self._visit_all(node.decorator_list)
        inner = self._within("class")
        inner._visit_all([*node.bases, *(keyword.value for keyword in node.keywords)])
        inner.below |= inner.loads  # bases are read outside of the body
        inner._visit_all(node.body)
        self._leave(inner)
        self.below -= type_parameters(node) - self.loads

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node, [node.elt])

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node, [node.elt])

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node, [node.elt])

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node, [node.key, node.value])

    def _comprehension(self, node: Comprehension, elements: list[ast.expr]) -> None:
        self.visit(node.generators[0].iter)
        inner = self._within("comprehension")
        for index, generator in enumerate(node.generators):
            inner.changes.add(generator)
            inner._hold([generator.target], generator.iter)
            if index:
                inner.visit(generator.iter)
            inner._visit_all([generator.target, *generator.ifs])
        inner._visit_all(elements)
        self._leave(inner)
