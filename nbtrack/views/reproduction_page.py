"""The verdict on a repetition of a run as a page: the sentence, then what it rests on."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from html import escape
from typing import Any

from nbtrack.records import Difference, Reproduction
from nbtrack.store import StoredRun
from nbtrack.views.difference_chart import Distances, chart, read_distances
from nbtrack.views.facts import error_text
from nbtrack.views.page import cell_html, columns, head, more, page, part, plural, title
from nbtrack.views.panels import place
from nbtrack.views.series_list import equal_list, grouped, unequal_list
from nbtrack.views.words import count, duration, shorten, sig

MOST_VALUES = 16  # rows; the rest is counted
LONGEST_SENTENCE = 280

_SIGNS = {"identical": "ok", "close": "close", "different": "different", "failed": "failed"}


def reproduction_html(reproduction: Reproduction) -> str:
    """A reproduction as HTML; it follows the notebook's theme, and has no script.

    Parameters
    ----------
    reproduction : Reproduction

    Returns
    -------
    str
        Every text is escaped. What is not there (no weights, no series, a run that was deleted) is
        left out.

    Notes
    -----
    Reads one series of both runs, where they differ.
    """
    recorded = _recorded(reproduction)
    said, rest = _sentence(reproduction)
    body = head(
        reproduction.verdict, said, _about(reproduction, recorded), _SIGNS[reproduction.verdict]
    )
    body += rest + _why(reproduction)
    body += columns(*_columns(reproduction, recorded)) + _foot(reproduction)
    label = f"Reproduction of {reproduction.original}: {reproduction.verdict}"
    return page("reproduction", label, body)


def _columns(reproduction: Reproduction, recorded: StoredRun | None) -> tuple[str, str]:
    weights, restored = _weights(reproduction), _restored(reproduction)
    environment = _environment(reproduction)
    groups = grouped(reproduction.series)
    if reproduction.verdict == "identical":
        return equal_list(groups), weights + restored + environment
    left = ""
    if recorded is not None and reproduction.run is not None:
        left = _chart(reproduction, recorded)
    right = unequal_list(groups, reproduction.first_difference) + environment
    if left:
        return left + restored, right + weights
    return right, weights + restored


# ---- the head -----------------------------------------------------------------------------------


def _recorded(reproduction: Reproduction) -> StoredRun | None:
    """The run that was repeated, where its store is known and it is still there."""
    if reproduction.run is None:
        return None
    run = StoredRun(reproduction.run.store, reproduction.original)
    return run if _is_there(run) else None


def _is_there(run: Any) -> bool:
    try:
        return bool(run.info)
    except (OSError, LookupError):
        return False


def _sentence(reproduction: Reproduction) -> tuple[str, str]:
    """The verdict with its word in colour and its series in mono; and what is too long for it."""
    text = reproduction.sentence.strip() or f"{reproduction.verdict.capitalize()}."
    rest = ""
    if len(text) > LONGEST_SENTENCE or "\n" in text:
        rest = f'<pre class="all">{escape(text)}</pre>'
        text = shorten(" ".join(text.split()), LONGEST_SENTENCE)
    word = re.match(rf"{reproduction.verdict}\b\.?", text, re.IGNORECASE)
    said = text[word.end() :] if word else f" {text}"
    first = word[0] if word else reproduction.verdict.capitalize() + "."
    html = escape(said)
    difference = reproduction.first_difference
    if difference is not None and difference.what == "series":
        name = escape(difference.name)
        html = html.replace(f"series {name}", f"series <code>{name}</code>", 1)
    return f'<b class="{reproduction.verdict}">{escape(first)}</b>{html}', rest


def _about(reproduction: Reproduction, recorded: StoredRun | None) -> str:
    """What was compared, which run it was, and how long it took."""
    name = ""
    if recorded is not None:
        day = time.localtime(recorded.started_s)
        name = (
            f" {escape(shorten(recorded.name, 60))} of {day.tm_mday} {time.strftime('%b %Y', day)}"
        )
    text = f"Run <code>{escape(reproduction.original)}</code>{name}"
    if reproduction.run is None and not reproduction.duration_s and not name:
        return _compared(reproduction)
    if reproduction.run is not None:
        text += f", again as <code>{escape(reproduction.run.id)}</code> in a fresh kernel"
    if reproduction.duration_s:
        text += f", {duration(reproduction.duration_s)}"
    return f"{_compared(reproduction)}{text}."


def _compared(reproduction: Reproduction) -> str:
    compared = [each for each in reproduction.series if each.num_points]
    difference = reproduction.first_difference
    parts = []
    if compared:
        points = sum(each.num_points for each in compared)
        parts.append(f"{plural(points, 'point')} in {len(compared)} series")
    if reproduction.num_weights:
        parts.append(plural(reproduction.num_weights, "weight tensor"))
    text = f"{' and '.join(parts)} compared. " if parts else ""
    if difference is None or not compared:
        return text
    if difference.what != "series":
        return f"{text}All points are identical. "
    if difference.step is not None and difference.step > 0:
        return f"{text}All points before step {count(difference.step)} are identical. "
    return text


# ---- why ----------------------------------------------------------------------------------------


def _why(reproduction: Reproduction) -> str:
    reason = (reproduction.reason or "").strip()
    lines = ""
    if reason and reason not in reproduction.sentence:
        cause, colon, meaning = reason[:1000].partition(": ")
        if len(cause) > 100:
            cause, colon, meaning = "", "", reason[:1000]
        end = "" if reason.endswith((".", "!", "?")) else "."
        said = f"<b>Likely reason: {escape(cause)}{colon.strip() or ('' if meaning else end)}</b>"
        lines = f"<p>{said}{f' {escape(meaning)}{end}' if meaning else ''}</p>"
    lines += _test(reproduction)
    if reproduction.verdict == "failed" and reproduction.run is not None:
        lines += _error(reproduction)
    return f'<div class="why {reproduction.verdict}">{lines}</div>' if lines else ""


def _test(reproduction: Reproduction) -> str:
    """The command that tests the reason, where that is a package or the number of threads."""
    if not reproduction.environment:
        return ""
    name, recorded, _ = reproduction.environment[0]  # the likeliest cause comes first
    kind, _, what = name.partition(" ")
    if (what or kind) not in (reproduction.reason or ""):
        return ""
    again = f"<code>%reproduce {escape(reproduction.original)}"
    if kind in ("torch", "numpy", "package"):
        return f'<p class="sub">{again} --env</code> repeats it with the recorded packages.</p>'
    if name == "threads":
        set_threads = f"<code>%env OMP_NUM_THREADS={escape(str(recorded))}</code>"
        return f'<p class="sub">{set_threads} and then {again}</code> tests it.</p>'
    return ""


def _error(reproduction: Reproduction) -> str:
    """How the repetition ended, where the sentence does not say it, and in which line."""
    run = reproduction.run
    error = run.error if _is_there(run) else None
    if not error:
        return ""
    text = error_text(error)
    if text.splitlines()[0] in reproduction.sentence:
        line = error.get("line")
        return f'<p class="sub">Raised by line {escape(str(line))} of the cell.</p>' if line else ""
    return f'<pre class="all">{escape(text)}</pre>'


# ---- the chart ----------------------------------------------------------------------------------


def _chart(reproduction: Reproduction, recorded: StoredRun) -> str:
    """How the difference grows, and what the two runs ended with."""
    unequal = {each.key: each.first for each in reproduction.series if each.first is not None}
    key = _charted(list(unequal), reproduction.first_difference)
    if key is None:
        return ""
    try:
        distances = read_distances(recorded, reproduction.run, key)
        last = _last_values(recorded, reproduction.run, key)
    except (OSError, LookupError):
        return ""  # erased since
    if distances is None:
        return ""
    about = f"in {shorten(key, 40)}, against the recorded run"
    return part(
        title("Size of the difference", about)
        + f'<div class="plot">{chart(distances, unequal[key])}</div>'
        + f'<p class="sub small">{_legend(distances)}{last}</p>'
    )


def _charted(keys: Sequence[str], first: Difference | None) -> str | None:
    """The series whose difference is drawn: the loss if it differs, else what differs first."""
    losses = [key for key in keys if (spot := place(key)) is not None and spot.panel == "loss"]
    if first is not None and first.what == "series" and first.name in keys:
        losses.append(first.name)
    return "loss" if "loss" in keys else next(iter([*losses, *keys]), None)


def _legend(distances: Distances) -> str:
    notes = ["Shaded: equal." if (distances.sizes == 0).any() else ""]
    if distances.share > 1:
        notes.append(f"The largest of each {distances.share} points.")
    if any(map(math.isinf, distances.sizes.tolist())):
        notes.append("Red ticks: one of the two is not finite.")
    return "".join(f"{note} " for note in notes if note)


def _last_values(recorded: StoredRun, again: Any, key: str) -> str:
    """The last values of a series and of two scores: ``At the end: loss 0.4183 and 0.4222.``."""
    before, after = recorded.summary(), again.summary()
    scores = [
        name for name in before if (spot := place(name)) is not None and spot.panel == "scores"
    ]
    told = []
    for name in [key, *scores[:2]]:
        if name in before and name in after:
            a, b = (sig(summary[name]["last"], 4) for summary in (before, after))
            told.append(f"{escape(shorten(name, 32))} {a} and {b}")
    return f"At the end: {', '.join(told)}." if told else ""


# ---- weights, environment, what was put back ----------------------------------------------------


def _weights(reproduction: Reproduction) -> str:
    if not reproduction.num_weights:
        return ""  # not kept, or not compared as the repetition was stopped early
    recorded, again = reproduction.weights
    is_same = recorded == again
    rows = "".join(
        f"<tr><td>{name}</td><td>{_digest(digest)}</td></tr>"
        for name, digest in (("recorded", recorded), ("again", again))
    )
    word, look = ("same", "identical") if is_same else ("different", "different")
    return part(
        title("Weights", f"digest of {plural(reproduction.num_weights, 'tensor')}", word, look)
        + f'<table class="eq"><tbody>{rows}</tbody></table>'
    )


def _digest(digest: str | None) -> str:
    """The ends of a digest in groups of four."""
    if digest is None:
        return "not kept"
    text = digest.rpartition(":")[2]
    groups = [escape(text[i : i + 4]) for i in range(0, len(text), 4)]
    return " ".join([*groups[:4], "…", *groups[-2:]] if len(groups) > 7 else groups)


def _restored(reproduction: Reproduction) -> str:
    if not reproduction.restored:
        return ""
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="{"identical" if text == "same" else ""}">'
        f"{escape(shorten(text, 120))}</td></tr>"
        for name, text in reproduction.restored.items()
    )
    table = f'<table class="put"><tbody>{rows}</tbody></table>'
    return part(title("What was put back") + table, is_last=True)


def _environment(reproduction: Reproduction) -> str:
    differences = reproduction.environment
    if not differences:
        return ""
    rows = "".join(
        f"<tr>{cell_html(name)}{cell_html(recorded)}{cell_html(present, look='mono now')}</tr>"
        for name, recorded, present in differences[:MOST_VALUES]
    )
    return part(
        title("Environment that differs")
        + "<table><thead><tr><th>name</th><th>recorded</th><th>again</th></tr></thead>"
        + f"<tbody>{rows}</tbody></table>"
        + more(len(differences) - MOST_VALUES, "difference")
    )


def _foot(reproduction: Reproduction) -> str:
    lines = []
    if reproduction.folder:
        lines.append(
            f"Notebook, script, configuration and data: <code>{escape(reproduction.folder)}</code>"
        )
    if reproduction.run is not None:
        new = escape(reproduction.run.id)
        lines.append(f'<code>nbtrack.get("{new}")</code> opens the new run')
        if reproduction.verdict in ("close", "different"):
            old = escape(reproduction.original)
            lines[-1] += f', <code>nbtrack.diff("{old}", "{new}")</code> sets the two side by side'
        lines[-1] += "."
    return f'<p class="foot">{"<br>".join(lines)}</p>' if lines else ""
