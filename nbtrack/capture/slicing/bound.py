"""Names of a cell while it is walked: what is bound by now, and what was read before.

A function of the cell is read where it is used, with the names bound by then.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from nbtrack.capture.slicing.bodies import Body
from nbtrack.capture.slicing.effects import Changes
from nbtrack.capture.slicing.magic_calls import ReadFile

# Results and inputs of earlier executions: `_`, `_3`, `_i`, `_i3`, `In`, `Out`.
_HISTORY = re.compile(r"_{1,3}|_\d+|_i{1,3}|_i\d+|_[io]h|In|Out")


@dataclass
class State:
    """What holds at one point of the walk: names surely bound, surely deleted, and functions."""

    bound: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    functions: dict[str, Body] = field(default_factory=dict)

    def copy(self) -> State:
        """A copy that can go on by itself."""
        return State(set(self.bound), set(self.gone), dict(self.functions))


@dataclass
class LocalScope:
    """A comprehension's or a class body's own names, above the cell's."""

    names: set[str]
    is_class: bool = False
    body: Body = field(default_factory=Body)


def merge(states: list[State]) -> State:
    """What holds whichever of these was reached."""
    merged = states[0].copy()
    for other in states[1:]:
        merged.bound &= other.bound
        merged.gone &= other.gone
        for name, body in other.functions.items():
            merged.functions[name] = merged.functions.get(name, Body()) | body
    return merged


class Bindings:
    """The names of a cell, as far as it has been walked."""

    def __init__(self, read_file: ReadFile, depth: int = 0) -> None:
        self.read_file, self.depth = read_file, depth
        self.state = State()
        self.reads: dict[str, frozenset[str]] = {}
        self.ever_bound: set[str] = set()
        self.definitions: dict[str, Body] = {}  # of a name that is defined twice, both
        self.changes = Changes()
        self.holds: dict[str, set[str]] = {}
        self.imports: dict[str, list[str]] = {}
        self.other_binds: set[str] = set()  # bound by more than import statements
        self.calls: set[str] = set()
        self.opaque: dict[str, None] = {}
        self.strings: set[str] = set()
        self.scopes: list[LocalScope] = []
        self.num_branches = 0  # around the node that is walked
        self._sure_reads: set[str] = set()
        self._function_reads: set[str] = set()

    @property
    def optional(self) -> frozenset[str]:
        """Names read that the cell itself may bind first, or that may never be read at all."""
        sure = self._sure_reads | (self._function_reads - self.ever_bound)
        return frozenset(self.reads.keys() - sure)

    @property
    def in_class(self) -> bool:
        """Whether a class body is walked."""
        return bool(self.scopes) and self.scopes[-1].is_class

    def read(self, name: str, is_called: bool = False) -> None:
        """A name is read now; a function that is only passed on may never be called."""
        if self.is_local(name):
            return
        if is_called:
            self.calls.add(name)
        if name in self.state.functions:
            self.use(self.state.functions[name], {name}, surely=is_called)
        if name in self.state.bound or name in self.state.gone:
            return
        if _HISTORY.fullmatch(name):
            self.opaque[f"reads {name}"] = None
        self.read_outer(name)
        if name not in self.ever_bound:
            self._sure_reads.add(name)

    def read_outer(self, name: str) -> None:
        """A name of the namespace is read, or may be."""
        self.reads.setdefault(name, frozenset(self.state.bound))

    def is_local(self, name: str) -> bool:
        """Whether a name is a comprehension's or a class body's here."""
        top = len(self.scopes) - 1
        return any(
            name in scope.names and (index == top or not scope.is_class)
            for index, scope in enumerate(self.scopes)
        )

    def use(self, body: Body, seen: set[str], surely: bool = True) -> None:
        """A function of the cell may be called now, and all that it calls."""
        surely = surely and not body.is_method
        for name in sorted(body.reads):
            if name in self.state.functions and name not in seen:
                seen.add(name)
                self.use(self.state.functions[name], seen, surely)
            if name in self.state.bound or name in self.state.gone:
                continue
            self.read_outer(name)
            if surely and name not in self.ever_bound:
                self._function_reads.add(name)
        self.changes.guessed |= body.changes
        self.ever_bound |= body.binds
        self.other_binds |= body.binds

    def bind(self, name: str, by_import: bool = False) -> None:
        """A name is bound now, in the class body that is walked or in the cell."""
        if self.in_class:
            self.scopes[-1].names.add(name)
            return
        self.state.bound.add(name)
        self.state.gone.discard(name)
        self.state.functions.pop(name, None)
        self.ever_bound.add(name)
        if not by_import:
            self.other_binds.add(name)

    def define(self, name: str, body: Body) -> None:
        """A name is now that of a function."""
        self.state.functions[name] = body
        self.definitions[name] = self.definitions.get(name, Body()) | body

    def delete(self, name: str) -> None:
        """A name is deleted now."""
        if self.in_class:
            self.scopes[-1].names.discard(name)
            return
        self.read(name)
        self.state.bound.discard(name)
        self.state.gone.add(name)
        self.state.functions.pop(name, None)
        self.other_binds.add(name)
        if self.num_branches:
            self.changes.guessed.add(name)
            self.changes.stored.add(name)

    def hold(self, names: Iterable[str], held: Iterable[str]) -> None:
        """The objects of `names` may from now on be, or hold, those of `held`."""
        held = set(held)
        for name in names:
            self.holds.setdefault(name, set()).update(held)

    def note_changes(self, node: ast.AST) -> None:
        """Note which names of the cell one node may change in place."""
        found = Changes()
        found.add(node)
        for name in found.guessed:
            if not self.is_local(name):
                self.changes.guessed.add(name)
        for name in found.stored:
            if not self.is_local(name):
                self.changes.stored.add(name)
