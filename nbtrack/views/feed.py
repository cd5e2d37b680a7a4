"""`Feed`: follows one run and says what a page that shows it needs next."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nbtrack.views.frames import Frame, History, concat
from nbtrack.views.panels import Board
from nbtrack.views.wire import (
    ENVELOPE_BYTES,
    MOST_BYTES_PER_S,
    POINT_BYTES,
    Allowance,
    pack,
    shares,
)

if TYPE_CHECKING:
    from nbtrack.store import StoredRun

ROUND_S = 5.0  # each series is sent in full, thinned, once in this time
TURN_POINTS = 3_000  # of all series together in a round
ANSWER_POINTS = 1_200  # the same when asked for, in one message
MOST_PER_SERIES = 2_000
OPEN_BYTES_PER_S = 2_000_000  # for a run that is over: nothing is being trained
INFO_EVERY_S = 0.5
PATIENCE_S = 1.5
OUTPUT_EVERY_S = 2.0
MOST_OUTPUT_S = 0.05  # a run with very much output: its last line is no longer looked for
OUTPUT_LINES = 20
NO_STEPS = ("system/", "throughput/", "every/")  # read also before the first step
HEAD_LOSS = 4.0  # the loss panel is three times as wide as the others


class Feed:
    """What has been read of a run, what a page has been sent, and what comes next.

    Parameters
    ----------
    run : StoredRun
    can_stop : bool
        Whether the page may offer to stop the run.

    Attributes
    ----------
    is_running, has_more : bool
        After `look`: whether the run goes on, and whether points wait to be sent.
    """

    def __init__(self, run: StoredRun, *, can_stop: bool = False) -> None:
        self.run = run
        self.allowance = Allowance()
        self.is_running = True
        self._can_stop = can_stop
        self._tail = run.tail()
        self._board = Board(patience_s=PATIENCE_S)
        self._histories: dict[int, History] = {}
        self._waiting: dict[int, list[Frame]] = {}
        self._sent: dict[int, int] = {}
        self._asking: set[str] = set()
        self._turn = 0.0
        self._next_turn = 0
        self._last_send = 0.0
        self._steps: dict[str, int] = {}
        self._rate: float | None = None
        self._info = run.info
        self._info_after = 0.0
        self._duration_s = 0.0
        self._traits: dict[str, Any] = {}
        self._told: tuple[int, object, object] = (-1, None, None)
        self._output: dict[str, Any] = {}
        self._output_after = 0.0
        self._is_erased = False

    # -- reading --------------------------------------------------------------------------------

    def look(self, *, is_last: bool = False) -> None:
        """Read what is new in the run's files.

        Parameters
        ----------
        is_last : bool
            Also what is only looked at now and then: the run's state and what it printed.

        Raises
        ------
        OSError
            If a file is there and cannot be read.
        """
        now = time.monotonic()
        if is_last or now >= self._info_after:
            self._info_after = now + INFO_EVERY_S
            self._look_at_info()
        if self._is_erased:
            return
        news = self._tail.read()
        if self._tail.has_restarted:
            self._restart()
            self._told = (-1, None, None)
        self._board.add(news, now)
        for key, (steps, times_s, values) in news.items():
            if not key.startswith(NO_STEPS):
                self._steps[key] = max(self._steps.get(key, -1), int(steps[-1]))
            if key == "throughput/steps_per_s":
                self._rate = float(values[-1])
            number = self._board.number(key)
            if number is None:
                continue
            frame = Frame.of(steps, times_s, values)
            self._histories.setdefault(number, History()).add(frame)
            self._waiting.setdefault(number, []).append(frame)
        if is_last or now >= self._output_after:
            self._look_at_output()

    def _look_at_info(self) -> None:
        try:
            self._info = self.run.info
        except FileNotFoundError:
            self._is_erased = True
            self.is_running = False
            return
        self.is_running = self._info.status == "running"
        if not self.is_running:
            self.allowance.per_s = OPEN_BYTES_PER_S
            self._duration_s = self.run.duration_s

    def _restart(self) -> None:
        """The run's series have other names now: all of it comes again, under new numbers."""
        self._board = Board(self._board.next_number, PATIENCE_S)
        self._histories, self._waiting, self._sent, self._steps = {}, {}, {}, {}

    def _look_at_output(self) -> None:
        """The last lines that the run printed, now and then."""
        began = time.monotonic()
        text = "".join(
            str(output.data.get("text", ""))
            for output in self.run.outputs
            if output.kind in ("stdout", "stderr")
        )
        lines = [line.rpartition("\r")[2].rstrip() for line in text.split("\n") if line.strip()]
        if lines:
            shown = [line[:200] for line in lines[-OUTPUT_LINES:]]
            self._output = {"last": shown[-1], "lines": len(lines), "tail": "\n".join(shown)}
        now = time.monotonic()
        self._output_after = now + (OUTPUT_EVERY_S if now - began < MOST_OUTPUT_S else 1e9)

    # -- what a page needs ----------------------------------------------------------------------

    @property
    def has_more(self) -> bool:
        """Whether points wait to be sent, or a page waits for them."""
        return any(self._waiting.values()) or bool(self._asking)

    def progress(self) -> dict[str, Any]:
        """Steps done, seconds since the start, steps per second."""
        info = self._info
        steps = info.steps
        if steps is None and self._steps:
            main = self._steps.get("loss", max(self._steps.values()))
            steps = main + 1
        elapsed = time.time() - info.started_s
        if not self.is_running and not self._is_erased:
            elapsed = self._duration_s
        rate = self._rate
        if steps and elapsed > 0 and (rate is None or not self.is_running):
            rate = steps / elapsed
        return {
            "step": steps,
            "elapsed": round(max(elapsed, 0.0), 2),
            "rate": None if rate is None else float(f"{rate:.4g}"),
        }

    def head(self) -> dict[str, Any]:
        """Who the run is and in what state, as the page shows it above the charts."""
        info = self._info
        head: dict[str, Any] = {
            "id": info.id,
            "name": info.name,
            "status": info.status,
            "tags": list(info.tags),
            "changed": list(info.changed),
            "can_stop": self._can_stop and self.is_running,
            **self.progress(),
        }
        if info.seed is not None:
            head["seed"] = info.seed
        if info.error:
            head["error"] = error_text(info.error)
        if info.lost_points:
            head["lost_points"] = info.lost_points
        if self._is_erased:
            head["erased"] = True
        return head

    def panels(self) -> list[dict[str, Any]]:
        """The panels and their series, as the page shows them."""
        return self._board.panels()

    def changed_traits(self) -> Iterator[tuple[str, Any]]:
        """Name and value of what the page must know before the next points."""
        told = (self._board.version, self._info, self._is_erased or self._output)
        if told[0] == self._told[0] and told[1:] == self._told[1:]:
            return
        self._told = told
        now = {"panels": self.panels(), "head": self.head(), "output": self._output}
        for name, value in now.items():
            if name not in self._traits or _lasting(value) != _lasting(self._traits[name]):
                self._traits[name] = value
                yield name, value

    def messages(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Messages to send now, within what may be sent in a second."""
        now = time.monotonic()
        message = self._rows(now)
        if message is not None:
            yield message
        for asking in list(self._asking):
            answer = self._snapshot(list(self._histories), asking)
            if answer is None:
                return
            self._asking.discard(asking)
            yield answer
        message = self._in_turn(now)
        if message is not None:
            yield message

    # -- inside ---------------------------------------------------------------------------------

    def _rows(self, now: float) -> tuple[dict[str, Any], bytes] | None:
        """The points that came since the last message, thinned to what may be sent."""
        waiting = {number: concat(frames) for number, frames in self._waiting.items() if frames}
        if not waiting:
            return None
        left = self.allowance.left() - ENVELOPE_BYTES
        since = min(1.0, max(0.1, now - self._last_send))
        share = int(self.allowance.per_s * 0.6 * since) - ENVELOPE_BYTES
        most = min(left, share) // POINT_BYTES
        if most < 5 * len(waiting):
            return None  # not now: they wait and are thinned together with what comes
        numbers = list(waiting)
        given = shares([len(waiting[n]) for n in numbers], self._weights(numbers), most)
        frames = [
            (n, waiting[n].thin(max(5, points))) for n, points in zip(numbers, given, strict=True)
        ]
        message, buffer = pack("rows", frames, at=[self._sent.get(n, 0) for n in numbers])
        for number, frame in frames:
            self._sent[number] = self._sent.get(number, 0) + len(frame)
        self._waiting = {}
        self._last_send = now
        return {**message, **self.progress()}, buffer

    def _in_turn(self, now: float) -> tuple[dict[str, Any], bytes] | None:
        """One series in full: all have had their turn when `ROUND_S` have gone by."""
        numbers = list(self._histories)
        if not self.is_running or not numbers or now < self._turn:
            return None
        self._turn = now + ROUND_S / len(numbers)
        self._next_turn = (self._next_turn + 1) % len(numbers)
        return self._snapshot([numbers[self._next_turn]], None)

    def _snapshot(self, numbers: list[int], to: str | None) -> tuple[dict[str, Any], bytes] | None:
        """Series in full; None if there is no room for it now."""
        if self._waiting:
            return None  # a full picture ends where the pieces end, or points would come twice
        numbers = [n for n in numbers if self._sent.get(n)]
        total = (
            (ANSWER_POINTS if to else TURN_POINTS)
            if self.is_running
            else MOST_PER_SERIES * max(len(numbers), 1)
        )
        every = list(self._histories)
        lengths = [min(MOST_PER_SERIES, self._histories[n].num_rows) for n in every]
        given = dict(zip(every, shares(lengths, self._weights(every), total), strict=True))
        frames = [(n, self._histories[n].frame(max(5, given[n]))) for n in numbers]
        size = sum(len(frame) for _, frame in frames) * POINT_BYTES + ENVELOPE_BYTES
        if size > min(self.allowance.left(), MOST_BYTES_PER_S if self.is_running else 1 << 30):
            return None
        if not frames:
            return {"t": "facts", **self.progress()}, b""
        message, buffer = pack("snap", frames, upto=[self._sent[n] for n in numbers])
        if to is not None:
            message["to"] = to
        return {**message, **self.progress()}, buffer

    def ask(self, page: str) -> None:
        """A page has missed something and asks for all series in full."""
        self._asking.add(page)

    def _weights(self, numbers: list[int]) -> list[float]:
        return [HEAD_LOSS if self._board.panel_of[n] == "loss" else 1.0 for n in numbers]


def _lasting(value: Any) -> Any:
    """What of the head does not change with every step; that goes with the points."""
    if not isinstance(value, dict):
        return value
    return {k: v for k, v in value.items() if k not in ("step", "elapsed", "rate")}


def error_text(error: Any) -> str:
    """The last line of an exception and where it was raised."""
    message = str(error.get("message", ""))
    text = f"{error.get('name', 'Error')}: {message[:500]}".rstrip(": ")
    line = error.get("line")
    return text if not line else f"{text}\n  line {line}"
