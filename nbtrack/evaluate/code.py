"""Cells of two runs side by side, with what differs inside a line marked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from nbtrack.versioning import CellChange

AROUND = 3  # equal lines that are shown around those that differ
MOST_LINES = 400  # of a cell
LOOK_AHEAD = 30  # lines among which a changed one is looked for
Spans = list[list[Any]]


def code_json(changes: Sequence[CellChange]) -> dict[str, Any]:
    """The cells that differ, as the page gets them."""
    differing = [change for change in changes if change.kind != "same"]
    cells = [
        {
            "title": cell_title(change),
            "kind": change.kind,
            "rows": side_by_side(
                change.before.source if change.before else "",
                change.after.source if change.after else "",
            ),
        }
        for change in differing
    ]
    names = ", ".join(str(cell["title"]) for cell in cells[:3]) + (", …" if len(cells) > 3 else "")
    of = f"{len(cells)} of {len(changes)} cells"
    return {
        "num_cells": len(changes),
        "num_differ": len(cells),
        "title": f"{names}, {of}" if cells else f"none of {len(changes)} cells",
        "cells": cells,
    }


def cell_title(change: CellChange) -> str:
    """``cell 7``."""
    cell = change.after or change.before
    return "cell" if cell is None or cell.count is None else f"cell {cell.count}"


def side_by_side(old: str, new: str) -> list[dict[str, Any]]:
    """Two texts as rows of two lines each.

    Returns
    -------
    list of dict
        ``k`` is ``same``, ``edit``, ``del``, ``add`` or ``gap`` (with ``count`` lines left out);
        ``a`` and ``b`` are None or ``{"n": line number, "t": [[text, 1 where it differs], ...]}``.
    """
    before, after = old.splitlines(), new.splitlines()
    rows: list[dict[str, Any]] = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        if kind == "equal":
            same = [
                {"k": "same", "a": _line(a0 + k, before[a0 + k]), "b": _line(b0 + k, after[b0 + k])}
                for k in range(a1 - a0)
            ]
            rows += _folded(same, is_first=a0 == 0, is_last=a1 == len(before))
        else:
            rows += _replaced(before[a0:a1], after[b0:b1], a0, b0)
    return rows[:MOST_LINES]


def _line(place: int, text: str) -> dict[str, Any]:
    return {"n": place + 1, "t": [[text, 0]]}


def _folded(rows: list[dict[str, Any]], *, is_first: bool, is_last: bool) -> list[dict[str, Any]]:
    """Equal lines with the middle left out."""
    head = 0 if is_first else AROUND
    tail = 0 if is_last else AROUND
    left = len(rows) - head - tail
    if left < 3:
        return rows
    gap = {"k": "gap", "count": left, "a": None, "b": None}
    return [*rows[:head], gap, *rows[len(rows) - tail :]]


def _replaced(old: Sequence[str], new: Sequence[str], a: int, b: int) -> list[dict[str, Any]]:
    """Lines that took the place of others: those that are alike stand side by side."""
    rows: list[dict[str, Any]] = []
    at = 0
    for k, line in enumerate(old):
        near = new[at : at + LOOK_AHEAD]
        ratios = [(_alike(line, other), j) for j, other in enumerate(near, at)]
        ratio, j = max(ratios, default=(0.0, 0), key=lambda each: (each[0], -each[1]))
        if ratio < 0.5:
            rows.append({"k": "del", "a": _line(a + k, line), "b": None})
            continue
        rows += [{"k": "add", "a": None, "b": _line(b + i, new[i])} for i in range(at, j)]
        left, right = marked(line, new[j])
        rows.append(
            {"k": "edit", "a": {"n": a + k + 1, "t": left}, "b": {"n": b + j + 1, "t": right}}
        )
        at = j + 1
    return rows + [{"k": "add", "a": None, "b": _line(b + i, new[i])} for i in range(at, len(new))]


def _alike(old: str, new: str) -> float:
    if not old.strip() or not new.strip():
        return 0.0
    return SequenceMatcher(None, _words(old), _words(new), autojunk=False).ratio()


def _words(line: str) -> list[str]:
    return re.findall(r"\d[\w.]*|\w+|\W", line)


def marked(old: str, new: str) -> tuple[Spans, Spans]:
    """Both lines in pieces, those that differ marked with 1."""
    a, b = _words(old), _words(new)
    left: Spans = []
    right: Spans = []
    for kind, a0, a1, b0, b1 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        mark = int(kind != "equal")
        for spans, words in ((left, a[a0:a1]), (right, b[b0:b1])):
            if words:
                spans.append(["".join(words), mark])
    return left, right
