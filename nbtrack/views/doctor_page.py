"""The page of `%doctor`: what was found in a run, the likeliest cause first."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from nbtrack.records import Finding
from nbtrack.store import StoredRun
from nbtrack.views.page import head, page, plural, sign

_SIGNS = {"error": "failed", "warning": "warning", "info": "ok"}


def doctor_html(run: StoredRun | None, findings: Sequence[Finding], num_checks: int) -> str:
    """The findings as a page.

    Parameters
    ----------
    run : StoredRun or None
        None for a model that has not trained.
    findings : sequence of Finding
        The likeliest cause first.
    num_checks : int
        How many kinds of fault were looked for.

    Returns
    -------
    str
        HTML without script; every text of the person's is escaped.
    """
    if run is None:
        who = "model before training"
    else:
        who = f'{escape(run.info.name)} <span class="mono sub">{escape(run.id)}</span>'
    if not findings:
        about = (
            f"{plural(num_checks, 'check')} ran on {who}. This does not prove the model right; "
            "whether it can memorise one batch is the next test."
        )
        return page("doctor", "Doctor", head("ok", "Nothing found", about, "ok"))
    title = f"{plural(len(findings), 'finding')} in {who}"
    about = f"the likeliest cause first, of {plural(num_checks, 'check')}"
    body = head("found", title, about) + "".join(_finding(one) for one in findings)
    return page("doctor", "Doctor", body)


def _finding(finding: Finding) -> str:
    since = "" if finding.first_step is None else f"since step {finding.first_step:,}"
    line = f'<pre class="line">{escape(finding.line)}</pre>' if finding.line else ""
    severity = escape(finding.severity)
    return (
        f'<div class="finding {severity}"><span class="mark">{sign(_SIGNS[finding.severity], 16)}'
        f'</span><div><p class="name" role="heading" aria-level="3"><b>{escape(finding.title)}</b> '
        f'<span class="mono sub">{escape(finding.code)}</span> '
        f'<span class="severity">{severity}</span> <span class="sub">{since}</span></p>'
        f"<p>{escape(finding.sentence)}</p>{line}"
        f"<p><b>Try:</b> {escape(finding.advice)}.</p>"
        f'<p class="sub">Intended? Write <code># nbtrack: ok {escape(finding.code)}</code> in the '
        "cell.</p></div></div>"
    )
