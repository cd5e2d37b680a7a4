"""Two runs side by side as a page: what differs in parameters, code, data and environment."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from html import escape
from itertools import zip_longest
from typing import Any

from nbtrack.views.page import columns, head, more, page, part, plural, title, value_text
from nbtrack.views.words import count, shorten, sig

MOST_VALUES = 20  # rows of a table; the rest is counted
MOST_LINES = 80  # of a cell
_DIGEST = 12  # characters of a digest that are shown

Changed = Sequence[tuple[str, Any, Any]]


def diff_html(diff: Any) -> str:
    """What differs between two runs as HTML; it follows the notebook's theme, and has no script.

    Parameters
    ----------
    diff : RunDiff
        Of `nbtrack.versioning`.

    Returns
    -------
    str
        Every text is escaped. Cells that changed are open, the others are behind a line.
    """
    ids = (diff.a.id, diff.b.id)
    params = list(diff.params)
    if diff.seed is not None:
        params.append(("seed", *diff.seed))
    body = head("", _sentence(diff, len(params)), _names(diff))
    body += columns(
        _changes("Parameters", params, ids),
        _results(diff.results, ids),
    )
    body += _cells(diff.cells)
    data = [(name, _digest(old), _digest(new)) for name, old, new in diff.data]
    body += columns(
        _changes("Data", data, ids),
        _changes("Environment", diff.environment, ids),
    )
    return page("diff", f"Runs {ids[0]} and {ids[1]} side by side", body)


def _names(diff: Any) -> str:
    return " → ".join(
        f"<code>{escape(run.id)}</code> {escape(shorten(run.name, 60))}" for run in (diff.a, diff.b)
    )


def _sentence(diff: Any, num_params: int) -> str:
    """``2 parameters, 1 cell and the environment differ.``."""
    num_cells = sum(change.kind != "same" for change in diff.cells)
    parts = [plural(num_params, "parameter")] if num_params else []
    parts += [plural(num_cells, "cell")] if num_cells else []
    parts += ["the data"] if diff.data else []
    parts += ["the environment"] if diff.environment else []
    if not parts:
        return "Nothing on record differs."
    is_one = len(parts) == 1 and not parts[0].endswith("s")
    listed = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    return f"{listed[0].upper()}{listed[1:]} differ{'s' if is_one else ''}."


# ---- tables -------------------------------------------------------------------------------------


def _changes(heading: str, changed: Changed, ids: tuple[str, str]) -> str:
    """Old and new values, a row each."""
    if not changed:
        return ""
    rows = "".join(
        f"<tr>{_cell(name)}{_value(old, 'del')}{_value(new, 'ins')}</tr>"
        for name, old, new in changed[:MOST_VALUES]
    )
    heads = "".join(f"<th>{escape(text)}</th>" for text in ("name", *ids))
    return part(
        title(heading, plural(len(changed), "difference"))
        + f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        + more(len(changed) - MOST_VALUES, "difference")
    )


def _cell(name: str) -> str:
    hover = f' title="{escape(name)}"' if len(name) > 40 else ""
    return f'<td class="mono"{hover}>{escape(shorten(name, 40))}</td>'


def _value(value: Any, tag: str) -> str:
    """A value as taken out (``del``) or put in (``ins``); None is what a run has not."""
    if value is None:
        return '<td class="mono sub">none</td>'
    text, whole = value_text(value, 48), str(value)
    hover = f' title="{escape(whole[:2000])}"' if "…" in text and text != whole else ""
    return f'<td class="mono"{hover}><{tag}>{escape(text)}</{tag}></td>'


def _digest(digest: Any) -> str | None:
    return None if digest is None else str(digest).rpartition(":")[2][:_DIGEST]


def _results(results: Changed, ids: tuple[str, str]) -> str:
    """The last values of both, and how far they are apart; those that differ come first."""
    if not results:
        return ""
    listed = sorted(results, key=lambda each: _is_equal(each[1], each[2]))
    rows = "".join(
        f'<tr>{_cell(name)}<td class="num">{_number(a)}</td>'
        f'<td class="num"><b>{_number(b)}</b></td><td class="num sub">{_change(a, b)}</td></tr>'
        for name, a, b in listed[:MOST_VALUES]
    )
    heads = "".join(f'<th class="num">{escape(text)}</th>' for text in (*ids, "change"))
    return part(
        title("Results", "last values")
        + f"<table><thead><tr><th>series</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        + more(len(results) - MOST_VALUES, "row")
    )


def _number(value: Any) -> str:
    if isinstance(value, (int, float)):
        is_whole = math.isfinite(value) and value == round(value) and abs(value) < 1e6
        return count(value) if is_whole else escape(sig(value, 4))
    return "none" if value is None else escape(value_text(value, 24))


def _is_equal(a: Any, b: Any) -> bool:
    return bool(a == b or (a != a and b != b))


def _change(a: Any, b: Any) -> str:
    if _is_equal(a, b):
        return "same"
    if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in (a, b)):
        return ""
    return f"{'+' if b > a else '−'}{sig(abs(b - a))}"


# ---- code ---------------------------------------------------------------------------------------


def _cells(changes: Sequence[Any]) -> str:
    """The changed cells, open; then those that are the same, closed."""
    changed = [change for change in changes if change.kind != "same"]
    same = [change for change in changes if change.kind == "same"]
    if not changes:
        return ""
    blocks = "".join(
        f'<details open><summary><b>{_cell_name(change)}</b> <span class="{escape(change.kind)}">'
        f"{escape(change.kind)}</span></summary>{_code(change.lines)}</details>"
        for change in changed
    )
    if same:
        inside = "".join(
            f'<p class="title"><b>{_cell_name(change)}</b></p>'
            + _code(change.lines or _plain(change.after or change.before))
            for change in same
        )
        touched = sum(bool(change.lines) for change in same)
        aside = f", {touched} of them but for layout or comments" if touched else ""
        words = f"{plural(len(same), 'cell')} the same{aside}"
        blocks += f'<details><summary class="sub">{words}</summary>{inside}</details>'
    return f'<div class="cells">{title("Code")}{blocks}</div>'


def _cell_name(change: Any) -> str:
    cell = change.after or change.before
    number = "cell" if cell is None or cell.count is None else f"cell {cell.count}"
    return f"{number}, a part" if cell is not None and cell.is_part else number


def _plain(cell: Any) -> list[str]:
    return [] if cell is None else [f" {line}" for line in cell.source.splitlines()]


def _code(lines: Sequence[str]) -> str:
    """Lines of a unified diff; a hunk's head becomes a gap."""
    html: list[str] = []
    left = [line for k, line in enumerate(lines) if k or not line.startswith("@@")]
    shown = left[:MOST_LINES]
    position = 0
    while position < len(shown):
        if shown[position].startswith("-"):
            taken = _block(shown, position, "-")
            put = _block(shown, position + len(taken), "+")
            html += _replaced(taken, put)
            position += len(taken) + len(put)
            continue
        line = shown[position]
        kind = "put" if line.startswith("+") else "gap" if line.startswith("@@") else ""
        html.append(_line(kind, "⋯" if kind == "gap" else escape(line)))
        position += 1
    return f"<pre>{''.join(html)}</pre>{more(len(left) - MOST_LINES, 'line')}"


def _block(lines: Sequence[str], start: int, mark: str) -> list[str]:
    """The lines from `start` on that begin with a mark."""
    end = start
    while end < len(lines) and lines[end].startswith(mark):
        end += 1
    return list(lines[start:end])


def _replaced(taken: Sequence[str], put: Sequence[str]) -> list[str]:
    """Lines taken out, then those in their place; where a pair is alike, what differs is marked."""
    pairs = [
        (escape(old or ""), escape(new or "")) if old is None or new is None else _marked(old, new)
        for old, new in zip_longest(taken, put)
    ]
    before = [_line("taken", old) for old, _ in pairs[: len(taken)]]
    return before + [_line("put", new) for _, new in pairs[: len(put)]]


def _marked(old: str, new: str) -> tuple[str, str]:
    """Both lines escaped; where they are alike, the words that differ are in ``<b>``."""
    a, b = (re.findall(r"\d[\w.]*|\w+|\W", line[1:]) for line in (old, new))
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < 0.5:
        return escape(old), escape(new)
    found = ["-", "+"]
    for kind, start_a, end_a, start_b, end_b in matcher.get_opcodes():
        pieces = (a[start_a:end_a], b[start_b:end_b])
        for side, words in enumerate(map(escape, map("".join, pieces))):
            found[side] += words if kind == "equal" or not words else f"<b>{words}</b>"
    return found[0], found[1]


def _line(kind: str, html: str) -> str:
    """A line of code, its sign apart; its line feed is inside, for where there is no style."""
    look = f' class="{kind}"' if kind else ""
    return f"<span{look}><i>{html[:1]}</i>{html[1:]}\n</span>"
