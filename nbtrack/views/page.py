"""What the static pages share: their frame and style, their signs, and the badge of hidden state.

A page is HTML without script. It follows the notebook's theme, and says the same with its style
and its pictures taken out, as GitHub does.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from nbtrack.views.words import count, shorten, sig

STATIC = Path(__file__).parent / "static"

_SIGNS = {
    "ok": '<circle cx="8" cy="8" r="6.2"/><path d="M5.2 8.3l2 2 3.7-4.2"/>',
    "tick": '<path d="M3 8.5l3.5 3.5L13 4.5" stroke-width="2.2"/>',
    "close": '<path d="M2.5 6.6c2-2.4 3.6-2.2 5.5-.6s3.5 1.8 5.5-.6"/>'
    '<path d="M2.5 11.2c2-2.4 3.6-2.2 5.5-.6s3.5 1.8 5.5-.6"/>',
    "different": '<path d="M3 6h10M3 10h10M10.5 3l-5 10"/>',
    "failed": '<circle cx="8" cy="8" r="6.2"/><path d="M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8"/>',
    "warning": '<path d="M8 2.2l6.2 11.2H1.8z"/><path d="M8 6.4v3.2M8 11.5v.1"/>',
}


def page(kind: str, label: str, body: str) -> str:
    """A page in its frame, with its style.

    Parameters
    ----------
    kind : str
        The name of its style sheet, and the end of its class: ``reproduction``, ``diff``.
    label : str
        What it is, for those who hear it.
    body : str
        HTML.
    """
    return (
        f'<section class="nbt-page nbt-{kind}" role="region" aria-label="{escape(label)}">'
        f"<style>{_style('page')}{_style(kind)}</style>{body}</section>"
    )


def sign(name: str, size: int = 12) -> str:
    """A small picture in the colour of the text around it.

    Parameters
    ----------
    name : str
        One of ok, tick, close, different, failed, warning.
    size : int
        Pixels.
    """
    return (
        f'<svg width="{size}" height="{size}" viewBox="0 0 16 16" fill="none" '
        'stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" '
        f'aria-hidden="true">{_SIGNS[name]}</svg>'
    )


def head(verdict: str, sentence: str, about: str, mark: str = "") -> str:
    """The sentence that a page begins with, and a quieter one below it.

    Parameters
    ----------
    verdict : str
        The class that gives `mark` and the first words their colour.
    sentence, about : str
        HTML.
    mark : str
        The name of a sign.
    """
    below = f'<p class="sub">{about}</p>' if about else ""
    picture = f'<span class="{verdict}">{sign(mark, 28)}</span>' if mark else ""
    # no <h2>: JupyterLab would list it in the person's table of contents
    return (
        f'<div class="head">{picture}<div><p class="said" role="heading" aria-level="2">{sentence}'
        f"</p>{below}</div></div>"
    )


def columns(left: str, right: str) -> str:
    """Two columns where there is room for them; one where a side is empty."""
    if left and right:
        return f'<div class="cols"><div>{left}</div><div>{right}</div></div>'
    return f'<div class="cols one"><div>{left or right}</div></div>' if left or right else ""


def part(html: str, *, is_last: bool = False) -> str:
    """A piece of a column; in a single column the last ones come after those of both."""
    return f'<div class="part{" last" if is_last else ""}">{html}</div>'


def title(text: str, about: str = "", end: str = "", look: str = "sub") -> str:
    """The title of a part of a page; plain texts.

    Parameters
    ----------
    about : str
        What stands quietly beside it.
    end, look : str
        What stands at the right, and the class that colours it.
    """
    rest = f' <span class="sub">{escape(about)}</span>' if about else ""
    rest += f' <span class="end {look}">{escape(end)}</span>' if end else ""
    return f'<p class="title" role="heading" aria-level="3"><b>{escape(text)}</b>{rest}</p>'


def more(number: int, noun: str) -> str:
    """How many are not shown: ``and 3 more rows``; empty for none."""
    return f'<p class="sub more">and {plural(number, f"more {noun}")}</p>' if number > 0 else ""


def plural(number: int, noun: str) -> str:
    """A number with its noun: ``1 point``, ``2,000 points``."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def value_text(value: Any, width: int = 60) -> str:
    """A value of a run in few characters; numbers at full precision, ``none`` for None."""
    if value is None:
        return "none"
    if isinstance(value, float) and value != value:
        return sig(value)
    return shorten(" ".join(str(value).split()), width)


def cell_html(value: Any, *, look: str = "mono") -> str:
    """A table cell that holds a value, with all of it on hover where it was cut."""
    text, whole = value_text(value), str(value)
    hover = f' title="{escape(whole[:2000])}"' if "…" in text and text != whole else ""
    return f'<td class="{look}"{hover}>{escape(text)}</td>'


def badge_html(hidden: Sequence[str]) -> str:
    """A quiet badge for a run that the notebook, run from the top, would not give.

    Parameters
    ----------
    hidden : sequence of str
        Why, a sentence each, as in `nbtrack.records.RunInfo`.

    Returns
    -------
    str
        HTML with the sentences on hover; empty where there are none. It brings its own style and
        takes its colours from where it stands.
    """
    if not hidden:
        return ""
    why = escape("Would not re-run from the top:\n" + "\n".join(hidden))
    return (
        f'<span title="{why}" style="display:inline-flex;gap:4px;align-items:center;height:16px;'
        "padding:0 5px;border:1px solid var(--line,currentColor);border-radius:3px;"
        'font-size:11px;line-height:1;white-space:nowrap;color:var(--fg2,inherit)">'
        f'<span style="display:inline-flex;color:var(--warn,inherit)">{sign("warning", 10)}</span>'
        "hidden state</span>"
    )


@cache
def _style(name: str) -> str:
    return (STATIC / f"{name}.css").read_text(encoding="utf-8")
