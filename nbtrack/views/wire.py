"""What goes over the wire to a live view: how points are packed, and how much at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from nbtrack.views.frames import Frame

MOST_BYTES_PER_S = 48_000  # a hub with a hundred notebooks open still breathes
ENVELOPE_BYTES = 1_000  # Jupyter's own header, parent header and signature around each message
POINT_BYTES = 24  # f64 step; f32 time, value, mean, count


class Allowance:
    """Never more than so many bytes in any second.

    Parameters
    ----------
    per_s : int
        Bytes a second.
    clock : callable
        Seconds; does not go back.
    """

    def __init__(
        self, per_s: int = MOST_BYTES_PER_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.per_s = per_s
        self._clock = clock
        self._spent: deque[tuple[float, int]] = deque()
        self._sum = 0

    def left(self) -> int:
        """Bytes that may be sent now."""
        since = self._clock() - 1.0
        while self._spent and self._spent[0][0] <= since:
            self._sum -= self._spent.popleft()[1]
        return self.per_s - self._sum

    def spend(self, num_bytes: int) -> None:
        """Count what was sent."""
        self._spent.append((self._clock(), num_bytes))
        self._sum += num_bytes


def pack(
    kind: str, frames: Sequence[tuple[int | str, Frame]], **lists: list[int]
) -> tuple[dict[str, Any], bytes]:
    """One message with the points of several series in one buffer.

    Parameters
    ----------
    kind : {"rows", "snap", "range"}
        A piece that continues what was sent, or all of a series or a range of it, thinned.
    frames : sequence of (series number or key, Frame)
    **lists : list of int
        ``at`` (first row of each piece) or ``upto`` (rows sent so far), in the same order.

    Returns
    -------
    (dict, bytes)
        The JSON part, and steps as float64, then times, values and, where points were left out,
        means and counts as float32: each block for all series together.
    """
    parts = [frame for _, frame in frames]
    if not parts:
        return {"t": kind, "k": [], "n": [], **lists}, b""
    is_whole = all(frame.is_whole for frame in parts)
    message: dict[str, Any] = {
        "t": kind,
        "k": [number for number, _ in frames],
        "n": [len(frame) for frame in parts],
        **lists,
    }
    blocks = [
        np.concatenate([frame.steps for frame in parts]).astype("<f8"),
        np.concatenate([frame.times_s for frame in parts]).astype("<f4"),
        _single(np.concatenate([frame.values for frame in parts])),
    ]
    if not is_whole:
        message["w"] = 1
        blocks += [
            _single(np.concatenate([frame.means for frame in parts])),
            np.concatenate([frame.counts for frame in parts]).astype("<f4"),
        ]
    return message, b"".join(block.tobytes() for block in blocks)


def _single(values: Any) -> Any:
    """As float32; what is too large for it stays a number, the largest there is."""
    largest = np.finfo(np.float32).max
    clipped = np.where(np.isfinite(values), np.clip(values, -largest, largest), values)
    return clipped.astype("<f4")


def shares(waiting: Sequence[int], weights: Sequence[float], most: int) -> list[int]:
    """How many points each series may send, so that together they send at most `most`.

    Parameters
    ----------
    waiting : sequence of int
        Points that each series has.
    weights : sequence of float
        How much room each should have; what one does not need goes to the others.
    most : int
        Points altogether.
    """
    given = [0] * len(waiting)
    left = most
    open_series = [i for i, n in enumerate(waiting) if n > 0]
    while open_series and left > 0:
        unit = left / sum(weights[i] for i in open_series)
        content = [i for i in open_series if waiting[i] <= unit * weights[i]]
        if not content:
            for i in open_series:
                given[i] = int(unit * weights[i])
            break
        for i in content:
            given[i] = waiting[i]
            left -= waiting[i]
        open_series = [i for i in open_series if i not in content]
    return given
