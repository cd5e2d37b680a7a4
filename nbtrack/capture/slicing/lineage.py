"""What became of every name, execution by execution: bound, deleted, changed, and held by what.

What the kernel saw counts; where nobody watched, the text has to do, and then objects are followed
through the names that may hold them: what ``opt.step()`` changes is also ``model``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Literal

from nbtrack.capture.slicing.names import CellNames

EventKind = Literal["binds", "may bind", "imports", "deletes", "changes"]
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Step:
    """One executed cell, as far as the graph needs it.

    Attributes
    ----------
    names : CellNames
    needs : frozenset of str or None
        Outer names that it read, with those that the functions, classes and instances among them
        refer to, as the kernel saw; None where nobody watched.
    rebound, deleted, mutated : frozenset of str or None
        What the kernel saw of its names; None where nobody watched.
    files_read, files_written : frozenset of str
        Absolute paths.
    settings : frozenset of str
        Process-wide settings that it changed: ``torch.default_dtype``, ``env:NAME``.
    """

    names: CellNames
    needs: frozenset[str] | None = None
    rebound: frozenset[str] | None = None
    deleted: frozenset[str] | None = None
    mutated: frozenset[str] | None = None
    files_read: frozenset[str] = _NOTHING
    files_written: frozenset[str] = _NOTHING
    settings: frozenset[str] = _NOTHING

    @property
    def is_watched(self) -> bool:
        """Whether the kernel saw what it did to its names."""
        return self.rebound is not None


@dataclass(frozen=True)
class Event:
    """What one execution did to one name."""

    position: int
    kind: EventKind


@dataclass(eq=False)
class _Value:
    """What a name is bound to from one execution to the next that binds it."""

    name: str
    position: int
    is_import: bool = False
    functions: list[tuple[int, frozenset[str]]] = field(default_factory=list)
    effects: set[str] = field(default_factory=set)
    holds: list[tuple[int, _Value]] = field(default_factory=list)
    held_by: dict[_Value, None] = field(default_factory=dict)

    @property
    def is_code(self) -> bool:
        """A function, class or module: what an object of it does leaves it as it is."""
        return self.is_import or bool(self.functions)


class Lineage:
    """The events of all names over a sequence of executions."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self.events: dict[str, list[Event]] = defaultdict(list)
        self._bindings: dict[str, list[Event]] = {}
        self._values: dict[str, list[_Value]] = defaultdict(list)
        self._has_effects = False
        for position, step in enumerate(steps):
            self._add(position, step)
        for name, events in self.events.items():
            self._bindings[name] = [event for event in events if event.kind != "changes"]

    def before(self, name: str, position: int) -> int:
        """How many events of a name lie before a position."""
        return bisect_left(self.events.get(name, []), position, key=_position)

    def is_bound(self, name: str, position: int) -> bool:
        """Whether an execution before a position may have given a name a value."""
        bindings = self._bindings.get(name, [])
        index = bisect_left(bindings, position, key=_position)
        return index > 0 and bindings[index - 1].kind != "deletes"

    def called(
        self, names: Iterable[str], position: int, bound: frozenset[str] = _NOTHING
    ) -> tuple[set[str], set[str]]:
        """Global names that using some names may read, and those it may bind or change.

        Parameters
        ----------
        names : iterable of str
            Names that the execution at `position` reads.
        bound : frozenset of str
            Names that it had bound itself by then.
        """
        reads: set[str] = set()
        effects: set[str] = set()
        seen: set[int] = set()
        todo = [value for name in names if (value := self._current(name, position)) is not None]
        while todo:
            value = todo.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            effects |= value.effects
            todo += [held for since, held in value.holds if since < position]
            for since, needed in value.functions:
                if since >= position:
                    continue
                own = self._own_functions(needed & bound, position, bound)
                step = self.steps[position].names
                for name in own:
                    needed |= step.functions[name]
                    effects |= step.effects.get(name, _NOTHING)
                for name in needed - bound - reads:
                    reads.add(name)
                    current = self._current(name, position)
                    if current is not None:
                        todo.append(current)
        return reads, effects - bound

    def _own_functions(
        self, called: frozenset[str], position: int, bound: frozenset[str]
    ) -> set[str]:
        """Functions that the cell had defined itself by then, among those called, and by them."""
        functions = self.steps[position].names.functions
        found: set[str] = set()
        todo = [*called]
        while todo:
            name = todo.pop()
            if name in functions and name in bound and name not in found:
                found.add(name)
                todo += functions[name]
        return found

    def is_function(self, name: str, position: int) -> bool:
        """Whether a name is bound to a function when an execution starts, as far as it is known."""
        value = self._current(name, position)
        if value is None:
            return False
        names = self.steps[value.position].names
        return name in names.functions.keys() - names.classes

    def import_of(self, name: str, position: int) -> str:
        """The import statements by which an execution binds a name; empty where it binds none."""
        return self.steps[position].names.imports.get(name, "")

    # ---- one execution --------------------------------------------------------------------------

    def _add(self, position: int, step: Step) -> None:
        names = step.names
        effects: set[str] = set()
        self._has_effects |= bool(names.effects)
        if step.mutated is None and self._has_effects:
            for read, bound in names.reads.items():
                effects |= self.called([read], position, bound)[1]
        bound_now = names.binds if step.rebound is None else step.rebound
        deleted = names.deletes if step.rebound is None else (step.deleted or _NOTHING)
        before = {
            name: value
            for name in {*bound_now, *names.mutates, *names.holds}
            if (value := self._current(name, position)) is not None
        }
        for name in sorted(bound_now):
            self._bind(name, position, step, before.get(name))
        self._link(position, names, before, bound_now)
        if step.mutated is None:
            changed = self._changed(position, step, before)
            self._note(effects - bound_now - changed, position, "may bind")
        else:
            changed = set(step.mutated)
        # `import torch` and `torch.x = 1` in one cell: the statement alone will not do
        self._note(changed - (bound_now - names.imports.keys()), position, "changes")
        if step.rebound is not None:  # the same module imported again, perhaps a part of it
            dotted = {name for name, text in names.imports.items() if f"import {name}." in text}
            self._note(dotted - bound_now, position, "imports")
        for name in sorted(deleted):
            self.events[name].append(Event(position, "deletes"))
            self._values[name].append(_Value(name, position))
        self._forget([value for value in before.values() if not self._is_current(value)])

    def _note(self, names: Iterable[str], position: int, kind: EventKind) -> None:
        for name in names:
            self.events[name].append(Event(position, kind))

    def _bind(self, name: str, position: int, step: Step, before: _Value | None) -> None:
        names = step.names
        is_import = name in names.imports
        value = _Value(name, position, is_import, effects=set(names.effects.get(name, ())))
        if name in names.functions:
            value.functions.append((-1, names.functions[name]))
        self._values[name].append(value)
        surely = step.is_watched or name in names.surely_binds
        if not surely and before is not None:
            self._hold(value, before, -1)
        kind: EventKind = "imports" if is_import else "binds" if surely else "may bind"
        self.events[name].append(Event(position, kind))

    def _link(
        self,
        position: int,
        names: CellNames,
        before: dict[str, _Value],
        bound_now: frozenset[str],
    ) -> None:
        """Note which values hold which from this execution on."""
        for name in names.functions.keys() - bound_now:  # a method set on a class of another cell
            if (value := before.get(name) or self._current(name, position)) is not None:
                value.functions.append((position, names.functions[name]))
        for name, held in names.holds.items():
            value = self._values[name][-1] if name in bound_now else before.get(name)
            if value is None or (value.is_import and name not in bound_now):
                continue
            since = -1 if name in bound_now else position
            for other in sorted(held):
                if other in bound_now and self._values[other][-1] is not value:
                    self._hold(value, self._values[other][-1], since)
                if other not in bound_now or other in names.reads:
                    old = self._current(other, position)
                    if old is not None:
                        self._hold(value, old, since)

    @staticmethod
    def _hold(value: _Value, held: _Value, since: int) -> None:
        value.holds.append((since, held))
        held.held_by[value] = None

    def _is_current(self, value: _Value) -> bool:
        return self._values[value.name][-1] is value

    def _forget(self, values: list[_Value]) -> None:
        """Values that nothing can reach any more are no way by which others are changed."""
        while values:
            value = values.pop()
            if value.held_by or self._is_current(value):
                continue
            for _, held in value.holds:
                if held.held_by.pop(value, 0) is None:
                    values.append(held)

    def _changed(self, position: int, step: Step, before: dict[str, _Value]) -> set[str]:
        """Names of other executions whose objects this one may change, by its text."""
        names = step.names
        start: list[_Value] = []
        unknown = set()
        for name in names.mutates:
            current = self._values[name][-1] if self._values.get(name) else None
            for value in {id(v): v for v in (before.get(name), current) if v is not None}.values():
                if not value.is_import or name in names.stores:
                    start.append(value)
            if current is None:
                unknown.add(name)
        below = _reach(start, lambda value: [held for _, held in value.holds if not held.is_code])
        touched = _reach(below, lambda value: [h for h in value.held_by if not h.is_import])
        return {value.name for value in touched if self._is_current(value)} | unknown

    def _current(self, name: str, position: int) -> _Value | None:
        """What a name is bound to when the execution at a position starts."""
        values = self._values.get(name)
        if not values:
            return None
        if values[-1].position < position:
            return values[-1]
        index = bisect_left(values, position, key=_position)
        return values[index - 1] if index else None


_position = attrgetter("position")


def _reach(start: Iterable[_Value], following: Callable[[_Value], list[_Value]]) -> list[_Value]:
    found: dict[int, _Value] = {}
    todo = list(start)
    while todo:
        value = todo.pop()
        if id(value) not in found:
            found[id(value)] = value
            todo += following(value)
    return list(found.values())
