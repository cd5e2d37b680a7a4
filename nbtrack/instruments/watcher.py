"""Puts calls into a tracked cell that show us the values its loops give to names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from nbtrack.instruments.scalars import SEE, SEE_INDEX, SEE_ITEM, SEE_LAST, is_watched

_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_Loop = (ast.For, ast.AsyncFor, ast.While)


class ScalarWatcher:
    r"""Makes the assignments in a cell's loops visible; everything else stays as it is.

    Seen are names assigned in loops that call something (also by ``+=``, in tuples, by ``:=``),
    ``x.append(v)`` and ``x[i] = v``, at the cell's top level and in plain functions and methods
    defined there. Not seen: names with a leading underscore, `forward`, decorated functions,
    lambdas. Of the loop variables only indices of samples are looked at. Values pass by reference,
    the line of every statement stays the same.

    Parameters
    ----------
    watch : sequence of str, optional
        The only names to be seen.

    Examples
    --------
    >>> tree = ScalarWatcher().visit(ast.parse("for x in data:\n    y = f(x)"))
    >>> print(ast.unparse(tree))
    for x in data:
        try:
            __nbtrack_see_index__(x)
        except Exception:
            pass
        y = f(x)
        try:
            __nbtrack_see__('y', y)
        except Exception:
            pass
    """

    def __init__(self, watch: Sequence[str] | None = None) -> None:
        self._watch = None if not watch else frozenset(watch)

    def visit(self, tree: ast.Module) -> ast.Module:
        """The same tree, changed in place; compile it as the original."""
        tree.body = self._block(tree.body, False)
        ast.fix_missing_locations(tree)
        return tree

    def _block(self, statements: list[ast.stmt], in_loop: bool) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for statement in statements:
            self._descend(statement, in_loop)
            result.append(statement)
            if in_loop and not isinstance(statement, (*_Function, *_Loop, ast.ClassDef)):
                calls = list(self._calls(statement))
                if calls:
                    result.append(_guarded(calls, statement))
        return result

    def _descend(self, statement: ast.stmt, in_loop: bool) -> None:
        """Treat the blocks inside a compound statement."""
        if isinstance(statement, _Function):
            if not statement.decorator_list and statement.name != "forward":
                statement.body = self._block(statement.body, False)
        elif isinstance(statement, ast.ClassDef):
            statement.body = self._block(statement.body, False)
        elif isinstance(statement, _Loop):
            inside = any(_has_call(child) for child in statement.body)
            statement.body = self._block(statement.body, inside)
            if isinstance(statement, ast.For) and isinstance(statement.target, ast.Name) and inside:
                shown = _call(SEE_INDEX, ast.Name(statement.target.id, ast.Load()))
                statement.body.insert(0, _guarded([shown], statement.iter))
            statement.orelse = self._block(statement.orelse, in_loop)
            if isinstance(statement, ast.While) and inside:
                self._show_walrus(statement, [statement.body])
        elif isinstance(statement, ast.If):
            statement.body = self._block(statement.body, in_loop)
            statement.orelse = self._block(statement.orelse, in_loop)
            if in_loop:
                self._show_walrus(statement, [statement.body, statement.orelse])
        elif isinstance(statement, ast.Match):
            for case in statement.cases:
                case.body = self._block(case.body, in_loop)
        else:  # with, try: every list of statements in it
            for field in ("body", "orelse", "finalbody"):
                block = getattr(statement, field, None)
                if block:
                    setattr(statement, field, self._block(block, in_loop))
            for handler in getattr(statement, "handlers", ()):
                handler.body = self._block(handler.body, in_loop)

    def _show_walrus(self, statement: ast.While | ast.If, blocks: Sequence[list[ast.stmt]]) -> None:
        """Names assigned in a condition are shown at the start of what follows it."""
        calls = [self._see(name) for name in _walrus_names(statement.test) if self._wanted(name)]
        if calls:
            for block in blocks:
                block.insert(0, _guarded(calls, statement.test))

    def _calls(self, statement: ast.stmt) -> Iterator[ast.expr]:
        """The calls that show what a simple statement has assigned."""
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                yield from self._target(target)
        elif isinstance(statement, ast.AugAssign):
            yield from self._target(statement.target)
        elif isinstance(statement, ast.AnnAssign):
            if statement.value is not None:
                yield from self._target(statement.target)
        elif isinstance(statement, ast.Expr):
            yield from self._appended(statement.value)
        if isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr)):
            for name in _walrus_names(statement):
                if self._wanted(name):
                    yield self._see(name)

    def _target(self, target: ast.expr) -> Iterator[ast.expr]:
        if isinstance(target, ast.Name):
            if self._wanted(target.id):
                yield self._see(target.id)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                yield from self._target(element)
        elif isinstance(target, ast.Subscript):
            path = _path(target.value)
            if path is None or not _is_pure(target.slice) or not self._wanted(_static(path)):
                return
            yield _call(SEE_ITEM, _text(path), _load(target.value), _load(target.slice))

    def _appended(self, value: ast.expr) -> Iterator[ast.expr]:
        if (
            isinstance(value, ast.Call)
            and isinstance(value.func, ast.Attribute)
            and value.func.attr == "append"
            and len(value.args) == 1
            and not value.keywords
        ):
            path = _path(value.func.value)
            if path is not None and self._wanted(_static(path)):
                yield _call(SEE_LAST, _text(path), _load(value.func.value))

    def _wanted(self, name: str) -> bool:
        if any(part.startswith("_") for part in name.split("/")):
            return False
        return self._watch is None or is_watched(name, self._watch)

    @staticmethod
    def _see(name: str) -> ast.expr:
        return _call(SEE, ast.Constant(name), ast.Name(name, ast.Load()))


def _guarded(calls: Sequence[ast.expr], after: ast.stmt | ast.expr) -> ast.stmt:
    """The calls as one statement that cannot fail, on the line of the statement they follow."""
    handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
    body: list[ast.stmt] = [ast.Expr(call) for call in calls]
    guarded = ast.Try(body, [handler], [], [])
    line = after.end_lineno or after.lineno
    for node in ast.walk(guarded):
        if isinstance(node, (ast.stmt, ast.expr, ast.excepthandler)):
            node.lineno = node.end_lineno = line
            node.col_offset = node.end_col_offset = 0
    return guarded


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _load(expression: ast.expr) -> ast.expr:
    """A copy of a pure expression, to be evaluated once more."""
    return ast.parse(ast.unparse(expression), mode="eval").body


def _has_call(node: ast.AST) -> bool:
    """Whether running this statement calls something; defining a function does not."""
    if isinstance(node, ast.Call):
        return True
    if isinstance(node, (*_Function, ast.Lambda, ast.ClassDef)):
        return False
    return any(_has_call(child) for child in ast.iter_child_nodes(node))


def _walrus_names(node: ast.AST) -> Iterator[str]:
    """The names that ``:=`` assigns in an expression of this scope."""
    if isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        return
    if isinstance(node, ast.NamedExpr) and isinstance(node.target, ast.Name):
        yield node.target.id
    for child in ast.iter_child_nodes(node):
        yield from _walrus_names(child)


def _path(expression: ast.expr) -> list[str | ast.Name] | None:
    """``history["loss"]`` as ["history", "loss"]; a variable as index stays a Name."""
    if isinstance(expression, ast.Name):
        return [expression.id]
    if isinstance(expression, ast.Attribute):
        base = _path(expression.value)
        if base is None:
            return None
        return [expression.attr] if base in (["self"], ["cls"]) else [*base, expression.attr]
    if isinstance(expression, ast.Subscript):
        base = _path(expression.value)
        index = expression.slice
        if base is None:
            return None
        if isinstance(index, ast.Constant) and isinstance(index.value, (str, int)):
            return [*base, str(index.value)]
        if isinstance(index, ast.Name):
            return [*base, index]
    return None


def _static(path: Sequence[str | ast.Name]) -> str:
    return "/".join(part for part in path if isinstance(part, str))


def _text(path: Sequence[str | ast.Name]) -> ast.expr:
    """An expression for the name of a series: a constant, or an f-string with the indices in it."""
    if all(isinstance(part, str) for part in path):
        return ast.Constant(_static(path))
    values: list[ast.expr] = []
    for position, part in enumerate(path):
        slash = "/" if position else ""
        if isinstance(part, str):
            values.append(ast.Constant(slash + part))
        else:
            values.append(ast.Constant(slash))
            values.append(ast.FormattedValue(ast.Name(part.id, ast.Load()), -1, None))
    return ast.JoinedStr(values)


def _is_pure(expression: ast.expr) -> bool:
    """Whether evaluating it once more does nothing: names, constants and arithmetic."""
    if isinstance(expression, (ast.Name, ast.Constant)):
        return True
    if isinstance(expression, ast.BinOp):
        return _is_pure(expression.left) and _is_pure(expression.right)
    return isinstance(expression, ast.UnaryOp) and _is_pure(expression.operand)
