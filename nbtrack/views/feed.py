"""`Feed`: follows one run and says what a page that shows it needs next."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nbtrack.views.asked import Asked
from nbtrack.views.facts import MOVING, Facts
from nbtrack.views.frames import Frame, concat
from nbtrack.views.heat import Heat
from nbtrack.views.marks import Marks
from nbtrack.views.panels import Board
from nbtrack.views.printed import Printed
from nbtrack.views.shelf import Shelf
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
    from nbtrack.store.tail import Piece

    Message = tuple[dict[str, Any], bytes]

ROUND_S = 5.0  # each series is sent in full, thinned, once in this time
HEAT_ROUND_S = 15.0  # the same for the maps of layers
HEAT_EVERY_S = 1.0
TURN_POINTS = 3_000  # of all series together in a round
ANSWER_POINTS = 1_200  # the same when asked for, in one message
MOST_PER_SERIES = 2_000
MOST_WAITING = 16_384  # points of a series that wait; beyond it they are thinned before they go
OPEN_BYTES_PER_S = 2_000_000  # for a run that is over: nothing is being trained
INFO_EVERY_S = 0.5
MARKS_EVERY_S = 2.0
CATCH_UP_S = 0.5  # in one look at a run that is being trained
PATIENCE_S = 1.5
OUTPUT_EVERY_S = 1.0
HEAD_LOSS = 4.0  # the loss panel is three times as wide as the others


class Feed:
    """What has been read of a run, what a page has been sent, and what comes next.

    Parameters
    ----------
    run : StoredRun
    can_stop, can_lr : bool
        Whether the page may offer to stop the run, or to change its learning rate.
    patience_s : float
        How long panels of the machine wait for those of the training.

    Attributes
    ----------
    is_running, has_more : bool
        After `look`: whether the run goes on, and whether something waits to be sent.

    Notes
    -----
    Takes about 0.7 MB for each drawn series of more than 4,096 points, whatever its length, and
    4 kB for each parameter and map.
    """

    def __init__(
        self,
        run: StoredRun,
        *,
        can_stop: bool = False,
        can_lr: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.run = run
        self.allowance = Allowance()
        self.marks = Marks(run)
        self.facts = Facts(run, self.marks)
        self.heat = Heat()
        self._can = {"can_stop": can_stop, "can_lr": can_lr}
        self._tail = run.tail()
        self._outputs = run.output_tail()
        self._printed = Printed()
        self.shelf = Shelf(self._tail)
        self._patience_s = patience_s
        self._board = Board(patience_s=patience_s)
        self._asked = Asked(self.shelf, self.marks)
        self._waiting: dict[int, list[Frame]] = {}
        self._sent: dict[int, int] = {}
        self._is_opening = True
        self._turn = self._heat_turn = self._heat_after = 0.0
        self._next_turn = self._next_heat = 0
        self._last_send = 0.0
        self._info_after = self._marks_after = self._output_after = 0.0
        self._traits: dict[str, Any] = {}
        self._heat_told = self._panels_told = (-1, -1)

    @property
    def is_running(self) -> bool:
        """Whether the run goes on."""
        return self.facts.is_running

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
        StoreError
            If ``run.json`` or ``findings.json`` is damaged.
        """
        now = time.monotonic()
        is_due = is_last or now >= self._info_after
        if is_due:
            self._info_after = now + INFO_EVERY_S
            self.facts.look()
            if not self.is_running:
                self.allowance.per_s = OPEN_BYTES_PER_S
        if self.facts.is_erased:
            self._is_opening = False  # what is there is all that there will be
            return
        until = now + CATCH_UP_S
        while True:
            pieces = self._tail.pieces()
            if self._tail.has_restarted:
                self._restart()
            for piece in pieces:
                self._take(piece, now)
            if not self._tail.is_behind or (self.is_running and time.monotonic() > until):
                break
        self._board.add((), now)
        if self._is_opening and not self._board.keys and not self._tail.is_behind:
            self._is_opening = False
        if is_last or now >= self._output_after:
            self._output_after = now + OUTPUT_EVERY_S
            self._look_at_output()
        if is_due:
            self.marks.look()

    def _take(self, piece: Piece, now: float) -> None:
        """Hand the points of a piece to all who want them."""
        self.facts.ranks.add(piece.rank)
        names = [piece.name(number) for number, _, _ in piece.bounds]
        self._board.add(names, now, piece.rank)
        self.heat.add(piece)
        for key, (number, begin, end) in zip(names, piece.bounds, strict=True):
            part = slice(begin, end)
            steps, times_s, values = piece.steps[part], piece.times_s[part], piece.values[part]
            id = self._board.number(key, piece.rank)
            if piece.rank == self._board.rank_of(key):
                self.facts.note(key, steps, values)
                self.marks.note(key, steps, times_s, values)
            name = self._board.keys[id] if id is not None else key
            if id is None and not self.shelf.holds(name):
                continue
            self.shelf.add(name, piece, number, begin, end)
            if id is not None and not self._is_opening:
                waiting = self._waiting.setdefault(id, [])
                waiting.append(Frame.of(steps, times_s, values))
                if sum(map(len, waiting)) > MOST_WAITING:
                    waiting[:] = [concat(waiting).thin(MOST_WAITING // 4)]

    def _restart(self) -> None:
        """The run's series have other names now: all of it comes again, under new numbers."""
        self._board = Board(self._board.next_number, self._patience_s)
        self._waiting, self._sent = {}, {}
        self._is_opening = True
        self._heat_told = self._panels_told = (-1, -1)
        for each in (self.shelf, self.heat, self.facts, self.marks):
            each.clear()

    def _look_at_output(self) -> None:
        """The last lines that the run printed, and what happened to it."""
        for output in self._outputs.read():
            self.marks.note_output(output)
            self._printed.note(output)

    # -- what a page needs ----------------------------------------------------------------------

    @property
    def has_more(self) -> bool:
        """Whether points wait to be sent, or a page waits for an answer."""
        return bool(
            (self._tail.is_behind and not self.facts.is_erased)
            or self._is_opening
            or any(self._waiting.values())
            or self._asked
            or (self.heat.news() and not self.facts.is_erased)
        )

    def progress(self) -> dict[str, Any]:
        """Steps done, seconds since the start, steps per second, and how long it will take."""
        return self.facts.progress()

    def head(self) -> dict[str, Any]:
        """Who the run is and in what state, as the page shows it above the charts."""
        return self.facts.head(**self._can)

    def panels(self) -> list[dict[str, Any]]:
        """The panels and their series, as the page shows them."""
        return self._board.panels()

    def changed_traits(self) -> Iterator[tuple[str, Any]]:
        """Name and value of what the page must know before the next points."""
        now: dict[str, Any] = {"head": self.head(), "output": self._printed.as_json()}
        if self._panels_told != (self._board.version, self._board.next_number):
            self._panels_told = (self._board.version, self._board.next_number)
            now["panels"] = self.panels()
        heat = (len(self.heat.names), len(self.heat.maps))
        if heat != self._heat_told:
            self._heat_told = heat
            now["heat"] = self.heat.trait()
        time_s = time.monotonic()
        if not self.is_running or time_s >= self._marks_after:
            self._marks_after = time_s + MARKS_EVERY_S
            now["events"] = self.events()
            now["findings"] = self.marks.findings()
            now["epochs"] = self.marks.epochs()
            now["evals"] = self.marks.evals()
            now["more"] = self._board.catalogue()
        for name, value in now.items():
            if name not in self._traits or _lasting(value) != _lasting(self._traits[name]):
                self._traits[name] = value
                yield name, value

    def events(self) -> list[dict[str, Any]]:
        """What happened to the run, in order of time."""
        last = None if self.facts.steps is None else self.facts.steps - 1
        return self.marks.events(self.facts.info, last, self._time_of)

    def read_all(self) -> None:
        """Look until nothing is left to be read.

        Raises
        ------
        OSError, StoreError
            As for `look`.
        """
        self.look(is_last=True)
        while self._tail.is_behind:
            self.look()

    def _time_of(self, step: int) -> float | None:
        key = next((key for key in self._board.keys.values() if self.shelf.holds(key)), None)
        return None if key is None else self.shelf.time_of(key, step)

    def ask(self, page: str) -> None:
        """A page has missed something and asks for all series in full."""
        self._asked.pages.add(page)

    def ask_range(self, content: Any) -> None:
        """A page asks for the points of a range, or of series that are not drawn."""
        self._asked.range(content)

    def find(self, page: str, number: Any, text: str) -> dict[str, Any]:
        """The answer to a page that looks for keys."""
        found = self._board.find(text)
        return {"t": "found", "to": page, "re": number, "keys": found[:50], "n": len(found)}

    def messages(self) -> Iterator[Message]:
        """Messages to send now, within what may be sent in a second."""
        now = time.monotonic()
        if self._is_opening:
            message = None if self._tail.is_behind else self._opening()
            if message is None:
                return
            yield message
        message = self._rows(now)
        if message is not None:
            yield message
        for page in list(self._asked.pages):
            answer = self._snapshot(list(self._board.keys), page)
            if answer is None:
                return
            self._asked.pages.discard(page)
            yield answer
            self._asked.heat |= {(page, id) for id in self.heat.maps}
        yield from self._asked.answers(self.allowance, self._board.keys)
        yield from self._heat(now)
        message = self._in_turn(now)
        if message is not None:
            yield message

    # -- inside ---------------------------------------------------------------------------------

    def _opening(self) -> Message | None:
        """All of it in one message: what was there before anybody looked."""
        self._sent = dict.fromkeys(self._board.keys, 1)
        message = self._snapshot(list(self._board.keys), None, is_first=True)
        self._is_opening = message is None
        return message

    def _rows(self, now: float) -> Message | None:
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

    def _in_turn(self, now: float) -> Message | None:
        """One series in full: all have had their turn when `ROUND_S` have gone by."""
        numbers = list(self._board.keys)
        if not self.is_running or not numbers or now < self._turn:
            return None
        self._turn = now + ROUND_S / len(numbers)
        self._next_turn = (self._next_turn + 1) % len(numbers)
        return self._snapshot([numbers[self._next_turn]], None)

    def _snapshot(
        self, numbers: list[int], to: str | None, *, is_first: bool = False
    ) -> Message | None:
        """Series in full; None if there is no room for it now."""
        if self._waiting:
            return None  # a full picture ends where the pieces end, or points would come twice
        every = [n for n in self._board.keys if self._sent.get(n)]
        numbers = [n for n in numbers if self._sent.get(n)]
        total = (
            (ANSWER_POINTS if to or is_first else TURN_POINTS)
            if self.is_running
            else MOST_PER_SERIES * max(len(numbers), 1)
        )
        keys = self._board.keys
        lengths = [min(MOST_PER_SERIES, self.shelf.num_points(keys[n])) for n in every]
        given = dict(zip(every, shares(lengths, self._weights(every), total), strict=True))
        frames = [(n, self.shelf.frame(keys[n], max(5, given[n]))) for n in numbers]
        size = sum(len(frame) for _, frame in frames) * POINT_BYTES + ENVELOPE_BYTES
        if size > min(self.allowance.left(), MOST_BYTES_PER_S if self.is_running else 1 << 30):
            return None
        if not frames:
            return {"t": "facts", **self.progress()}, b""
        message, buffer = pack("snap", frames, upto=[self._sent[n] for n in numbers])
        if to is not None:
            message["to"] = to
        return {**message, **self.progress()}, buffer

    def _heat(self, now: float) -> Iterator[Message]:
        """What is new in the maps of layers, and a full one by turns or for who asked."""
        rows = self.heat.rows
        if not rows:
            return
        room = self.allowance.left() - 2 * ENVELOPE_BYTES
        for page, id in sorted(self._asked.heat):
            message, buffer = self.heat.message(id)
            if len(buffer) > room:
                return
            room -= len(buffer) + ENVELOPE_BYTES
            self._asked.heat.discard((page, id))
            yield {**message, "to": page}, buffer
        if now < self._heat_after and self.is_running:
            return
        self._heat_after = now + HEAT_EVERY_S
        begins = dict(self.heat.news())
        if self.is_running and now >= self._heat_turn and (maps := sorted(self.heat.maps)):
            self._heat_turn = now + HEAT_ROUND_S / len(maps)
            self._next_heat = (self._next_heat + 1) % len(maps)
            begins[maps[self._next_heat]] = 0
        for id, begin in begins.items():
            message, buffer = self.heat.message(id, begin)
            if len(buffer) > room:
                return
            room -= len(buffer) + ENVELOPE_BYTES
            self.heat.told([id])
            yield message, buffer

    def _weights(self, numbers: list[int]) -> list[float]:
        return [HEAD_LOSS if self._board.panel_of[n] == "loss" else 1.0 for n in numbers]


def _lasting(value: Any) -> Any:
    """What of the head does not change with every step; that goes with the points."""
    if not isinstance(value, dict):
        return value
    return {k: v for k, v in value.items() if k not in MOVING}
