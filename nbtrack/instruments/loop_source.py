"""The loops of the user's source that a line stands in: their variables and their lengths."""

from __future__ import annotations

import ast
import linecache
import math
import re
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

_Loop = (ast.For, ast.AsyncFor, ast.While)
_Scope = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_MOST_CHARACTERS = 2_000_000
_EPOCH = re.compile(r"epoch|^ep$", re.IGNORECASE)
# Called with an iterable first, these give as many items.
_AS_LONG = frozenset(
    {"enumerate", "tqdm", "tqdm_notebook", "track", "progress_bar", "reversed", "sorted", "list"}
    | {"tuple", "iter"}
)
_VIEWS = frozenset({"items", "keys", "values"})

Lookup = Callable[[str], Any]  # the value of a name; raises LookupError


class Loop:
    """One ``for`` or ``while`` loop.

    Attributes
    ----------
    path : tuple of str
        The variable that is another one in each pass, with attributes: ``("self", "epoch")``.
        Empty where there is none that can be read.
    is_named_epoch : bool
        Whether that variable is called so.
    """

    def __init__(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        self.path = _counter(node) if isinstance(node, ast.While) else _target(node.target)
        self.is_named_epoch = bool(self.path and _EPOCH.search(self.path[-1]))
        self._iterable = node.iter if isinstance(node, ast.For) else None

    def length(self, lookup: Lookup) -> int | None:
        """How many passes it has, if that can be told without running anything of it."""
        try:
            return None if self._iterable is None else _length(self._iterable, lookup)
        except Exception:  # a name that is not there, a length that its owner does not know
            return None

    def is_over_loader(self, lookup: Lookup) -> bool:
        """Whether it goes through a DataLoader that has a name."""
        node: ast.expr | None = self._iterable
        while isinstance(node, ast.Call) and node.args:
            node = node.args[0]  # enumerate(loader), tqdm(loader)
        try:
            return node is not None and hasattr(value_at(_path(node), lookup), "batch_sampler")
        except Exception:  # no name, or no such name
            return False


class Place:
    """A line of a code object, as its source shows it.

    Attributes
    ----------
    loops : tuple of Loop
        Those around the line in this scope, the outermost first.
    is_conditional : bool
        Whether the line is not reached in every pass of the innermost of them.
    """

    def __init__(self, loops: tuple[Loop, ...] = (), is_conditional: bool = False) -> None:
        self.loops = loops
        self.is_conditional = is_conditional


class LoopSource:
    """Reads source files and cells, each once. A file that was changed since may mislead it."""

    def __init__(self) -> None:
        self._trees: dict[str, ast.Module | None] = {}
        self._loops: dict[int, Loop] = {}

    def place(self, code: CodeType, line: int) -> Place:
        """The loops around a line that `code` executes; none where there is no source."""
        tree = self._tree(code.co_filename)
        scope = None if tree is None else _scope(tree, code)
        if scope is None:
            return Place()
        found: list[Loop] = []
        is_conditional = False
        block: ast.AST | None = scope
        while block is not None:
            if isinstance(block, _Loop) and _covers(block.body, line):
                found.append(self._loops.setdefault(id(block), Loop(block)))
                is_conditional = False
            elif isinstance(block, (ast.If, ast.Match, ast.ExceptHandler)):
                is_conditional = True
            block = next(
                (
                    child
                    for child in ast.iter_child_nodes(block)
                    if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case))
                    and not isinstance(child, _Scope)
                    and _spans(child, line)
                ),
                None,
            )
        return Place(tuple(found), is_conditional)

    def _tree(self, filename: str) -> ast.Module | None:
        if filename not in self._trees:
            self._trees[filename] = None
            source = "".join(linecache.getlines(filename))
            if 0 < len(source) <= _MOST_CHARACTERS:
                flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
                try:
                    tree: Any = compile(source, filename, "exec", flags, dont_inherit=True)
                except (SyntaxError, ValueError):
                    return None
                self._trees[filename] = tree
        return self._trees[filename]


def _scope(tree: ast.Module, code: CodeType) -> ast.AST | None:
    """The function that a code object was compiled from, or the whole module."""
    if code.co_name == "<module>" or code.co_name.startswith("<cell line"):
        return tree
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == code.co_name:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    return None


def _covers(body: list[ast.stmt], line: int) -> bool:
    return body[0].lineno <= line <= (body[-1].end_lineno or body[-1].lineno)


def _spans(node: ast.AST, line: int) -> bool:
    if isinstance(node, ast.match_case):
        return _covers(node.body, line)
    first = getattr(node, "lineno", line + 1)
    return bool(first <= line <= (getattr(node, "end_lineno", None) or first))


def _target(target: ast.expr) -> tuple[str, ...]:
    """The first name that a loop gives its items to."""
    return next(((node.id,) for node in ast.walk(target) if isinstance(node, ast.Name)), ())


def _counter(loop: ast.While) -> tuple[str, ...]:
    """What a ``while`` loop counts its passes in; one that its condition asks, if there is."""
    asked = {path for node in ast.walk(loop.test) if (path := _path(node))}
    counted = list(_counted(loop.body))
    return next((path for path in counted if path in asked), counted[0] if counted else ())


def _counted(body: list[ast.stmt]) -> Iterator[tuple[str, ...]]:
    for statement in body:
        path: tuple[str, ...] = ()
        if isinstance(statement, ast.AugAssign) and isinstance(statement.value, ast.Constant):
            path = _path(statement.target)
        elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp):
            before = _path(statement.value.left)
            if before == _path(statement.targets[0]) and isinstance(
                statement.value.right, ast.Constant
            ):
                path = before
        elif isinstance(statement, (ast.If, ast.With, ast.Try)):
            yield from _counted(statement.body)
        if path:
            yield path


def _path(node: ast.AST) -> tuple[str, ...]:
    """``self.epoch`` as ("self", "epoch"); empty for anything but names and attributes."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        base = _path(node.value)
        return (*base, node.attr) if base else ()
    return ()


def value_at(path: tuple[str, ...], lookup: Lookup) -> Any:
    """The value of a name, or of attributes that its object really holds: no code of it runs.

    Raises
    ------
    LookupError
        If there is none.
    """
    value, no_fields = lookup(path[0]), dict[str, Any]()
    for name in path[1:]:
        value = getattr(value, "__dict__", no_fields)[name]
    return value


def _length(node: ast.expr, lookup: Lookup) -> int | None:
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return None if any(isinstance(each, ast.Starred) for each in node.elts) else len(node.elts)
    if not isinstance(node, ast.Call):
        path = _path(node)
        return length_of(value_at(path, lookup)) if path else None
    called = node.func.attr if isinstance(node.func, ast.Attribute) else _path(node.func)[-1]
    if called in ("range", "trange"):
        return len(range(*(_number(argument, lookup) for argument in node.args)))
    if called == "zip" and node.args:
        each = [_length(argument, lookup) for argument in node.args]
        return None if None in each else min(size for size in each if size is not None)
    if called in _AS_LONG and node.args:
        return _length(node.args[0], lookup)
    if isinstance(node.func, ast.Attribute):
        return _length_of_method(node, node.func, lookup)
    return None


def _length_of_method(node: ast.Call, method: ast.Attribute, lookup: Lookup) -> int | None:
    if method.attr in _VIEWS and not node.args:
        value = value_at(_path(method.value), lookup)
        return len(value) if type(value) is dict else None
    if method.attr == "randperm" and node.args:
        return _number(node.args[0], lookup)
    if method.attr == "split" and len(node.args) == 1 and not isinstance(node.args[0], ast.Tuple):
        path = _path(method.value)
        if path and not hasattr(value_at(path, lookup), "shape"):
            return None  # of a text
        size, each = _length(method.value, lookup), _number(node.args[0], lookup)
        return None if size is None else math.ceil(size / each)
    return None


_ARITHMETIC: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
}


def _number(node: ast.expr, lookup: Lookup) -> int:
    """The whole number that an expression gives, if no code of the user's makes it."""
    value: Any = None
    if isinstance(node, ast.Constant):
        value = node.value
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        value = _ARITHMETIC[type(node.op)](_number(node.left, lookup), _number(node.right, lookup))
    elif isinstance(node, ast.Call) and node.args:
        called = _path(node.func)
        if called == ("len",):
            value = _length(node.args[0], lookup)
        elif called == ("int",):
            return _number(node.args[0], lookup)
        elif called in (("min",), ("max",)):
            numbers = [_number(each, lookup) for each in node.args]
            value = min(numbers) if called == ("min",) else max(numbers)
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        held = value_at(_path(node.value), lookup)
        value = held[node.slice.value] if type(held) in (dict, list, tuple) else None
    elif _path(node):
        value = value_at(_path(node), lookup)
    if not isinstance(value, int):
        raise LookupError("no whole number")
    return value


def length_of(value: Any) -> int | None:
    """How many items an object gives, if it says so and is not used up by being read."""
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtype"):
        return int(shape[0]) if len(shape) else None
    if hasattr(value, "__next__"):
        return None
    if getattr(value, "_dataset_kind", 0) != 0:
        return None  # asked for its length, a loader of an iterable data set warns of it later
    try:
        return len(value)
    except Exception:
        return None
