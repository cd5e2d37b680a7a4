"""The table of runs as HTML: no script, and every text escaped."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path

import numpy as np

from nbtrack.views.frames import averages
from nbtrack.views.page import badge_html
from nbtrack.views.rows import TableRow, score_title
from nbtrack.views.words import ago, count, duration, shorten, sig

STYLE = Path(__file__).parent / "static" / "runs.css"
CURVE_WIDTH, CURVE_HEIGHT = 84.0, 18.0

_PEN = 'fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"'
_ICONS = {
    "running": '<circle cx="8" cy="8" r="5" fill="currentColor"/>',
    "done": f'<path d="M3 8.5l3.5 3.5L13 4.5" {_PEN} stroke-width="2.2"/>',
    "failed": f'<path d="M4 4l8 8M12 4l-8 8" {_PEN} stroke-width="2.2"/>',
    "stopped": '<path d="M3.5 3.5h9v9h-9z" fill="currentColor"/>',
    "interrupted": f'<path d="M5 3v10M11 3v10" {_PEN} stroke-width="2.6"/>',
    "lost": f'<circle cx="8" cy="8" r="5" {_PEN} stroke-width="2" stroke-dasharray="2.4 2.6"/>',
    "incomplete": f'<circle cx="8" cy="8" r="5" {_PEN} stroke-width="1.6"/>'
    '<path d="M8 3a5 5 0 0 1 0 10z" fill="currentColor"/>',
}


def to_html(rows: Sequence[TableRow], caption: str, score: str, now_s: float) -> str:
    """The table with its style; it follows the notebook's theme.

    Parameters
    ----------
    rows : sequence of TableRow
    caption : str
        How many runs there are.
    score : str
        The key of the column of scores; empty for none.
    now_s : float
        Unix time.
    """
    caption = escape(caption)
    if not rows:
        return f'<div class="nbt-runs"><style>{_style()}</style>{caption}</div>'
    most = max(row.steps or 0 for row in rows)
    body = "".join(
        _row(row, above, most, bool(score), now_s)
        for row, above in zip(rows, [None, *rows[:-1]], strict=True)
    )
    score_head = f'<th class="num">{escape(score_title(score))}</th>' if score else ""
    return (
        f'<div class="nbt-runs" role="region" aria-label="{caption}"><style>{_style()}</style>'
        f'<div class="cap">{_caption(caption)}</div><table><thead><tr><th>run</th><th>name</th>'
        '<th>changed since previous</th><th>status</th><th class="num narrow">steps</th>'
        f'<th class="num">loss</th><th class="narrow">loss curve</th>{score_head}'
        f'<th class="num">time</th><th class="num">ago</th></tr></thead>'
        f"<tbody>{body}</tbody></table>"
        f'<div class="foot"><code>nbtrack.get("{escape(rows[0].id)}")</code> opens a run, '
        "<code>%runs lr &lt; 0.01</code> chooses some.</div></div>"
    )


def _caption(caption: str) -> str:
    bold, comma, rest = caption.partition(", ")
    return f"<b>{bold}</b>{comma and f'<span>, {rest}</span>'}"


def _row(row: TableRow, above: TableRow | None, most: int, has_score: bool, now_s: float) -> str:
    is_repeated = above is not None and above.name == row.name
    score = f'<td class="num"><b>{sig(row.score)}</b></td>' if has_score else ""
    icon = f'<svg width="11" height="11" viewBox="0 0 16 16">{_ICONS.get(row.status, "")}</svg>'
    status = escape(row.status)
    name = escape(shorten(row.name, 40))
    if row.hidden:
        name = f'<span class="marked"><span>{name}</span> {badge_html(row.hidden)}</span>'
    return (
        f'<tr><td class="id">{escape(row.id)}</td>'
        f'<td class="name{" dim" if is_repeated else ""}" title="{escape(row.name)}">{name}</td>'
        f'<td class="chg" title="{escape(row.changed)}">{changed_html(row.changed)}</td>'
        f'<td><span class="st"><span class="{status}">{icon}</span>{status}</span></td>'
        f'<td class="num narrow">{"" if row.steps is None else count(row.steps)}</td>'
        f'<td class="num">{sig(row.loss)}</td>'
        f'<td class="narrow">{_curve(row, most)}</td>{score}'
        f'<td class="num">{duration(row.duration_s)}</td>'
        f'<td class="num dim">{ago(now_s - row.started_s)}</td></tr>'
    )


def changed_html(text: str) -> str:
    """What changed, with the new values in bold.

    Parameters
    ----------
    text : str
        As in ``lr 0.1 → 0.01; cell 7``.
    """
    return re.sub(r"→ ([^;]+?)(?=;|$)", r"→ <b>\1</b>", escape(text, quote=False))


def _curve(row: TableRow, most: int) -> str:
    """The loss as a line: as long as the run, against the longest one shown."""
    width = CURVE_WIDTH * max(0.35, (row.steps or 0) / most) if most else CURVE_WIDTH
    pieces, end = _pieces(averages(np.asarray(row.curve), round(width / 1.75)), width)
    if not pieces:
        return ""
    colour = "var(--error,#b3261e)" if row.status == "failed" else "var(--curve,#1479b8)"
    line = f'<path d="{pieces}" fill="none" stroke="{colour}" stroke-width="1.3"/>'
    if row.status == "running":
        line += f'<circle cx="{end[0]:.1f}" cy="{end[1]:.1f}" r="2" fill="{colour}"/>'
    return (
        f'<svg width="{width:.0f}" height="{CURVE_HEIGHT:.0f}" viewBox="0 0 {width:.0f} '
        f'{CURVE_HEIGHT:.0f}" aria-hidden="true">{line}</svg>'
    )


def _pieces(values: Sequence[float], width: float) -> tuple[str, tuple[float, float]]:
    """Path data, with a gap where nothing was finite; and where the line ends."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return "", (0.0, 0.0)
    low, span = min(known), (max(known) - min(known)) or 1.0
    path, is_down, end = "", False, (0.0, 0.0)
    for i, value in enumerate(values):
        if not math.isfinite(value):
            is_down = False
            continue
        x = 1 + i * (width - 4) / max(len(values) - 1, 1)
        end = (x, CURVE_HEIGHT - 2 - (value - low) / span * (CURVE_HEIGHT - 4))
        path += f"{'L' if is_down else 'M'}{end[0]:.1f} {end[1]:.1f}"
        is_down = True
    return path + ("h1" if path.count("L") == 0 else ""), end


@cache
def _style() -> str:
    return STYLE.read_text(encoding="utf-8")
