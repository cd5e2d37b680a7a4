"""What the kernel saw around a cell: names bound and deleted, objects changed in place, settings.

The text of a cell says what it may do; this says what it did. Nothing here changes the user's
objects, draws a random number, or raises: what cannot be seen is said in words.
"""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbtrack.capture.witnessing.contents import Budget
from nbtrack.capture.witnessing.kinds import is_plain, user_names
from nbtrack.capture.witnessing.live_names import needs_of
from nbtrack.capture.witnessing.process_settings import changed_settings, read_settings
from nbtrack.capture.witnessing.randomness import read_random, used_random
from nbtrack.capture.witnessing.scan import Scanner, changed_objects

if TYPE_CHECKING:
    from nbtrack.capture.slicing.names import CellNames

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Witness:
    """What one cell did, as the kernel saw it.

    Attributes
    ----------
    rebound, deleted : frozenset of str
        Names that stand for another object now, or for none.
    mutated : frozenset of str
        Names whose object, or something it leads to, changed in place.
    needs : frozenset of str
        Names read, with those that the functions, classes and instances behind them read.
    settings : frozenset of str
        Process-wide settings that changed: ``"torch.num_threads"``, ``"env:NAME"``, ``"cwd"``.
    random : mapping of str to state
        Sources of randomness that the cell drew from, with their state at its entry.
    skipped : tuple of str
        In words, what was too large or too slow to look at.
    cost_s : float
        Seconds that looking took, before and after the cell together.
    """

    rebound: frozenset[str] = _NOTHING
    deleted: frozenset[str] = _NOTHING
    mutated: frozenset[str] = _NOTHING
    needs: frozenset[str] = _NOTHING
    settings: frozenset[str] = _NOTHING
    random: Mapping[str, Any] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    cost_s: float = 0.0


class _Bound:
    """What a name stood for; the value itself is held only when it is small and cannot change."""

    __slots__ = ("number", "record", "value")

    def __init__(self, value: Any, record: Any) -> None:
        is_small = is_plain(type(value)) and (
            type(value) not in (str, bytes) or len(value) <= 1 << 16
        )
        self.value = (value,) if is_small else None
        self.number = id(value)
        self.record = record

    def is_still(self, value: Any) -> bool:
        """Whether `value` is the object that the name stood for."""
        if self.value is not None:
            return self.value[0] is value
        return self.number == id(value) and (self.record is None or self.record.is_of(value))


class Watch:
    """Looks at a namespace before and after every cell.

    Parameters
    ----------
    namespace : callable returning mapping of str to object
        The user's namespace, `shell.user_ns`.
    """

    def __init__(self, namespace: Callable[[], Mapping[str, Any]]) -> None:
        self._namespace = namespace
        self._scanner = Scanner()
        self._bound: dict[str, _Bound] = {}
        self._names: CellNames | None = None
        self._needs: frozenset[str] = _NOTHING
        self._touched: Callable[[str], bool] = lambda name: True
        self._random: dict[str, Any] | None = None
        self._settings: dict[str, Any] = {}
        self._skipped: list[str] = []
        self._cost_s = 0.0

    def before(self, names: CellNames) -> None:
        """Take note of everything at the start of a cell.

        Parameters
        ----------
        names : CellNames
            What the text of the cell says.
        """
        started_s = time.perf_counter()
        self._names, self._skipped = names, []
        self._needs, self._random, self._settings = frozenset(names.reads), None, {}
        current = self._guard("the namespace", self._user_names)
        if current is None:
            return
        self._needs = self._guard("needed names", needs_of, names, current) or self._needs
        touched = self._needs.union(names.binds, names.deletes, names.mutates, names.functions)
        self._touched = (lambda name: True) if names.may_bind_anything else touched.__contains__
        self._guard("objects", self._look_at_entry, current)
        self._settings = self._guard("settings", read_settings) or {}
        # Last: nothing of the cell's own may come between this and its first statement.
        self._random = self._guard("randomness", read_random, current)
        self._cost_s = time.perf_counter() - started_s

    @property
    def needs(self) -> frozenset[str]:
        """Names that the cell now running needs, as the objects at its start tell."""
        return self._needs

    def random(self) -> Mapping[str, Any]:
        """All sources of randomness at the entry of the cell now running, with their states."""
        return dict(self._random or {})

    def after(self) -> Witness:
        """What the cell that began with `before` has done; nothing when none has."""
        names, self._names = self._names, None
        if names is None:
            return Witness()
        started_s = time.perf_counter()
        current = self._guard("the namespace", self._user_names)
        if current is None:
            return Witness(needs=self._needs, skipped=tuple(self._skipped))
        drawn: Any = None
        settings = _NOTHING
        if self._random is not None:
            drawn = self._guard("randomness", used_random, self._random, current)
        if self._settings:
            settings = self._guard("settings", changed_settings, self._settings) or _NOTHING
        used, unknown = drawn or ({}, [])
        self._skipped += unknown
        seen = self._guard("objects", self._look_at_end, current, names)
        rebound, deleted, mutated = seen or (_NOTHING, _NOTHING, _NOTHING)
        return Witness(
            rebound=rebound,
            deleted=deleted,
            mutated=mutated,
            needs=self._needs,
            settings=settings,
            random=used,
            skipped=tuple(dict.fromkeys(self._skipped)),
            cost_s=self._cost_s + time.perf_counter() - started_s,
        )

    def _user_names(self) -> dict[str, Any]:
        return user_names(self._namespace())

    def _guard(self, what: str, body: Callable[..., Any], *args: Any) -> Any:
        """``body(*args)``; when it raises, None, and `skipped` says so."""
        try:
            return body(*args)
        except Exception as error:
            self._skipped.append(f"{what}: {type(error).__name__}: {error}"[:200])
            return None

    def _look_at_entry(self, current: dict[str, Any]) -> None:
        """Complete what the end of the last cell left: full looks at what this cell may touch."""
        bound = self._bound
        fresh = {
            name
            for name, value in current.items()
            if name not in bound or not bound[name].is_still(value)
        }
        # The rest is as the last cell left it; that it changes in between is rare.
        names = {
            name: value for name, value in current.items() if name in fresh or self._touched(name)
        }
        table = self._scanner.scan(
            names, self._touched, Budget(), self._skipped.append, is_entry=True
        )
        self._scanner.table = {**self._scanner.table, **table}
        self._remember(current, fresh)

    def _look_at_end(
        self, current: dict[str, Any], names: CellNames
    ) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """Names rebound, deleted and mutated since the entry."""
        old, bound = self._scanner.table, self._bound
        table = self._scanner.scan(current, self._touched, Budget(), self._skipped.append)
        hinted = [id(current[name]) for name in names.mutates if name in current]
        stored = [id(current[name]) for name in names.stores if name in current]
        changed = changed_objects(old, table, hinted, stored)
        rebound = {
            name
            for name, value in current.items()
            if name not in bound or not bound[name].is_still(value)
        }
        # Where the look was cut short, the text has to do.
        mutated = set(self._scanner.cut & names.mutates & current.keys()) - rebound
        # Into modules nobody looks: what the text sets in one is taken as set.
        mutated |= {
            name
            for name in names.stores & current.keys() - rebound
            if isinstance(current[name], types.ModuleType)
        }
        for name in current.keys() - rebound:
            number = id(current[name])
            if number not in changed:
                continue
            record = table.get(number)
            # A list has no identity beyond its address: it may be another one in the same place.
            if record is not None and record.ref is None and name in names.binds:
                rebound.add(name)
                if name not in names.reads and name not in names.mutates:
                    continue
            mutated.add(name)
        deleted = frozenset(bound.keys() - current.keys())
        self._scanner.table = table
        self._remember(current, {*rebound, *(name for name in names.binds if name in current)})
        return frozenset(rebound), deleted, frozenset(mutated)

    def _remember(self, current: dict[str, Any], fresh: set[str]) -> None:
        """What every name stands for now; only `fresh` ones stand for something else."""
        table, known = self._scanner.table, self._bound
        self._bound = {
            name: known[name]
            if name in known and name not in fresh
            else _Bound(value, table.get(id(value)))
            for name, value in current.items()
        }
