"""Reading the code of some cells as one program: who defines what, and who calls whom."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from nbtrack.capture.parameters.scopes import (
    LINES_PER_CELL,
    CallSite,
    Def,
    DefKind,
    Program,
    Scope,
    path_of,
)

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_PYTHON_MAGICS = frozenset({"capture", "prun", "time", "timeit"})
_ADDERS = frozenset({"add_module", "append", "extend", "insert", "setdefault", "update"})


def read_program(codes: Sequence[str]) -> Program:
    """Read the code of some cells; one that does not parse has no statements."""
    builder = _Builder()
    cells = []
    for position, code in enumerate(codes):
        statements = parse_cell(code)
        for statement in statements:
            ast.increment_lineno(statement, position * LINES_PER_CELL)
        cells.append(statements)
        for statement in statements:
            builder.visit(statement)
    return Program(cells, builder.module, builder.calls)


def parse_cell(code: str) -> list[ast.stmt]:
    """The statements of a cell, with what stands beneath ``%%time`` and its like."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" and the like are for the kernel to say
            statements = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    unwrapped: list[ast.stmt] = []
    for statement in statements:
        match statement:
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(attr="run_cell_magic"),
                    args=[
                        ast.Constant(value=str(magic)),
                        ast.Constant(),
                        ast.Constant(value=str(body)),
                    ],
                )
            ):
                if magic in _PYTHON_MAGICS:
                    for inner in parse_cell(body):
                        unwrapped.append(ast.increment_lineno(inner, statement.lineno))
            case _:
                unwrapped.append(statement)
    return unwrapped


class _Builder(ast.NodeVisitor):
    def __init__(self) -> None:
        self.module = Scope("module", "")
        self.calls: list[CallSite] = []
        self._scope = self.module
        self._loops: tuple[ast.stmt, ...] = ()
        self._tests: tuple[ast.expr, ...] = ()
        self._target = ""

    def generic_visit(self, node: ast.AST) -> None:
        # As ast.NodeVisitor's, without a look at leaves: most of the nodes of a program.
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        self.visit(item)
            elif isinstance(value, ast.AST) and value._fields and name != "ctx":
                self.visit(value)

    def visit_Name(self, node: ast.Name) -> None:
        """A leaf."""

    def visit_Constant(self, node: ast.Constant) -> None:
        """A leaf."""

    def _define(
        self, name: str, kind: DefKind, expr: ast.expr | None, line: int, **more: object
    ) -> None:
        scope = self._scope
        home = self.module if name in scope.outer else scope
        found = Def(kind, expr, scope, line, self._loops, self._tests, **more)  # type: ignore[arg-type]
        home.defs.setdefault(name, []).append(found)

    def _bind(self, target: ast.expr, value: ast.expr, kind: DefKind = "value") -> None:
        line = target.lineno
        if isinstance(target, ast.Name):
            self._define(target.id, kind, value, line)
        elif isinstance(target, (ast.Tuple, ast.List)):
            pairs = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
            if pairs and kind == "value":
                for each, part in zip(target.elts, value.elts, strict=True):  # type: ignore[attr-defined]
                    self._bind(each, part)
            else:
                for each in target.elts:
                    self._bind(each, value, "loop" if kind == "loop" else "part")
        elif isinstance(target, ast.Starred):
            self._bind(target.value, value, "part")
        elif found := path_of(target):
            name, path = found
            owner = self._scope.owner
            if owner is not None and name == self._scope.self_name:
                self._define_attribute(owner, path, kind, value, line)
            elif path:
                self._define(name, kind, value, line, path=path)
        elif isinstance(target, (ast.Subscript, ast.Attribute)):
            self.visit(target)

    def _define_attribute(
        self, owner: Scope, path: tuple[str, ...], kind: DefKind, value: ast.expr, line: int
    ) -> None:
        found = Def(kind, value, self._scope, line, self._loops, self._tests, path=path[1:] or ())
        owner.defs.setdefault(path[0], []).append(found)

    # Statements

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._bind(target, node.value)
            self._install_method(target, node.value)
        first = path_of(node.targets[0])
        self._named(".".join((first[0], *first[1])).removeprefix("self.") if first else "", node)

    def _install_method(self, target: ast.expr, value: ast.expr) -> None:
        """``Trainer.fit = fit``: a method that is set later."""
        match target, value:
            case ast.Attribute(value=ast.Name(id=owner), attr=name), ast.Name(id=function):
                self._adopt(owner, name, function)

    def _adopt(self, owner: str, name: str, function: str) -> None:
        kept, added = self._last_target(owner), self._last_target(function)
        if kept is not None and added is not None and kept.kind == "class":
            kept.methods[name] = added
            added.owner = kept
            self._collect_self(added, kept)

    def _collect_self(self, method: Scope, owner: Scope) -> None:
        """What a method that is set later has assigned to its object."""
        for found in method.defs.get(method.self_name or "", ()):
            if found.path:
                owner.defs.setdefault(found.path[0], []).append(found)

    def _last_target(self, name: str) -> Scope | None:
        found = self._scope.find(name)
        return found[1][-1].target if found else None

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._bind(node.target, node.value)
            self._named(node.target.id if isinstance(node.target, ast.Name) else "", node)
        scope = self._scope
        if scope.kind == "class" and isinstance(node.target, ast.Name):
            scope.parameters = (*scope.parameters, node.target.id)
            if node.value is not None:
                scope.defaults[node.target.id] = node.value

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._bind(node.target, node.value)
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        value = ast.BinOp(node.target, node.op, node.value)
        self._bind(node.target, ast.copy_location(value, node), "change")
        self.visit(node.value)

    def _named(self, target: str, node: ast.Assign | ast.AnnAssign) -> None:
        before, self._target = self._target, target
        if node.value is not None:
            self.visit(node.value)
        self._target = before

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        before = self._loops
        self.visit(node.iter)
        self._loops = (*before, node)
        self._bind(node.target, node.iter, "loop")
        self._all(node.body)
        self._loops = before
        self._all(node.orelse)

    visit_AsyncFor = visit_For

    def visit_While(self, node: ast.While) -> None:
        before, self._loops = self._loops, (*self._loops, node)
        self.visit(node.test)
        self._all(node.body)
        self._loops = before
        self._all(node.orelse)

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        before, self._tests = self._tests, (*self._tests, node.test)
        self._all([*node.body, *node.orelse])
        self._tests = before

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, item.context_expr, "part")
        self._all(node.body)

    visit_AsyncWith = visit_With

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            dotted = alias.name if alias.asname else bound
            self._define(bound, "import", None, node.lineno, dotted=dotted)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            dotted = f"{node.module or ''}.{alias.name}"
            self._define(alias.asname or alias.name, "import", None, node.lineno, dotted=dotted)

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> None:
        self._scope.outer.update(node.names)

    visit_Nonlocal = visit_Global

    def visit_Expr(self, node: ast.Expr) -> None:
        match node.value:
            case ast.Call(
                func=ast.Name(id="setattr"),
                args=[ast.Name(id=owner), ast.Constant(value=str(name)), ast.Name(id=function)],
            ):
                self._adopt(owner, name, function)
            case ast.Call(func=ast.Attribute(value=holder, attr=attr)) if attr in _ADDERS:
                if path_of(holder):
                    for value in node.value.args:
                        self._bind(holder, value, "change")
        self.visit(node.value)

    # Scopes of their own

    def visit_FunctionDef(self, node: FunctionNode) -> None:
        self._all(node.decorator_list)
        inner = Scope("function", node.name, node, self._scope)
        listed = [*node.args.posonlyargs, *node.args.args]
        defaults = zip(reversed(listed), reversed(node.args.defaults), strict=False)
        inner.defaults = {each.arg: value for each, value in defaults}
        for only, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
            if value is not None:
                inner.defaults[only.arg] = value
        inner.parameters = tuple(each.arg for each in [*listed, *node.args.kwonlyargs])
        inner.packed = node.args.kwarg.arg if node.args.kwarg else ""
        self._all(inner.defaults.values())
        self._define(node.name, "function", None, node.lineno, target=inner)
        if self._scope.kind == "class" and not _is_static(node):
            inner.owner = self._scope
        if self._scope.kind == "class":
            self._scope.methods[node.name] = inner
        owner = self._owner_by_decorator(node)
        if owner is not None:
            owner.methods[node.name] = inner
            inner.owner = owner
        self._inside(inner, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def _owner_by_decorator(self, node: FunctionNode) -> Scope | None:
        """The class in ``@add_to_class(Trainer)`` above a function that takes ``self``."""
        if node.args.args and node.args.args[0].arg == "self":
            for decorator in node.decorator_list:
                match decorator:
                    case ast.Call(args=[ast.Name(id=name)]):
                        found = self._last_target(name)
                        if found is not None and found.kind == "class":
                            return found
        return None

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._all([*node.decorator_list, *node.bases])
        inner = Scope("class", node.name, node, self._scope)
        self._define(node.name, "class", None, node.lineno, target=inner)
        self._inside(inner, node.body)

    def _inside(self, inner: Scope, body: Iterable[ast.stmt]) -> None:
        kept = self._scope, self._loops, self._tests, self._target
        self._scope, self._loops, self._tests, self._target = inner, (), (), ""
        if inner.kind == "function":
            packed = [inner.packed] if inner.packed else []
            for name in (*inner.parameters, *packed):
                self._define(name, "parameter", None, getattr(inner.node, "lineno", 0))
        self._all(body)
        self._scope, self._loops, self._tests, self._target = kept

    def visit_Call(self, node: ast.Call) -> None:
        self.calls.append(CallSite(node, self._scope, self._target))
        self.generic_visit(node)

    def _all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)


def _is_static(node: FunctionNode) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
