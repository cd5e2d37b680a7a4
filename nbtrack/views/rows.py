"""The rows of the table of runs: what is shown of each, read from the store's listing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbtrack.views.frames import averages
from nbtrack.views.panels import place
from nbtrack.views.words import shorten

if TYPE_CHECKING:
    from nbtrack.store import Store

MOST_CURVES_S = 1.5  # reading curves stops after this; the next call goes on
CURVE_POINTS = 48
_LAST, _COUNT, _LAST_STEP = 1, 4, 5  # places in a row's summary

_NO_CHANGE = ("nothing", "first run")

_curves: dict[tuple[str, str, float], list[float]] = {}  # of as many points as the run has


@dataclass(frozen=True)
class TableRow:
    """A run as the table shows it.

    Attributes
    ----------
    changed : str
        Since the run before; of a repetition, which run it repeats: ``again: 7k3qf2``.
    hidden : tuple of str
        Why the notebook, run from the top, would not give it.
    """

    id: str
    name: str
    changed: str
    status: str
    steps: int | None
    loss: float | None
    curve: Sequence[float]
    score: float | None
    duration_s: float
    started_s: float
    hidden: tuple[str, ...] = ()


def read_rows(
    store: Store, found: Sequence[dict[str, Any]], score: str, now_s: float
) -> list[TableRow]:
    """The rows of runs, with their curves as far as there is time to read them.

    Parameters
    ----------
    found : sequence of dict
        As ``store.runs.rows`` gives them.
    score : str
        The key of the column of scores; empty for none.
    """
    until = time.monotonic() + MOST_CURVES_S
    return [_row(store, row, score, now_s, until) for row in found]


def _row(store: Store, row: dict[str, Any], score: str, now_s: float, until: float) -> TableRow:
    key = _loss_key(row["summary"])
    loss = row["summary"].get(key, ())
    steps = row["steps"]
    if steps is None and loss and loss[_LAST_STEP] is not None:
        steps = int(loss[_LAST_STEP]) + 1
    scores = row["summary"].get(score)
    ended_s = now_s if row["ended_s"] is None else row["ended_s"]
    hidden, repeats = tuple(row["hidden"]), row["reproduces"]
    changed = row["changed"]
    if repeats is not None:
        changed = [f"again: {repeats}", *(each for each in changed if each not in _NO_CHANGE)]
    return TableRow(
        id=row["id"],
        name=row["name"],
        changed="; ".join(changed),
        status=row["status"],
        steps=steps,
        loss=loss[_LAST] if loss else None,
        curve=_curve(store, row["id"], key, loss[_COUNT], until) if loss else (),
        score=scores[_LAST] if scores else None,
        duration_s=max(ended_s - row["started_s"], 0.0),
        started_s=row["started_s"],
        hidden=hidden,
    )


def score_title(key: str, width: int = 24) -> str:
    """A key as the head of a column: ``out/val_acc`` is ``val acc``."""
    name = key.removeprefix("out/").removeprefix("var/").replace("_", " ").replace("/", " ")
    return shorten(name, width)


def _loss_key(summary: dict[str, Any]) -> str:
    """The loss of a run; of a run with several, the first."""
    if "loss" in summary and not any(key.startswith("loss/") for key in summary):
        return "loss"
    return next((key for key in summary if key.startswith("loss/")), "loss")


def score_key(rows: Sequence[dict[str, Any]]) -> str:
    """The held-out score that most of the runs have."""
    votes = Counter(
        key
        for row in rows
        for key in row["summary"]
        if (spot := place(key)) is not None and spot.panel == "scores" and spot.is_held_out
    )
    return votes.most_common(1)[0][0] if votes else ""


def _curve(store: Store, run_id: str, key: str, num: float, until: float) -> Sequence[float]:
    """The loss in few points, non-finite ones as NaN; empty if there is no time left to read it."""
    name = (str(store.path), run_id, num)
    if name in _curves:
        return _curves[name]
    if time.monotonic() > until:
        return ()
    try:
        points = store.get(run_id).series(key)
    except (OSError, LookupError):
        return ()  # deleted since it was listed
    values = points["value"].to_numpy(dtype=np.float64)
    means = averages(values, CURVE_POINTS)
    if len(_curves) > 10_000:
        _curves.clear()
    _curves[name] = means
    return means
