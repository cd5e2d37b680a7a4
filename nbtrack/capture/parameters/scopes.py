"""What the cells of a slice define, and where: scopes, definitions and calls, as syntax.

All cells of a notebook share one module scope. Lines are counted over the whole slice, so that
they compare: line 3 of the cell at position 2 is ``2 * LINES_PER_CELL + 3``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

LINES_PER_CELL = 1_000_000

DefKind: TypeAlias = Literal[
    "change", "class", "function", "import", "loop", "parameter", "part", "value"
]


@dataclass(eq=False)
class Def:
    """One place that gives a name its value, or changes it.

    Attributes
    ----------
    kind : str
        ``value`` is ``name = expr``; ``change`` is ``name.append(expr)``, or ``name += y``
        with ``name + y`` as its `expr`;
        ``part`` is one of several names that unpack `expr`; ``loop`` takes items of `expr`.
    expr : ast.expr or None
    scope : Scope
        Where `expr` is to be read.
    line : int
    loops : tuple
        The loops around it in its scope, outermost first.
    tests : tuple
        Conditions of the ``if`` around it.
    target : Scope or None
        The function or class.
    dotted : str
        For imports: ``torch.nn``.
    path : tuple of str
        ``("model", "lr")`` for ``name.model.lr = expr`` and ``name["model"]["lr"] = expr``.
    """

    kind: DefKind
    expr: ast.expr | None
    scope: Scope
    line: int
    loops: tuple[ast.stmt, ...] = ()
    tests: tuple[ast.expr, ...] = ()
    target: Scope | None = None
    dotted: str = ""
    path: tuple[str, ...] = ()


@dataclass(eq=False)
class Scope:
    """The module, one function or one class.

    Attributes
    ----------
    defs : dict
        Local names; for a class also what its methods assign to ``self.name``.
    parameters : tuple of str
        In the order of the signature, or of the fields of a class that has no ``__init__``.
    packed : str
        What takes further keyword arguments: ``kw`` of ``**kw``.
    owner : Scope or None
        The class that this is a method of.
    """

    kind: Literal["class", "function", "module"]
    name: str
    node: ast.AST | None = None
    parent: Scope | None = None
    owner: Scope | None = None
    defs: dict[str, list[Def]] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    defaults: dict[str, ast.expr] = field(default_factory=dict)
    packed: str = ""
    methods: dict[str, Scope] = field(default_factory=dict)
    outer: set[str] = field(default_factory=set)

    @property
    def body(self) -> list[ast.stmt]:
        """Its statements."""
        return list(getattr(self.node, "body", ()))

    @property
    def self_name(self) -> str | None:
        """What a method calls its object."""
        return self.parameters[0] if self.owner is not None and self.parameters else None

    def find(self, name: str) -> tuple[Scope, list[Def]] | None:
        """The definitions that `name` has when it is read here."""
        scope: Scope | None = self
        while scope is not None:
            is_seen = scope is self or scope.kind != "class"
            if is_seen and name in scope.defs and name not in scope.outer:
                return scope, scope.defs[name]
            scope = scope.parent
        return None


@dataclass(eq=False)
class CallSite:
    """A call, and where it stands."""

    node: ast.Call
    scope: Scope
    target: str = ""


@dataclass(eq=False)
class Program:
    """The cells of a slice as one program.

    Attributes
    ----------
    cells : list of list of statements
        Per cell; empty where a cell is no Python.
    calls : list of CallSite
        Every call, in the order of the text.
    """

    cells: list[list[ast.stmt]]
    module: Scope
    calls: list[CallSite]


def cell_and_line(line: int) -> tuple[int, int]:
    """The position of the cell and the line in it, of a line counted over the slice."""
    return divmod(line, LINES_PER_CELL)


def path_of(node: ast.expr) -> tuple[str, tuple[str, ...]] | None:
    """``("config", ("model", "lr"))`` for ``config.model.lr`` and ``config["model"]["lr"]``."""
    path: list[str] = []
    while True:
        match node:
            case ast.Attribute(value=inner, attr=attr):
                path.append(attr)
            case ast.Subscript(value=inner, slice=ast.Constant(value=str(key))):
                path.append(key)
            case ast.Name(id=name):
                return name, tuple(reversed(path))
            case _:
                return None
        node = inner


def names_in(target: ast.AST) -> Iterator[str]:
    """All plain names of a target of an assignment or of a loop."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from names_in(element)
    elif isinstance(target, ast.Starred):
        yield from names_in(target.value)
