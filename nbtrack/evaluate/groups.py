"""Runs that belong together: equal in everything but the seed, or in the parameters asked for."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

from nbtrack.capture.parameters.vocabulary import importance, plain_name
from nbtrack.errors import UsageError
from nbtrack.evaluate.chosen import COUNT, Entry
from nbtrack.evaluate.code_key import code_key
from nbtrack.evaluate.metric import Metric
from nbtrack.evaluate.statistics import mean_of, spread
from nbtrack.versioning.diff import changes, show

MOST_READ = 400  # runs whose cells are looked at; a sweep of more than that has one code
SLOTS = 8  # colours that can be told apart
_FIELDS = ("name", "notebook", "status")


@dataclass(frozen=True)
class Value:
    """What a run comes to in a comparison.

    Attributes
    ----------
    value : float or None
        The metric as shown; None where it does not count.
    why : str or None
        Why it does not count: ``"failed"``, ``"NaN"``.
    """

    value: float | None
    why: str | None = None


@dataclass(frozen=True)
class Group:
    """Runs that are taken as repetitions of one thing.

    Attributes
    ----------
    letter : str
        A, B, ... in the order of their first starts.
    label : str
        What sets it apart: ``lr 0.002``.
    params : mapping
        The parameters that the label names.
    entries : tuple of Entry
        Oldest first.
    values : mapping of str to Value
        By run id.
    samples : tuple of (seed, float)
        The values that count, one per seed: runs that repeat a seed are no new evidence, and stand
        in it with their mean. The seed is None where it is not known.
    """

    letter: str
    slot: int | None
    label: str
    params: Mapping[str, Any]
    entries: tuple[Entry, ...]
    values: Mapping[str, Value]
    samples: tuple[tuple[Any, float], ...] = field(default=())

    @property
    def numbers(self) -> list[float]:
        """The values that count."""
        return [value for _, value in self.samples]

    @property
    def n(self) -> int:
        """How many values count."""
        return len(self.samples)

    @property
    def mean(self) -> float | None:
        """Their mean; None without any."""
        return mean_of(self.numbers) if self.samples else None

    @property
    def seeds(self) -> list[Any]:
        """The seeds that are known, of the values that count."""
        return [seed for seed, _ in self.samples if seed is not None]

    def as_json(self, rank: int | None) -> dict[str, Any]:
        """As the page gets it."""
        numbers = self.numbers
        return {
            "letter": self.letter,
            "slot": self.slot,
            "label": self.label,
            "params": {name: show(value) for name, value in self.params.items()},
            "n": self.n,
            "runs": [entry.id for entry in self.entries],
            "left_out": {id: value.why for id, value in self.values.items() if value.why},
            "seeds": self.seeds,
            "mean": self.mean,
            "sd": spread(numbers) if len(numbers) > 1 else None,
            "low": min(numbers, default=None),
            "high": max(numbers, default=None),
            "rank": rank,
        }


def group_runs(
    entries: Sequence[Entry],
    metric: Metric | None,
    by: Sequence[str] | None = None,
    *,
    sides: Sequence[str] = (),
    unchecked: Iterable[str] = (),
) -> list[Group]:
    """The groups of a comparison.

    Parameters
    ----------
    entries : sequence of Entry
    metric : Metric or None
        What their values are.
    by : sequence of str, optional
        Parameters, or ``name``, ``notebook``, ``status``: equal values make a group. Without it:
        runs with equal parameters and code, seeds left aside.
    sides : sequence of str
        Names of the arguments, where each is a group of its own.
    unchecked : iterable of str
        Ids of runs that do not count.

    Raises
    ------
    UsageError
        If no run has a parameter of that name.
    """
    if by:
        by = [_known_name(name, entries) for name in by]
    oldest = sorted(entries, key=lambda entry: (entry.row["started_s"], entry.id))
    reads = len(oldest) <= MOST_READ
    parts: dict[str, list[Entry]] = {}
    for entry in oldest:
        parts.setdefault(_key(entry, by, reads=reads), []).append(entry)
    off = frozenset(unchecked)
    members = list(parts.values())
    names = by or varying([group[0] for group in members])
    labels = _labels(members, names, by, sides)
    return [
        _group(
            k,
            labels[k],
            {name: _value(group[0], name) for name in names},
            group,
            {entry.id: value_of(entry, metric, off, reads=reads) for entry in group},
        )
        for k, group in enumerate(members)
    ]


def _group(
    place: int,
    label: str,
    params: Mapping[str, Any],
    entries: Sequence[Entry],
    values: Mapping[str, Value],
) -> Group:
    by_seed: dict[str, tuple[Any, list[float]]] = {}
    for entry in entries:
        value = values[entry.id].value
        if value is not None:
            seed = entry.seed
            # the same seed with other parameters is no repetition
            key = entry.id if seed is None else canonical([seed, dict(entry.params)])
            by_seed.setdefault(key, (seed, []))[1].append(value)
    samples = tuple((seed, mean_of(found)) for seed, found in by_seed.values())
    slot = place if place < SLOTS else None
    return Group(letter(place), slot, label, params, tuple(entries), values, samples)


def value_of(
    entry: Entry, metric: Metric | None, unchecked: frozenset[str], *, reads: bool = True
) -> Value:
    """The metric of a run, or why it does not count; `reads` looks into its ``run.json``."""
    status = str(entry.row["status"])
    if entry.id in unchecked:
        return Value(None, "not checked")
    if status not in COUNT:
        return Value(None, status if status != "running" else "still running")
    if reads:
        info = entry.info
        if info is None:
            return Value(None, "deleted")
        if info.reproduces is not None:
            return Value(None, f"a repetition of {info.reproduces}")
    value = None if metric is None else metric.value(entry.row)
    if value is None:
        return Value(None, f"no {metric.label}" if metric else "no series")
    if not math.isfinite(value):
        return Value(None, "NaN" if math.isnan(value) else "infinite")
    return Value(value)


def letter(place: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    text = ""
    while place >= 0:
        text = ascii_uppercase[place % 26] + text
        place = place // 26 - 1
    return text


def varying(entries: Sequence[Entry]) -> list[str]:
    """Parameters that are not the same in all runs, those that matter most first; no seeds.

    Of several names that say the same (``lr`` and the ``LEARNING_RATE`` that it was set from) one
    is given. The number of a model's weights is left out where something else says it.
    """
    names = dict.fromkeys(name for entry in entries for name in entry.params)
    columns: dict[str, tuple[str, ...]] = {}
    for name in names:
        texts = tuple(canonical(entry.params.get(name, _NONE)) for entry in entries)
        if len(set(texts)) > 1:
            columns[name] = texts
    order = sorted(columns, key=lambda name: (importance(name), plain_name(name) != name))
    kept: dict[tuple[str, ...], str] = {}
    for name in order:
        key = (plain_name(name), *columns[name])
        kept.setdefault(key, name)
    found = list(kept.values())
    return [name for name in found if name != "num_params"] or found


_NONE = "\0none"


def canonical(value: Any) -> str:
    """A value as text that is equal for equal values: ``1.0`` and ``1`` are."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, default=str)


def _key(entry: Entry, by: Sequence[str] | None, *, reads: bool) -> str:
    if by:
        return canonical([canonical(_value(entry, name)) for name in by])
    if entry.side is not None:
        return str(entry.side)
    params = {name: canonical(value) for name, value in entry.params.items()}
    return canonical([params, code_key(entry) if reads else ""])


def _value(entry: Entry, name: str) -> Any:
    if name in entry.row["params"]:
        return entry.row["params"][name]
    if name == "seed":
        return entry.seed
    if name == "tags":
        return ", ".join(entry.row["tags"])
    return entry.row.get(name) if name in _FIELDS else None


def _known_name(name: str, entries: Sequence[Entry]) -> str:
    known = dict.fromkeys(each for entry in entries for each in entry.row["params"])
    plain = name.removeprefix("params.")
    for each in (name, plain):
        if each in known or each in (*_FIELDS, "seed", "tags"):
            return each
    same = [each for each in known if plain_name(each) == plain_name(plain)]
    if same:
        return str(same[0])
    near = difflib.get_close_matches(plain, list(known), n=2, cutoff=0.5)
    hint = " Did you mean " + " or ".join(map(repr, near)) + "?" if near else ""
    if not near and known:
        hint = f" They have {', '.join(list(known)[:8])}."
    raise UsageError(f"no run of the comparison has a parameter {name!r}.{hint}")


def _labels(
    members: Sequence[Sequence[Entry]],
    names: Sequence[str],
    by: Sequence[str] | None,
    sides: Sequence[str],
) -> list[str]:
    if not by and sides and all(group[0].side is not None for group in members):
        return [sides[group[0].side or 0] for group in members]
    labels = []
    for group in members:
        told = [f"{name} {_shown(_value(group[0], name))}" for name in names[:3]]
        labels.append(", ".join(told) + (", …" if len(names) > 3 else ""))
    if len(members) == 1:
        return [labels[0] or str(members[0][0].row["name"])]
    seen: dict[str, Sequence[Entry]] = {}
    for k, label in enumerate(labels):
        if label in seen or not label:
            labels[k] = _code_label(label, seen.get(label), members[k])
        seen.setdefault(label, members[k])
    return labels


def _code_label(label: str, first: Sequence[Entry] | None, group: Sequence[Entry]) -> str:
    """What sets a group apart whose parameters are those of another: its code, or its name."""
    name = str(group[0].row["name"])
    before = first[0].info if first else None
    after = group[0].info
    told = ""
    if before is not None and after is not None:
        words = [word for word in changes(before, after) if not word.startswith("seed ")]
        told = words[0] if words and words != ["nothing"] else ""
    return ", ".join(filter(None, [label, told or (name if not label else f"from {group[0].id}")]))


def _shown(value: Any) -> str:
    return "none" if value is None else show(value)
