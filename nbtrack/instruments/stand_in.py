"""A loss for runs in which no backward pass ever runs: the scalar whose name says loss."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nbtrack.instruments.points import Points

_RANKS = (
    frozenset({"loss", "losses"}),
    frozenset({"nll", "ce", "xent", "elbo", "entropy"}),
    frozenset({"cost", "costs", "energy"}),
    frozenset({"objective", "obj"}),
    frozenset({"error", "errors", "err", "mse", "rmse", "mae", "perplexity", "ppl"}),
)
_HELD_OUT = frozenset({"val", "valid", "validation", "test", "eval", "dev"})
_MAX_CANDIDATES = 50


def rank(name: str) -> int | None:
    """How well a name says loss: smaller is better, None is not at all.

    >>> rank("train_loss"), rank("val_loss"), rank("nll"), rank("accuracy")
    (0, 1, 2, None)
    """
    words = set(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))
    for place, known in enumerate(_RANKS):
        if words & known:
            return 2 * place + bool(words & _HELD_OUT)
    return None


class LossByName:
    """Writes the best-named scalar as ``loss``, until a backward pass shows a real one.

    Parameters
    ----------
    points, clock
        As of `Signals`.

    Notes
    -----
    A name must have been seen twice, so that it is a series. Its first point is written then too.
    """

    def __init__(self, points: Points, clock: Callable[[], float]) -> None:
        self._points = points
        self._clock = clock
        self._first: dict[str, tuple[float, int, float]] = {}
        self._chosen: str | None = None
        self.stopped = False

    def offer(self, key: str, value: Any, step: int) -> None:
        """A scalar was seen in a loop under this key."""
        if self.stopped:
            return
        if self._chosen is None:
            if isinstance(value, float):
                self._choose(key, value, step)
        elif key == self._chosen:
            self._points.put("loss", value, step)

    def stop(self) -> None:
        """A backward pass ran: it knows the loss."""
        self.stopped = True

    def _choose(self, key: str, value: float, step: int) -> None:
        if rank(key) is None:
            return
        if key not in self._first:
            if len(self._first) < _MAX_CANDIDATES:
                self._first[key] = (value, step, self._clock())
            return
        best = min(self._first, key=lambda name: rank(name) or 0)
        if best == key:
            self._chosen = key
            first, first_step, first_time_s = self._first[key]
            self._points.put_at("loss", first, first_step, first_time_s)
            self._points.put("loss", value, step)
            self._first.clear()
