"""The names and numbers in a printed line, and the step that it speaks of."""

from __future__ import annotations

import re

_NUMBER = re.compile(
    r"(?<![\w.@/])[-+]?"
    r"(?:(?P<digits>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
    r"|(?:nan|inf|infinity)(?!\w))",
    re.IGNORECASE,
)
_CLOCK = re.compile(r":\d|\.\d")  # 12:30 and 2.13.0 are no numbers
# What may follow a number as a part of it: "/100", "%", "ms", "it/s".
_TAIL = re.compile(r"(?:\s*/\s*\d[\d,.]*)?(?:%|[a-zA-Zµ]+(?:/[a-zA-Z]+)?)?")
_WRAPPER = re.compile(
    r"(?:(?:np|numpy|torch)\.)?(?:tensor|array|float(?:16|32|64)|int(?:32|64))\(\[?$|[\[(]$"
)
_SEPARATOR = re.compile(r"\s*(?::|=|->|→)\s*$")
_QUOTED = re.compile(r"([\"'])([^\"']+)\1$")
_ASIDE = re.compile(r"\s*\(([^()0-9]*)\)$")  # "loss (train)"
_CUT = re.compile(r"[,;|{}\[\]()<>\t\"'=]|:\s|\s[-–—]\s|^:|^-\s")
_WORD = re.compile(r"[A-Za-z][\w@/.%+-]*$")
_PAIR = re.compile(r"\s*\[\s*(\d+)\s*,\s*(\d+)\s*\]")  # "[1,  2000] loss: 2.173"

_STEPS = frozenset({"step", "steps", "iter", "iteration", "it", "batch", "global_step"})
_EPOCHS = frozenset({"epoch", "ep", "round", "episode"})
_FILLERS = frozenset({"is", "of", "at", "the", "now", "was", "a", "an", "after", "so", "far"})
_PREFIXES = _FILLERS | {"info", "debug", "warning", "error", "and", "with", "got", "then"}
# Names whose whole number counts even without a sign between: "accuracy 95".
_METRIC = re.compile(
    r"acc|loss|score|reward|return|f1|precision|recall|bleu|perp|ppl|err|auc|lr|mse|mae|r2|cost",
    re.IGNORECASE,
)


def parse_printed(line: str) -> tuple[dict[str, float], int | None]:
    """The named numbers in a printed line, and the step that it speaks of.

    Parameters
    ----------
    line : str
        One line, as printed.

    Returns
    -------
    values : dict of str to float
        By the names as printed, blanks as ``_``. A percentage is the number printed. The first
        of two numbers with one name counts.
    step : int or None
        The line's own step or iteration, else its epoch, else None.

    Examples
    --------
    >>> parse_printed("epoch 3: val_loss=0.21, acc 0.93")
    ({'val_loss': 0.21, 'acc': 0.93}, 3)
    """
    values: dict[str, float] = {}
    steps: dict[str, int] = {}
    position = 0
    pair = _PAIR.match(line)
    if pair is not None:
        steps = {"epoch": int(pair[1]), "step": int(pair[2])}
        position = pair.end()
    for match in _NUMBER.finditer(line):
        if match.start() < position or _CLOCK.match(line, match.end()):
            continue
        name, loose = _name(line[position : match.start()])
        tail = _TAIL.match(line, match.end())
        position = match.end() if tail is None else tail.end()
        number = float(match[0].replace(",", ""))
        last = name[-1].lower() if name else ""
        if last in _STEPS or last in _EPOCHS:
            if number == number // 1:
                steps.setdefault("step" if last in _STEPS else "epoch", int(number))
                continue
        elif loose and (match["digits"] or "").isdigit() and not _METRIC.search(last):
            continue  # "saved checkpoint 3", "took 5 minutes": a number in a sentence
        if name:
            values.setdefault("_".join(name), number)
    return values, steps.get("step", steps.get("epoch"))


def _name(gap: str) -> tuple[list[str], bool]:
    """The words that name a number, from the text before it; whether no sign stands between."""
    gap = _WRAPPER.sub("", gap)
    body = _SEPARATOR.sub("", gap)
    loose = body == gap
    quoted = _QUOTED.search(body)
    if quoted is not None:
        return quoted[2].split(), False
    body = _ASIDE.sub(r" \1", body.rstrip())
    words: list[str] = []
    for word in reversed(_CUT.split(body)[-1].split()):
        if not _WORD.match(word):
            break
        words.insert(0, word.rstrip("."))
    while words and words[-1].lower() in _FILLERS:
        words.pop()
    if gap.endswith("=") and body == gap[:-1]:
        words = words[-1:]  # key=value names one word, whatever stands before it
    words = words[-4:]
    while len(words) > 1 and words[0].lower() in _PREFIXES:
        words.pop(0)
    return words, loose
