"""What differs between two runs: in a few words, or side by side.

"lr 0.1 → 0.01", "no weight_decay", "cell 7 edited", "seed 0 → 1".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from nbtrack.capture.parameters.vocabulary import importance, plain_name
from nbtrack.errors import StoreError
from nbtrack.records import Cell, RunInfo, Snapshot
from nbtrack.store import Store, StoredRun
from nbtrack.versioning.cell_changes import (
    CellChange,
    cell_changes,
    named_literals,
    other_literals,
    pair_cells,
    shape,
)
from nbtrack.versioning.snapshot import read_snapshot

Changed: TypeAlias = tuple[tuple[str, Any, Any], ...]

_MACHINE = ("system/", "throughput/", "every/")
_LONGEST_VALUE = 24
_LIVE = frozenset({"loader", "model", "optimizer"})


def changes(before: RunInfo | None, after: RunInfo) -> tuple[str, ...]:
    """What changed from one run to the next.

    Parameters
    ----------
    before : RunInfo or None
        The earlier run; None when there is none.
    after : RunInfo
        The later run.

    Returns
    -------
    tuple of str
        Parameters first, those that matter most at the front, then cells, then the seed;
        ``("first run",)`` without an earlier one, ``("nothing",)`` when all is equal.

    Notes
    -----
    ``cell 7`` is the number that the later run's cell had in the notebook; a cell that only moved,
    or got another layout or comment, is not told.
    """
    if before is None:
        return ("first run",)
    pairs = pair_cells(before.cells, after.cells)
    told = dict(_params(before, after, pairs))
    values = {(str(old), str(new)) for old, new in told.values()}
    found = [_sentence(name, old, new) for name, (old, new) in told.items() if name != "seed"]
    for old_cell, new_cell in pairs:
        found += _cell_sentence(old_cell, new_cell, after.cells, values)
    seeds = (before.seed, after.seed)
    if seeds[0] == seeds[1] and "seed" in told:
        seeds = told["seed"]
    if seeds[0] != seeds[1]:
        found.append(f"seed {show(seeds[0])} → {show(seeds[1])}")
    return tuple(found) or ("nothing",)


def param_changes(before: RunInfo, after: RunInfo) -> Iterator[tuple[str, Any, Any]]:
    """The parameters that differ, those that matter most first; None where a run has none."""
    for name, (old, new) in _params(before, after, []):
        yield name, None if old is _NONE else old, None if new is _NONE else new


def previous(store: Store, info: RunInfo) -> RunInfo | None:
    """The run before this one, of the same notebook where there is one; no repetition of a run.

    Reads the index, and the ``run.json`` of the run that it gives: cheap in a large store too.
    """
    earlier = [row for row in store.runs.rows() if row["started_s"] < info.started_s]
    earlier.sort(key=lambda row: row["notebook"] != info.notebook)  # stable: newest first in each
    for row in earlier:
        try:
            found = store.get(row["id"]).info
        except (OSError, LookupError):
            continue  # deleted since it was listed, or damaged
        if found.reproduces is None:
            return found
    return None


def lr_change(before: RunInfo | None, after: RunInfo) -> str | None:
    """The first learning rate that the optimizer used, where it differs and nothing named says so.

    A rate that is set in a way that no rule reads shows in no parameter and no literal.
    """
    if before is None or any(change.startswith("lr ") for change in after.changed):
        return None
    key = "lr/group0"
    old, new = (info.summary.get(key, {}).get("first") for info in (before, after))
    return None if old is None or new is None or old == new else f"lr {show(old)} → {show(new)}"


class _Absent:
    def __str__(self) -> str:
        return ""


_NONE: Any = _Absent()


def _params(
    before: RunInfo, after: RunInfo, pairs: list[tuple[Cell | None, Cell | None]]
) -> list[tuple[str, tuple[Any, Any]]]:
    """Names with their old and new values, where they differ."""
    found: dict[str, tuple[Any, Any]] = {}
    literals: dict[str, Any] = {}
    for old_cell, new_cell in pairs:
        if old_cell is None or new_cell is None:
            continue
        old, new = named_literals(old_cell.source)[0], named_literals(new_cell.source)[0]
        literals |= old
        for name in new:
            if name in old and _differ(old[name], new[name]):
                found[name] = old[name], new[name]
    has_live = all(_LIVE & set(info.origins.values()) for info in (before, after))
    knows_none = not before.params and before.snapshot is None
    for name in dict.fromkeys([*before.params, *after.params]):
        old, new = (info.params.get(name, _NONE) for info in (before, after))
        if old is _NONE or new is _NONE:
            owner = after if old is _NONE else before
            is_live = owner.origins.get(name) in _LIVE and not has_live
            if is_live or (old is _NONE and (knows_none or name in literals)):
                continue  # one of the two runs could not know it
        if _differ(old, new):
            found[name] = old, new
        else:
            found.pop(name, None)
    known = {*before.params, *after.params}
    order = sorted(found, key=lambda name: (importance(name), name not in known))
    return [(name, found[name]) for name in _once(order, found)]


def _once(names: list[str], found: Mapping[str, tuple[Any, Any]]) -> list[str]:
    """One name of those that say the same: ``lr`` and the ``LEARNING_RATE`` it was set from."""
    kept: dict[tuple[str, str, str], str] = {}
    for name in names:
        old, new = found[name]
        key = (plain_name(name), str(old), str(new)) if "." not in name else (name, "", "")
        if key not in kept or name == key[0]:
            kept[key] = name
    return [name for name in names if name in kept.values()]


def _differ(old: Any, new: Any) -> bool:
    if isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)):
        return list(old) != list(new)
    same = old == new or (old != old and new != new)  # nan
    return not same or isinstance(old, bool) != isinstance(new, bool)


def _sentence(name: str, old: Any, new: Any) -> str:
    if new is _NONE:
        return f"no {name}"
    return f"{name} {show(new)}" if old is _NONE else f"{name} {show(old)} → {show(new)}"


def _cell_sentence(
    old: Cell | None, new: Cell | None, cells: tuple[Cell, ...], told: set[tuple[str, str]]
) -> Iterator[str]:
    if old is None or new is None:
        cell = old or new
        if cell is not None and not cell.is_part and shape(cell.source) != shape(""):
            yield f"{_label(cell, cells)} {'added' if old is None else 'removed'}"
        return
    if old.is_part or new.is_part or shape(old.source) == shape(new.source):
        return
    (before, old_tree), (after, new_tree) = named_literals(old.source), named_literals(new.source)
    other = other_literals(old_tree, new_tree)
    explained = (
        other is not None
        and before.keys() == after.keys()
        and all((str(a), str(b)) in told for a, b in other)
    )
    if not explained:
        yield f"{_label(new, cells)} edited"


def _label(cell: Cell, cells: tuple[Cell, ...]) -> str:
    if cell.count is not None:
        return f"cell {cell.count}"
    return "tracked cell" if cells and cell is cells[-1] else "a cell"


def show(value: Any) -> str:
    """A value in at most 24 characters."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


# Side by side


class RunName(NamedTuple):
    """The id and the label of a run."""

    id: str
    name: str


@dataclass(frozen=True, repr=False)
class RunDiff:
    """What differs between two runs.

    Attributes
    ----------
    a, b : RunName
        ``.id`` and ``.name`` of the two.
    params : tuple of (str, old, new)
        Parameters that differ, those that matter most first; None where a run has none.
    cells : tuple of CellChange
        All cells of the two slices, with the kind of each and a unified diff.
    environment : tuple of (str, old, new)
    data : tuple of (str, old, new)
        Files and variables whose digests differ; None where a run did not use it.
    seed : tuple of (old, new) or None
        None where it is the same.
    results : tuple of (str, a, b)
        The last loss and the other metrics of each; None where a run has none.
    """

    a: RunName
    b: RunName
    params: Changed = ()
    cells: tuple[CellChange, ...] = ()
    environment: Changed = ()
    data: Changed = ()
    seed: tuple[int | None, int | None] | None = None
    results: Changed = ()

    @property
    def is_same(self) -> bool:
        """Whether both ran the same code on the same data in the same environment."""
        edited = any(cell.kind != "same" for cell in self.cells)
        return not (self.params or edited or self.environment or self.data or self.seed)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        head = f"{self.a.id} {self.a.name} → {self.b.id} {self.b.name}"
        lines = [head]
        lines += _section("parameters", [_arrow(*each) for each in self.params])
        if self.seed is not None:
            lines += _section("seed", [_arrow("seed", *self.seed)])
        lines += _section("code", [line for cell in self.cells for line in _cell_lines(cell)])
        lines += _section("data", [_arrow(*each) for each in self.data])
        lines += _section("environment", [_arrow(*each) for each in self.environment])
        if self.is_same:
            lines.append("the same code, parameters, data and environment")
        lines += _section("results", [_arrow(*each) for each in self.results])
        return "\n".join(lines)


def diff_runs(a: StoredRun, b: StoredRun) -> RunDiff:
    """What differs between two runs.

    Parameters
    ----------
    a, b : StoredRun
        Usually the earlier and the later one.

    Returns
    -------
    RunDiff
        ``print`` tells it in words. What a run did not keep (a snapshot, before it has ended) is
        not compared.

    Raises
    ------
    StoreError
        If the ``run.json`` of one is damaged.
    """
    old, new = a.info, b.info
    before, after = _snapshot(a), _snapshot(b)
    return RunDiff(
        a=RunName(a.id, old.name),
        b=RunName(b.id, new.name),
        params=tuple(each for each in param_changes(old, new) if each[0] != "num_params"),
        cells=cell_changes(old.cells, new.cells),
        environment=_environment(before, after),
        data=_data(before, after),
        seed=None if old.seed == new.seed else (old.seed, new.seed),
        results=_results(a, b),
    )


def _snapshot(run: StoredRun) -> Snapshot | None:
    """What the run was made of; None where it was not kept, or is lost."""
    if run.info.snapshot is None:
        return None
    try:
        return read_snapshot(run.store.blobs, run.info.snapshot)
    except StoreError:
        return None


def _environment(before: Snapshot | None, after: Snapshot | None) -> Changed:
    if before is None or after is None:
        return ()
    from nbtrack.versioning.repeating.environment_diff import environment_differences

    found = environment_differences(before.environment, after.environment)
    return tuple((each.name, each.recorded, each.present) for each in found)


def _data(before: Snapshot | None, after: Snapshot | None) -> Changed:
    if before is None or after is None:
        return ()
    old, new = before.data, after.data
    found = []
    for name in dict.fromkeys([*old, *new]):
        digests = _digest(old.get(name)), _digest(new.get(name))
        if digests[0] != digests[1]:
            found.append((name, *digests))
    return tuple(found)


def _digest(data: Mapping[str, Any] | None) -> Any:
    return None if data is None else data.get("digest")


def _results(a: StoredRun, b: StoredRun) -> Changed:
    old, new = a.summary(), b.summary()
    keys = [key for key in dict.fromkeys([*old, *new]) if _is_result(key)]
    keys.sort(key=lambda key: (key != "loss", key))
    return tuple((key, old.get(key, {}).get("last"), new.get(key, {}).get("last")) for key in keys)


def _is_result(key: str) -> bool:
    readings = ("amp/", "grad_norm/", "lr/", "nonfinite/", "update_ratio/", "weight_norm/")
    return not key.startswith((*_MACHINE, *readings))


# In words


def _section(title: str, lines: Iterable[str]) -> list[str]:
    listed = list(lines)
    return [title, *(f"  {line}".rstrip() for line in listed)] if listed else []


def _arrow(name: str, old: Any, new: Any) -> str:
    a, b = ("-" if value is None else show(value) for value in (old, new))
    return f"{name} {a}" if a == b else f"{name} {a} → {b}"


def _cell_lines(change: CellChange) -> list[str]:
    if change.kind == "same":
        return []
    return [f"{_cell_name(change.after or change.before)} {change.kind}", *change.lines]


def _cell_name(cell: Cell | None) -> str:
    return "cell" if cell is None or cell.count is None else f"cell {cell.count}"
