"""Numbers as words: three significant digits, thousands with comma, times as ``3:12``.

The same rules as ``frontend/src/numbers.js``; tests on both sides hold the same table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def count(n: float) -> str:
    """A whole number with thousands parted by commas: ``12,345``."""
    return f"{round(n):,}"


def sig(value: float | None, digits: int = 3) -> str:
    """A number with `digits` significant digits; ``3e-5`` below 1e-3, ``12,345`` from 1,000 on.

    Parameters
    ----------
    value : float or None
        None gives the empty string; NaN and infinity are named.
    """
    if value is None:
        return ""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-3 or size >= 1e6:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        if "." in mantissa:
            mantissa = mantissa.rstrip("0").rstrip(".")
        return f"{mantissa}e{int(exponent)}"
    before = math.floor(math.log10(size)) + 1
    if before >= digits:
        return count(value)
    text = f"{value:.{digits - before}f}"
    return text.rstrip("0") if size < 1e-2 else text


def duration(seconds: float) -> str:
    """A length of time: ``9 s``, ``3:12``, ``1 h 05``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600} h {whole % 3600 // 60:02d}"


def ago(seconds: float) -> str:
    """How long since, in one unit: ``now``, ``5 min``, ``2 h``, ``3 d``."""
    if seconds < 60:
        return "now"
    for size, unit in ((86400, "d"), (3600, "h")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // 60)} min"


def shorten(text: str, width: int) -> str:
    """Text of at most `width` characters, cut in the middle with an ellipsis."""
    if len(text) <= width:
        return text
    left = (width - 1 + 1) // 2
    right = width - 1 - left
    return text[:left] + "…" + (text[-right:] if right else "")


def spark(means: Sequence[float]) -> str:
    """A curve as block characters, one each; a blank for NaN.

    Parameters
    ----------
    means : sequence of float
        As `nbtrack.views.frames.averages` gives them.
    """
    known = [mean for mean in means if not math.isnan(mean)]
    if not known:
        return ""
    low, span = min(known), (max(known) - min(known)) or 1.0
    return "".join(
        " " if math.isnan(mean) else BARS[round((mean - low) / span * (len(BARS) - 1))]
        for mean in means
    )
