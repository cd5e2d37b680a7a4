"""In what two groups of runs differ: parameters, environment, data, code; and what is the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbtrack.evaluate.chosen import Entry
from nbtrack.evaluate.code_key import code_key
from nbtrack.evaluate.groups import Group, canonical, varying
from nbtrack.versioning import RunDiff, diff_runs
from nbtrack.versioning.diff import show


@dataclass(frozen=True)
class Differences:
    """What sets group `b` apart from group `a`.

    Attributes
    ----------
    a, b : Group
    params : tuple of (str, tuple, tuple)
        Parameters whose values are not the same in both, with the values of each group, those that
        matter most first.
    runs : RunDiff or None
        One run of each held against each other; None where one was deleted.
    a_run, b_run : Entry
        These two: of one seed where there is one in both.
    num_params : int
    """

    a: Group
    b: Group
    params: tuple[tuple[str, tuple[Any, ...], tuple[Any, ...]], ...]
    a_run: Entry
    b_run: Entry
    runs: RunDiff | None
    num_params: int


def differences(a: Group, b: Group) -> Differences:
    """What differs between two groups; reads one run of each."""
    params = []
    entries = [*a.entries, *b.entries]
    for name in varying(entries):
        old, new = (_values(group, name) for group in (a, b))
        if sorted(map(canonical, old)) != sorted(map(canonical, new)):
            params.append((name, old, new))
    first, second = stand_ins(a, b)
    try:
        found = diff_runs(first.run, second.run)
    except OSError:
        found = None
    known = {name for entry in entries for name in entry.params}
    return Differences(a, b, tuple(params), first, second, found, len(known))


def _values(group: Group, name: str) -> tuple[Any, ...]:
    """The values of a parameter in a group, the most frequent first."""
    counts: dict[str, list[Any]] = {}
    for entry in group.entries:
        value = entry.params.get(name)
        counts.setdefault(canonical(value), []).append(value)
    return tuple(found[0] for found in sorted(counts.values(), key=lambda found: -len(found)))


def stand_ins(a: Group, b: Group) -> tuple[Entry, Entry]:
    """A run of each group, of the same seed where there is one, else the newest that counts."""
    counting = [
        [entry for entry in group.entries if group.values[entry.id].value is not None]
        or list(group.entries)
        for group in (a, b)
    ]
    for entry in counting[0]:
        for other in counting[1]:
            if entry.seed is not None and entry.seed == other.seed:
                return entry, other
    return counting[0][-1], counting[1][-1]


def also_differ(found: Differences, named: Sequence[str]) -> list[str]:
    """What else than the parameters named differs, in words for the verdict."""
    names = [name for name, _, _ in found.params if name not in named]
    runs = found.runs
    if runs is not None:
        edited = [change for change in runs.cells if change.kind != "same"]
        told = {name for name, _, _ in found.params}
        is_same = code_key(found.a_run) == code_key(found.b_run)
        if edited and not is_same and _is_more_than_values(runs, told):
            names.append("code")
        if runs.data:
            names.append("data")
        if runs.environment:
            names.append("environment")
    return names


def _is_more_than_values(runs: RunDiff, told: set[str]) -> bool:
    """Whether the cells differ in more than literals that the parameters tell already."""
    from nbtrack.versioning.cell_changes import named_literals, other_literals

    values = {(str(old), str(new)) for name, old, new in runs.params if name in told}
    if runs.seed is not None:
        values.add((str(runs.seed[0]), str(runs.seed[1])))
    for change in runs.cells:
        if change.kind == "same":
            continue
        if change.before is None or change.after is None:
            return True
        (before, old), (after, new) = (
            named_literals(cell.source) for cell in (change.before, change.after)
        )
        rest = other_literals(old, new)
        if rest is None or before.keys() != after.keys():
            return True
        moved = [*rest, *((before[name], after[name]) for name in before)]
        if any(str(x) != str(y) and (str(x), str(y)) not in values for x, y in moved):
            return True
    return False


def differ_json(found: Differences) -> dict[str, Any]:
    """As the page gets it."""
    runs = found.runs
    return {
        "a": found.a.letter,
        "b": found.b.letter,
        "a_run": found.a_run.id,
        "b_run": found.b_run.id,
        "params": [
            {
                "name": name,
                "a": _first(old),
                "b": _first(new),
                "a_more": len(old) - 1,
                "b_more": len(new) - 1,
            }
            for name, old, new in found.params
        ],
        "num_params": found.num_params,
        "environment": _changed(runs.environment if runs else ()),
        "data": _changed(runs.data if runs else ()),
        "same": same_words(found),
    }


def _first(values: Sequence[Any]) -> str | None:
    return None if not values or values[0] is None else show(values[0])


def _changed(changed: Sequence[tuple[str, Any, Any]]) -> list[dict[str, Any]]:
    texts = (None if value is None else show(value) for each in changed for value in each[1:])
    return [
        {"name": name, "a": a, "b": b}
        for (name, _, _), a, b in zip(changed, texts, texts, strict=False)
    ]


def same_words(found: Differences) -> str:
    """``Same: environment, data, seeds 0 to 4.``; empty where nothing is known to be."""
    same = []
    runs = found.runs
    has_both = all(_has_snapshot(entry) for entry in (found.a_run, found.b_run))
    if runs is not None and has_both:
        same += [] if runs.environment else ["environment"]
        same += [] if runs.data else ["data"]
    if runs is not None and runs.cells and all(c.kind == "same" for c in runs.cells):
        same.append("code")
    seeds = [sorted(set(group.seeds), key=str) for group in (found.a, found.b)]
    if seeds[0] and seeds[0] == seeds[1]:
        same.append(seed_words(seeds[0]))
    return f"Same: {', '.join(same)}." if same else ""


def seed_words(seeds: Sequence[Any]) -> str:
    """``seeds 0 to 4``, ``seed 3``, ``seeds 1, 5 and 9``."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if all(isinstance(seed, int) for seed in seeds):
        ordered = sorted(seeds)
        if ordered == list(range(ordered[0], ordered[0] + len(ordered))):
            return f"seeds {ordered[0]} to {ordered[-1]}"
    shown = [str(seed) for seed in seeds[:6]]
    return (
        f"seeds {', '.join(shown[:-1])} and {shown[-1]}"
        if len(seeds) <= 6
        else (f"{len(seeds)} seeds")
    )


def _has_snapshot(entry: Entry) -> bool:
    info = entry.info
    return info is not None and info.snapshot is not None
