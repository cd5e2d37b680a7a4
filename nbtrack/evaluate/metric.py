"""Which series runs are judged by: found by its name, with its direction, unit and label."""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nbtrack.errors import UsageError
from nbtrack.store.rows import STATISTICS

Better = Literal["higher", "lower"]
Statistic = Literal["last", "min", "max", "best"]
CHOICES: tuple[Statistic, ...] = ("last", "min", "max", "best")

_EDGE, _END = r"(?:^|[/_.\- ])", r"(?:$|[/_.\- ]|\d)"
_HELD = re.compile(f"{_EDGE}(val|valid|validation|test|eval|dev|heldout|held_out){_END}", re.I)
_TRAIN = re.compile(f"{_EDGE}(train|training|batch|running){_END}", re.I)
_LOSS = re.compile(
    f"{_EDGE}(loss|nll|cost|ce|bce|mse|mae|rmse|err|error|perplexity|ppl|wer|cer|fid|elbo){_END}"
    r"|loss$",
    re.I,
)
_SHARE = re.compile(
    f"{_EDGE}(acc|accuracy|f1|auc|auroc|precision|recall|iou|miou|dice|map|top1|top5|hit){_END}"
    r"|acc$|accuracy$",
    re.I,
)
_SCORE = re.compile(f"{_EDGE}(score|r2|bleu|rouge|psnr|ssim|reward|return|likelihood){_END}", re.I)
_MEASURED = (
    *("auto/", "lr/", "grad_norm/", "weight_norm/", "update_ratio/", "nonfinite/", "amp/"),
    *("throughput/", "system/", "every/", "mark/"),
)
_WHERE = re.compile(r"^(auto|var|out)/")
_SPOKEN = {
    "last": "at the last step",
    "min": "at its lowest",
    "max": "at its highest",
    "best": "at its best step",
}


@dataclass(frozen=True)
class Metric:
    """One number a run.

    Attributes
    ----------
    key : str
        The series: ``val/accuracy``.
    statistic : {"last", "min", "max", "best"}
        ``best`` is ``max`` where higher is better, else ``min``.
    better : {"higher", "lower"}
    scale : float
        What values are multiplied with to be shown: 100 for a share that is told in percent.
    """

    key: str
    statistic: Statistic = "last"
    better: Better = "lower"
    scale: float = 1.0
    is_share: bool = False

    @property
    def label(self) -> str:
        """The name without where it was found: ``val accuracy`` is ``val_accuracy`` of a cell."""
        return _WHERE.sub("", self.key)

    @property
    def unit(self) -> str:
        """``%`` or nothing."""
        return "%" if self.is_share else ""

    @property
    def points(self) -> str:
        """The unit of a difference: ``points`` of percent, or nothing."""
        return "points" if self.is_share else ""

    @property
    def at(self) -> str:
        """Which value of the series it is, in words."""
        return _SPOKEN[self.statistic]

    def sign(self) -> int:
        """1 where higher is better, -1 where lower is."""
        return 1 if self.better == "higher" else -1

    def value(self, row: Mapping[str, Any]) -> float | None:
        """The value in one run, as shown; None where it has no such series."""
        series = row["summary"].get(self.key)
        if series is None:
            return None
        which: str = self.statistic
        if which == "best":
            which = "max" if self.better == "higher" else "min"
        found = series[STATISTICS.index(which)]
        return None if found is None else float(found) * self.scale

    def as_json(self) -> dict[str, Any]:
        """As the page gets it."""
        return {
            "key": self.key,
            "label": self.label,
            "unit": self.unit,
            "scale": self.scale,
            "better": self.better,
            "at": self.at,
        }


def better_of(key: str) -> Better:
    """Whether higher or lower values of a series are better, as its name says.

    A loss or an error is better when it is lower; whatever is not known as one, when it is higher.
    """
    return "lower" if _LOSS.search(_WHERE.sub("", key)) else "higher"


def choose_metric(
    rows: Sequence[Mapping[str, Any]],
    key: str | None = None,
    statistic: str = "last",
    better: str | None = None,
) -> Metric | None:
    """The metric that was asked for, or the one that says most about the runs.

    Parameters
    ----------
    rows : sequence of mapping
        Runs, as ``store.runs.rows()`` gives them.
    key : str, optional
        A series, or the end of one: ``accuracy`` for ``val/accuracy``. Without it: the held-out
        score that most runs have, else the held-out loss, another score, the loss, anything else.
    statistic : {"last", "min", "max", "best"}
    better : {"higher", "lower"}, optional
        By the name without it.

    Returns
    -------
    Metric or None
        None where no run has a series.

    Raises
    ------
    UsageError
        (a ValueError) if no run has that series, or a word is not one of those.
    """
    if statistic not in CHOICES:
        raise UsageError(f"a statistic is one of {', '.join(CHOICES)}; got {statistic!r}")
    if better not in (None, "higher", "lower"):
        raise UsageError(f"better is 'higher' or 'lower'; got {better!r}")
    known = metric_keys(rows)
    if key is None:
        if not known:
            return None
        key = known[0]
    elif key not in known:
        key = _nearest(key, known)
    is_share, scale = _share(key, rows)
    return Metric(key, statistic, better or better_of(key), scale, is_share)  # type: ignore[arg-type]


def metric_keys(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Series that runs can be judged by, the one that says most first."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(key for key in row["summary"] if not key.startswith(_MEASURED))
    most = max(counts.values(), default=0)
    return sorted(counts, key=lambda key: (counts[key] * 2 < most, _kind(key), -counts[key], key))


def _kind(key: str) -> int:
    name = _WHERE.sub("", key)
    is_held = bool(_HELD.search(name))
    is_score = bool(_SHARE.search(name) or _SCORE.search(name))
    is_loss = bool(_LOSS.search(name))
    if is_held and is_score:
        return 0
    if is_held and is_loss:
        return 1
    if is_score and not _TRAIN.search(name):
        return 2
    if key == "loss":
        return 3
    return 4 if is_held or is_loss or is_score else 5


def _nearest(key: str, known: Sequence[str]) -> str:
    """A series whose end or plain name was given; an error with the nearest ones otherwise."""
    ends = [name for name in known if name.endswith(f"/{key}") or _WHERE.sub("", name) == key]
    if ends:
        return ends[0]
    near = difflib.get_close_matches(key, known, n=3, cutoff=0.5)
    hint = " Did you mean " + " or ".join(map(repr, near)) + "?" if near else ""
    if not near and known:
        hint = f" They have {', '.join(known[:6])}."
    raise UsageError(f"no run of the comparison has a series {key!r}.{hint}")


def _share(key: str, rows: Sequence[Mapping[str, Any]]) -> tuple[bool, float]:
    """Whether a metric is told in percent, and what its values are multiplied with for that."""
    if not _SHARE.search(_WHERE.sub("", key)) or _LOSS.search(_WHERE.sub("", key)):
        return False, 1.0
    low, high = STATISTICS.index("min"), STATISTICS.index("max")
    ranges = [row["summary"][key] for row in rows if key in row["summary"]]
    values = [each[k] for each in ranges for k in (low, high) if each[k] is not None]
    finite = [value for value in values if math.isfinite(value)]
    if not finite or min(finite) < 0 or max(finite) > 100:
        return False, 1.0
    return True, 1.0 if max(finite) > 1 else 100.0
