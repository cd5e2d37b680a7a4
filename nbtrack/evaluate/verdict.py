"""The verdict of a comparison in words a person understands, with what it rests on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nbtrack.evaluate import statistics
from nbtrack.evaluate.groups import Group
from nbtrack.evaluate.metric import Metric
from nbtrack.evaluate.statistics import MOST_MORE, Interval, mean_of
from nbtrack.views.axes import linear_ticks, tick_labels
from nbtrack.views.words import sig

Kind = Literal["better", "noise", "unknown", "equal", "single", "empty"]
Piece = tuple[str, bool]  # a text, and whether it is stressed
_ENOUGH = 5  # seeds that a first answer takes
_MOST_OTHERS = 6  # groups of which the detail says how they stand


@dataclass(frozen=True)
class Verdict:
    """What can be said of the groups.

    Attributes
    ----------
    kind : {"better", "noise", "unknown", "equal", "single", "empty"}
        ``better``: the interval leaves zero out; ``unknown``: a group has one run only;
        ``equal``: nothing varies.
    sentence : str
    a, b : Group or None
        The two that are held against each other; the difference is that of `b` over `a`, positive
        where `b` is better.
    interval : Interval or None
    more : int or None
        About how many more runs of each group would settle it.
    others, excluded, notes : tuple of str
        How other groups stand, which runs do not count, and what else to know: a sentence each.
    method : str
    """

    kind: Kind
    sentence: str
    a: Group | None = None
    b: Group | None = None
    interval: Interval | None = None
    effect: float | None = None
    more: int | None = None
    others: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    method: str = ""


def judge(
    groups: Sequence[Group],
    metric: Metric | None,
    *,
    a: str | None = None,
    b: str | None = None,
    pairs_seeds: bool = False,
) -> Verdict:
    """Hold the best group against the next, or two that were named.

    Parameters
    ----------
    groups : sequence of Group
    metric : Metric or None
    a, b : str, optional
        Letters of two groups.
    pairs_seeds : bool
        Whether values of the same seed are taken as pairs.
    """
    excluded = left_out(groups)
    counting = [group for group in groups if group.n]
    if metric is None or not counting:
        what = "No run has a series yet." if metric is None else f"No run counts in {metric.label}."
        return Verdict("empty", what, excluded=excluded)
    if len(counting) == 1 and a is None and b is None:
        return _single(counting[0], metric, excluded)
    first, second = _two(groups, counting, metric, a, b)
    if first is None or second is None or first is second:
        return _single(second or first or counting[0], metric, excluded)
    if not (first.n and second.n):
        empty = first if not first.n else second
        return Verdict(
            "empty", f"No run of {empty.letter} counts.", first, second, excluded=excluded
        )
    told = _compare(first, second, counting, metric, pairs_seeds)
    others = _others(first, second, counting, metric) if a is None and b is None else ()
    return Verdict(**{**told, "others": others, "excluded": excluded})


def _two(
    groups: Sequence[Group],
    counting: Sequence[Group],
    metric: Metric,
    a: str | None,
    b: str | None,
) -> tuple[Group | None, Group | None]:
    by_letter = {group.letter: group for group in groups}
    best = sorted(counting, key=lambda group: -metric.sign() * _mean(group))
    # a group of one run can be the best by luck: it is told of, and not put first
    sure = [group for group in best if group.n > 1]
    if len(sure) > 1:
        best = sure + [group for group in best if group.n == 1]
    second = by_letter.get(b or "") or next((g for g in best if g.letter != a), None)
    first = by_letter.get(a or "") or next((g for g in best if g is not second), None)
    return first, second


def _mean(group: Group) -> float:
    return mean_of(group.numbers)


def _single(group: Group, metric: Metric, excluded: tuple[str, ...]) -> Verdict:
    unit = f" {metric.unit}" if metric.unit else ""
    if group.n == 1:
        sentence = (
            f"{group.letter}: {metric.label} {sig(group.numbers[0], 4)}{unit}, one run: "
            f"run {_ENOUGH - 1} more seeds to know how much of it is luck"
        )
        return Verdict("single", sentence, b=group, more=_ENOUGH - 1, excluded=excluded)
    found = statistics.of_mean(group.numbers)
    low, high = _numbers([found.low, found.high], (found.high - found.low) / 2)
    mean = _numbers([found.mean], (found.high - found.low) / 2)[0]
    sentence = (
        f"{group.letter}: {metric.label} {mean}{unit} "
        f"(95 % CI {low} to {high}; {_counted([group])})"
    )
    return Verdict("single", sentence, b=group, excluded=excluded)


def _compare(
    a: Group, b: Group, counting: Sequence[Group], metric: Metric, pairs_seeds: bool
) -> dict[str, Any]:
    sign = metric.sign()
    if min(a.n, b.n) < 2:
        return _unknown(a, b, metric)
    num_groups = sum(group.n > 1 for group in counting)
    old, new = [sign * v for v in a.numbers], [sign * v for v in b.numbers]
    common = [seed for seed in a.seeds if seed in b.seeds]
    is_unique = all(len(set(map(str, group.seeds))) == len(group.seeds) for group in (a, b))
    is_paired = pairs_seeds and is_unique and len(common) > 1
    if is_paired:
        of_a, of_b = dict(a.samples), dict(b.samples)
        old, new = [sign * of_a[s] for s in common], [sign * of_b[s] for s in common]
        interval = statistics.paired(old, new, num_groups=num_groups)
    else:
        interval = statistics.welch(old, new, num_groups=num_groups)
    base = {"a": a, "b": b, "interval": interval, "effect": statistics.hedges_g(old, new)}
    base["method"] = _method(num_groups, is_paired, len(common))
    notes = _notes(a, b, pairs_seeds and not is_paired)
    counted = f"{len(common)} pairs of seeds" if is_paired else _counted([a, b])
    if interval.low == interval.high:
        return {**base, **_unvaried(a, b, interval, metric, counted), "notes": notes}
    width = (interval.high - interval.low) / 2
    mean, low, high = _numbers([abs(interval.mean), interval.low, interval.high], width)
    unit = f" {metric.points}" if metric.points else ""
    if interval.excludes_zero:
        ahead, behind = (b, a) if interval.mean > 0 else (a, b)
        if interval.mean < 0:
            mean, low, high = _numbers([-interval.mean, -interval.high, -interval.low], width)
        sentence = (
            f"{ahead.letter} is better than {behind.letter} by {mean}{unit} "
            f"(95 % CI {low} to {high}; {counted})"
        )
        return {**base, "kind": "better", "sentence": sentence, "notes": notes}
    more = None if is_paired else statistics.more_needed(old, new, num_groups=num_groups)
    end = (
        f"about {more} more {_noun([a, b], more)} each would settle it"
        if more is not None
        else f"to show so small a difference would take more than {MOST_MORE} more each"
    )
    if is_paired:
        end = "more seeds in both would narrow it"
    ahead = b if interval.mean >= 0 else a
    if ahead is a:
        low, high = _numbers([-interval.high, -interval.low], width)
    sentence = (
        f"{b.letter} and {a.letter} are within seed noise: {ahead.letter} ahead by {mean}{unit} "
        f"(95 % CI {low} to {high}; {counted}); {end}"
    )
    return {**base, "kind": "noise", "sentence": sentence, "more": more, "notes": notes}


def _unknown(a: Group, b: Group, metric: Metric) -> dict[str, Any]:
    difference = metric.sign() * (_mean(b) - _mean(a))
    few = [group for group in (a, b) if group.n == 1]
    ahead = b if difference >= 0 else a
    number = sig(abs(difference), 2)
    unit = f" {metric.points}" if metric.points else ""
    which = "one run each" if len(few) == 2 else f"{few[0].letter} has one run"
    whom = "of each" if len(few) == 2 else f"of {few[0].letter}"
    sentence = (
        f"Cannot know whether {ahead.letter} is better: {which}. "
        f"Run {_ENOUGH - 1} more seeds {whom}"
    )
    note = (
        f"{ahead.letter} is ahead by {number}{unit}, which may be the luck of a seed."
        if difference
        else "The two values are the same, which may be the luck of a seed."
    )
    return {
        "kind": "unknown",
        "sentence": sentence,
        "a": a,
        "b": b,
        "more": _ENOUGH - 1,
        "notes": (note,),
        "method": "No interval can be made from one value.",
    }


def _unvaried(
    a: Group, b: Group, interval: Interval, metric: Metric, counted: str
) -> dict[str, Any]:
    unit = f" {metric.points}" if metric.points else ""
    if abs(interval.mean) <= 1e-12 * abs(a.numbers[0]):
        sentence = f"{b.letter} and {a.letter} are equal in every run ({counted})"
        return {"kind": "equal", "sentence": sentence}
    ahead, behind = (b, a) if interval.mean > 0 else (a, b)
    sentence = (
        f"{ahead.letter} is better than {behind.letter} by {sig(abs(interval.mean), 2)}{unit} "
        f"in every run ({counted}); seeds change nothing, so there is no interval"
    )
    return {"kind": "equal", "sentence": sentence}


def _others(a: Group, b: Group, counting: Sequence[Group], metric: Metric) -> tuple[str, ...]:
    """How the groups stand that are neither: against the best of them all, pairs corrected."""
    sign = metric.sign()
    num_groups = sum(group.n > 1 for group in counting)
    rest = [group for group in counting if group is not a and group is not b]
    behind: list[str] = []
    noise: list[str] = []
    alone: list[str] = []
    for group in rest[:_MOST_OTHERS]:
        if min(group.n, b.n) < 2:
            alone.append(group.letter)
            continue
        found = statistics.welch(
            [sign * v for v in group.numbers], [sign * v for v in b.numbers], num_groups=num_groups
        )
        (behind if found.low > 0 else noise).append(group.letter)
    told = []
    if behind:
        told.append(f"{b.letter} is better than {_listed(behind)} too.")
    if noise:
        told.append(f"{_listed(noise)} {_are(noise)} within seed noise of {b.letter}.")
    if alone:
        told.append(
            f"{_listed(alone)} {'has' if len(alone) == 1 else 'have'} too few runs to tell."
        )
    if len(rest) > _MOST_OTHERS:
        told.append(f"{len(rest) - _MOST_OTHERS} more groups are not told here.")
    return tuple(told)


def _method(num_groups: int, is_paired: bool, num_common: int) -> str:
    if is_paired:
        text = f"Paired t over the {num_common} seeds that both have."
        wider = "Bonferroni"
    else:
        text, wider = (
            "Welch's t, two-sided: equal spread is not assumed, seeds are not paired.",
            ("Games-Howell"),
        )
    if num_groups > 2:
        pairs = num_groups * (num_groups - 1) // 2
        text += f" Intervals are widened to hold for all {pairs} pairs of {num_groups} groups"
        text += f" ({wider})."
    return text


def _notes(a: Group, b: Group, wanted_pairs: bool) -> tuple[str, ...]:
    notes = []
    for group in (a, b):
        counted = [id for id, value in group.values.items() if value.value is not None]
        if len(counted) > group.n:
            notes.append(
                f"{group.letter} has {len(counted)} runs of {group.n} seeds: runs that repeat a "
                "seed are no new evidence and count once."
            )
    if wanted_pairs:
        notes.append("Fewer than two seeds are in both, so seeds are not paired.")
    return tuple(notes)


def left_out(groups: Sequence[Group]) -> tuple[str, ...]:
    """Which runs do not count and why, a sentence per reason."""
    reasons: dict[str, list[tuple[str, str]]] = {}
    for group in groups:
        for run_id, value in group.values.items():
            if value.why:
                why = "a repetition" if value.why.startswith("a repetition") else value.why
                reasons.setdefault(why, []).append((group.letter, run_id))
    told = []
    for why, runs in reasons.items():
        letters = list(dict.fromkeys(letter for letter, _ in runs))
        of = "" if len(letters) > 4 else f" of {_listed(letters)}"
        ids = f" ({', '.join(run_id for _, run_id in runs)})" if len(runs) <= 3 else ""
        number = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
        verb = "does" if len(runs) == 1 else "do"
        tail = _WHY.get(why, why)
        if why in ("NaN", "infinite", "failed"):
            tail += "; that flatters the group" if len(letters) == 1 else "; that flatters them"
        told.append(f"{number}{of}{ids} {verb} not count: {tail}.")
    return tuple(told)


_WHY = {"NaN": "the value is NaN", "infinite": "the value is infinite", "lost": "the kernel died"}


def _counted(groups: Sequence[Group]) -> str:
    """``5 seeds each``, ``5 and 3 runs``."""
    numbers = [group.n for group in groups]
    if len(groups) == 1:
        return f"{numbers[0]} {_noun(groups, numbers[0])}"
    if len(set(numbers)) == 1:
        return f"{numbers[0]} {_noun(groups, numbers[0])} each"
    return f"{numbers[0]} {groups[0].letter} and {numbers[1]} {groups[1].letter} {_noun(groups, 2)}"


def _noun(groups: Sequence[Group], number: int) -> str:
    word = "seed" if all(len(set(map(str, group.seeds))) == group.n for group in groups) else "run"
    return word if number == 1 else f"{word}s"


def _listed(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _are(words: Sequence[str]) -> str:
    return "is" if len(words) == 1 else "are"


def _numbers(values: Sequence[float], width: float) -> list[str]:
    """Numbers with as many decimals as their uncertainty allows; none near zero becomes ``0``."""
    if not math.isfinite(width) or width <= 0 or width < 1e-4 or width >= 1e4:
        return [sig(value, 2).replace("-", "−", 1) for value in values]
    decimals = max(1 if width < 10 else 0, math.ceil(-math.log10(width)))
    nearest = min((abs(value) for value in values if value), default=1.0)
    while decimals < 6 and round(nearest, decimals) == 0:
        decimals += 1
    return [f"{value:.{decimals}f}".replace("-", "−", 1) for value in values]


def interval_json(verdict: Verdict, metric: Metric) -> dict[str, Any] | None:
    """The interval as the page draws it: positive means that `b` is better."""
    found = verdict.interval
    if found is None or verdict.a is None or verdict.b is None:
        return None
    low, high = min(found.low, 0.0), max(found.high, 0.0)
    air = (high - low) * 0.08 or 1.0
    axis = (low - air, high + air)
    ticks = [tick for tick in linear_ticks(*axis, 4) if axis[0] <= tick <= axis[1]]
    words = [text if tick else "0" for tick, text in zip(ticks, tick_labels(ticks), strict=True)]
    return {
        "a": verdict.a.letter,
        "b": verdict.b.letter,
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "level": found.level,
        "unit": metric.points,
        "axis": list(axis),
        "ticks": [
            [tick, f"+{text}" if tick > 0 else text]
            for tick, text in zip(ticks, words, strict=True)
        ],
        "left": f"{verdict.a.letter} better",
        "right": f"{verdict.b.letter} better",
    }
