"""Every object that a notebook's names lead to, and which of them changed in place.

A look at the namespace gives a table of records, one per object, with the objects each refers to.
Between two tables, an object *changed* when its own record did, and a name's object changed when
that, or anything it leads to, did: so an alias, a list of tensors and the optimizer that holds them
all tell of the same change.
"""

from __future__ import annotations

import bisect
import collections
import itertools
import sys
import time
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any

from nbtrack.capture.witnessing.contents import Budget
from nbtrack.capture.witnessing.cuda_samples import CudaSamples
from nbtrack.capture.witnessing.fingerprints import Look, look_at
from nbtrack.capture.witnessing.kinds import is_plain

_MAX_OBJECTS = 5000  # that one name is followed to
_COSTLY_S = 0.0001  # a name that took longer is followed only when the cell may touch it


class Record:
    """One object as it was at one moment; it holds the object weakly or not at all."""

    __slots__ = ("error", "full", "inside", "is_deep", "kind", "quick", "ref", "spans", "unseen")

    def __init__(self, thing: Any, is_deep: bool) -> None:
        self.kind = id(type(thing))
        self.is_deep = is_deep
        self.quick: Any = ()
        self.full: Any = None
        self.inside: tuple[int, ...] = ()
        self.spans: Any = ()
        self.unseen: str | None = None
        self.error = ""
        try:
            self.ref: Any = weakref.ref(thing)
        except TypeError:
            self.ref = None

    def is_of(self, thing: Any) -> bool:
        """Whether it tells of this very object, and not of one that lay at its address before."""
        if self.ref is not None:  # its class may have been changed in place
            return self.ref() is thing
        return self.kind == id(type(thing))

    def differs_from(self, before: Record) -> bool:
        """Whether the object behind both records changed between them."""
        if self is before or self.error or before.error:
            return False
        if self.kind != before.kind or self.ref is not before.ref:  # == would ask the objects
            return True
        if self.quick != before.quick:
            return True
        if self.full is None or before.full is None:
            return False
        return bool(self.full != before.full)

    def is_exactly(self, before: Record) -> bool:
        """Whether all contents were compared and are the same."""
        return None not in (self.full, before.full) and self.full == before.full


Table = dict[int, Record]


class Scanner:
    """Looks at the objects behind names, within a budget, and remembers what each name costs."""

    def __init__(self) -> None:
        self.table: Table = {}
        self.cut: set[str] = set()  # names the last scan could not follow to their end
        self._reach: dict[str, tuple[int, ...]] = {}
        self._cost_s: dict[str, float] = {}

    def scan(
        self,
        names: Mapping[str, Any],
        touched: Callable[[str], bool],
        budget: Budget,
        say: Callable[[str], None],
        is_entry: bool = False,
    ) -> Table:
        """A new table of records; what could not be looked at is kept as it was.

        Parameters
        ----------
        touched : callable
            Whether the cell may touch a name; those are looked at first and in full.
        say : callable taking str
            Told in words what was left out.
        is_entry : bool
            Before a cell: a digest that is known is taken over where a sample still agrees.
        """
        table: Table = {}
        self.cut = set()
        samples = CudaSamples()
        first = [name for name in names if touched(name)]
        later = [name for name in names if not touched(name)]
        left_out = 0
        sampled: list[str] = []
        with _plain_torch():
            for is_deep, group in ((True, first), (False, later)):
                for name in group:
                    thing = names[name]
                    if is_plain(type(thing)) or type(thing) is types.ModuleType:
                        continue
                    is_costly = self._cost_s.get(name, 0.0) > _COSTLY_S
                    known = self.table.get(id(thing))
                    is_known = known is not None and known.is_of(thing)
                    is_late = budget.is_spent()
                    if is_late or (is_costly and not is_deep and is_known):
                        left_out += is_late
                        self._keep(name, thing, table)
                        if is_deep:
                            self.cut.add(name)
                        continue
                    num_before = budget.num_sampled
                    self._follow(name, thing, is_deep, table, budget, samples, say, is_entry)
                    if budget.num_sampled > num_before:
                        sampled.append(name)
            samples.read(table)
        if left_out:
            say(f"{left_out} names beyond their identity: the time for a look was over")
        if sampled:
            say(f"only a sample was compared of large arrays in: {', '.join(sampled)}")
        if not is_entry:  # at an entry only some of the names are asked for
            self._reach = {name: ids for name, ids in self._reach.items() if name in names}
            self._cost_s = {name: cost for name, cost in self._cost_s.items() if name in names}
        return table

    def _keep(self, name: str, thing: Any, table: Table) -> None:
        """Take over what is known of a name that is not looked at this time."""
        if id(thing) not in self._reach.get(name, ()):
            return
        for number in self._reach[name]:
            if number in self.table:
                table.setdefault(number, self.table[number])

    def _known(self, thing: Any, record: Record, budget: Budget) -> Look | None:
        """A quick look with the digest that is known, if all agrees with it."""
        known = self.table.get(id(thing))
        if known is None or known.full in (None, ()) or known.inside or not known.is_of(thing):
            return None
        look = look_at(thing, False, budget)
        if look is None or look.quick != known.quick:
            return None
        return look._replace(full=known.full)

    def _follow(
        self,
        name: str,
        thing: Any,
        is_deep: bool,
        table: Table,
        budget: Budget,
        samples: CudaSamples,
        say: Callable[[str], None],
        is_entry: bool,
    ) -> None:
        """Breadth first through what `thing` refers to; objects met before are not met again."""
        started_s = time.perf_counter()
        queue = collections.deque([thing])
        own: list[int] = []
        while queue:
            current = queue.popleft()
            number = id(current)
            if number in table or is_plain(type(current)):
                continue
            if len(own) >= _MAX_OBJECTS or (len(own) & 15 == 15 and budget.is_spent()):
                if is_deep:
                    self.cut.add(name)
                    say(f"{name}: only {len(own)} of the objects in it were looked at")
                break
            record = Record(current, is_deep)
            try:
                look = self._known(current, record, budget) if is_entry and is_deep else None
                look = look or look_at(current, is_deep, budget)
                if look is None:
                    continue
                record.quick, record.full, inside, record.spans, record.unseen = look
                record.inside = tuple(map(id, inside))
                queue.extend(inside)
                samples.add(number, current)
            except Exception as error:
                record.error = f"{name}: {type(error).__name__} when looking at a {_word(current)}"
                say(record.error)
            table[number] = record
            own.append(number)
        self._reach[name] = tuple(own)
        self._cost_s[name] = time.perf_counter() - started_s


def _word(thing: Any) -> str:
    return type(thing).__name__


def _plain_torch() -> Any:
    """A context in which no override of a tensor's functions and no default device applies."""
    torch = sys.modules.get("torch")
    disable = getattr(getattr(torch, "_C", None), "DisableTorchFunction", None)
    return disable() if disable is not None else nullcontext()


def changed_objects(
    old: Table, new: Table, hinted: Iterable[int], stored: Iterable[int]
) -> set[int]:
    """Objects that changed in place, or that lead to one that did.

    Parameters
    ----------
    hinted : iterable of int
        Identities of objects that the text of the cell may change: asked where nothing is seen.
    stored : iterable of int
        Those into which it stores: asked where not all is seen, also of what they lead to.
    """
    hints, stores = set(hinted), set(stored)
    parts = _inside_of(new, stores)
    changed = set()
    for number, record in new.items():
        before = old.get(number)
        if before is None:
            continue
        if record is not before and (
            record.differs_from(before)
            or (record.unseen == "hint" and number in hints)
            or (record.unseen == "read" and record.is_deep)
            or (record.unseen == "part" and number in parts)
            or (record.full is None and record.spans and number in stores)
        ):
            changed.add(number)
    changed |= _sharing_memory(old, new, changed)
    for number, record in new.items():
        before = old.get(number)
        if record.full is None and before is not None and number not in changed:
            record.full = before.full
    return _leading_to(new, changed)


def _inside_of(table: Table, roots: set[int]) -> set[int]:
    """`roots` and everything that they lead to."""
    found, waiting = set(roots), list(roots)
    while waiting:
        record = table.get(waiting.pop())
        for number in record.inside if record is not None else ():
            if number not in found:
                found.add(number)
                waiting.append(number)
    return found


def _sharing_memory(old: Table, new: Table, changed: set[int]) -> set[int]:
    """Arrays and tensors over the memory of one that changed, unless all of them was compared."""
    spans = sorted(span for number in changed for span in new[number].spans)
    if not spans:
        return set()
    starts = [start for start, _ in spans]
    ends = list(itertools.accumulate((end for _, end in spans), max))
    found = set()
    for number, record in new.items():
        before = old.get(number)
        if number in changed or before is None:
            continue
        for start, end in record.spans:
            last = bisect.bisect_left(starts, end) - 1  # of those that begin before its end
            if last < 0 or ends[last] <= start:
                continue
            if record is before:
                record.full = None  # of another time: it no longer holds
            elif record.is_exactly(before):
                continue
            found.add(number)
    return found


def _leading_to(table: Table, changed: set[int]) -> set[int]:
    """`changed`, and all objects from which one of it can be reached.

    What an object leads to mostly comes after it in the table, so two passes from the end do.
    """
    found = set(changed)
    records = [(number, record) for number, record in table.items() if record.inside]
    records.reverse()
    is_growing = bool(found)
    while is_growing:
        num_before = len(found)
        for number, record in records:
            if number not in found and not found.isdisjoint(record.inside):
                found.add(number)
        is_growing = len(found) > num_before
    return found
