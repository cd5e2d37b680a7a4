"""Series of two runs as a list: where each differs first, and which are equal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from nbtrack.records import ComparedSeries, Difference
from nbtrack.store.rows import is_headline
from nbtrack.views.page import more, part, sign, title, value_text
from nbtrack.views.words import count, shorten, sig

MOST_EQUAL, MOST_UNEQUAL = 24, 14  # rows; the rest is counted
MOST_OF_A_ROOM = 8  # more series under one name are one row


@dataclass(frozen=True)
class Group:
    """Series in one row: one, or all of a name such as ``grad_norm/*``."""

    name: str
    members: Sequence[ComparedSeries]

    @property
    def first(self) -> Difference | None:
        """The earliest difference of them; None when all are equal."""
        found = [each.first for each in self.members if each.first is not None]
        return min(found, key=_step, default=None)

    @property
    def size(self) -> str:
        """How many points are equal: ``2,000``, ``10 × 200``, ``10 series, 1,998``."""
        sizes = {each.num_points for each in self.members}
        if len(self.members) == 1:
            return count(self.members[0].num_points)
        if len(sizes) == 1:
            return f"{len(self.members)} × {count(sizes.pop())}"
        points = sum(each.num_points for each in self.members)
        return f"{len(self.members)} series, {count(points)}"


def grouped(series: Iterable[ComparedSeries]) -> list[Group]:
    """The series that were compared, those of one kind together, in the order of the first."""
    found: dict[str, list[ComparedSeries]] = {}
    compared = [each for each in series if each.num_points or each.first is not None]
    rooms = Counter(_room(each.key) for each in compared)
    for each in compared:
        room = _room(each.key)
        is_one_of_many = not is_headline(each.key) or rooms[room] > MOST_OF_A_ROOM
        is_total = each.key.endswith("/total")
        name = f"{room}/*" if room and is_one_of_many and not is_total else each.key
        found.setdefault(name, []).append(each)
    return [
        Group(name if len(members) > 1 else members[0].key, members)
        for name, members in found.items()
    ]


def _room(key: str) -> str:
    """``grad_norm`` of ``grad_norm/fc.weight``, empty where there is no slash."""
    start = len("auto/") if key.startswith("auto/") else 0
    slash = key.find("/", start)
    return key[:slash] if slash > 0 else ""


def _step(difference: Difference) -> int:
    return difference.step or 0


def equal_list(groups: Sequence[Group]) -> str:
    """How many points of each are equal, for series of which none differs."""
    if not groups:
        return ""
    rows = [_row(True, group.name, "", group.size) for group in groups[:MOST_EQUAL]]
    look = "ser two" if len(rows) > 3 else "ser"
    listed = f'<ul class="{look}">{"".join(rows)}</ul>{more(len(groups) - MOST_EQUAL, "row")}'
    return part(title("Series", "points equal") + listed)


def unequal_list(groups: Sequence[Group], first: Difference | None) -> str:
    """Where each series differs first, the earliest on top, and what is equal below.

    Parameters
    ----------
    first : Difference or None
        Of the two runs: on top, where it is not one of a series.
    """
    unequal = [(group, group.first) for group in groups if group.first is not None]
    unequal.sort(key=lambda pair: _step(pair[1]))
    rows = [_unequal_row(*pair) for pair in unequal]
    if first is not None and first.what != "series":
        rows.insert(0, _other_row(first))
    rows += [_row(True, g.name, "", "equal") for g in groups if g.first is None]
    if not rows:
        return ""
    heading = title("First difference by series" if groups else "What differs")
    shown, num_left = "".join(rows[:MOST_UNEQUAL]), len(rows) - MOST_UNEQUAL
    return part(f'{heading}<ul class="ser">{shown}</ul>{more(num_left, "row")}')


def _unequal_row(group: Group, difference: Difference) -> str:
    size = "" if difference.size is None else f"by {sig(difference.size)}"
    if difference.recorded is None or difference.again is None:
        size = "only recorded" if difference.again is None else "only again"
    elif not size:
        size = f"{_number(difference.recorded)} → {_number(difference.again)}"
    hover = f"{group.name} {_number(difference.recorded)} → {_number(difference.again)}"
    step = "differs" if difference.step is None else f"step {count(difference.step)}"
    return _row(False, group.name, size, step, hover)


def _other_row(difference: Difference) -> str:
    """A tensor, a variable or an end that differs."""
    name = f"tensor {difference.name}" if difference.what == "weights" else difference.name
    values = [value_text(value, 24) for value in (difference.recorded, difference.again)]
    return _row(False, name, "", " → ".join(values), str(difference))


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else sig(value)
    return value_text(value)


def _row(is_equal: bool, name: str, aside: str, value: str, hover: str = "") -> str:
    mark = sign("tick" if is_equal else "different")
    whole = hover or (name if len(name) > 48 else "")
    hint = f' title="{escape(whole)}"' if whole else ""
    quiet = f' <span class="sub">{escape(aside)}</span>' if aside else ""
    return (
        f'<li class="{"y" if is_equal else "n"}"{hint}>{mark} '
        f'<span class="name">{escape(shorten(name, 48))}</span>{quiet} '
        f'<span class="num">{escape(value)}</span></li>'
    )
