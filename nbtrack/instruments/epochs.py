"""Where the epochs of a training begin, and how many steps it will have: told from its loops.

At each step the user's frames are looked through for the loops that they stand in. What is an
epoch, in this order: a pass of the loop whose variable is called so, a pass over the DataLoader
that the training's batches come from, a pass of the outermost loop. In any case one with several
steps, and never of the innermost loop alone. Nothing of the user's is called or consumed.
"""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import Any

from nbtrack.instruments.frames import is_between, is_top_level, locals_of
from nbtrack.instruments.loop_source import Loop, LoopSource, Place, value_at
from nbtrack.instruments.loops import is_library

_MOST_FRAMES = 200
_PLAIN = (int, float, str, bytes, bool, type(None))

Mark = Callable[[int, int, float], None]  # epoch, step, time


class _Code:
    """What is known of a code object of a calling frame."""

    __slots__ = ("code", "is_top", "places")

    def __init__(self, code: CodeType, is_top: bool, is_users: bool) -> None:
        self.code = code  # kept alive, so that its id stays its own
        self.is_top = is_top
        self.places: dict[int, Place] | None = {} if is_users else None  # by instruction


class _Chain:
    """The loops around a step, the outermost first, through all frames.

    Attributes
    ----------
    loops : sequence of (position of its frame, Loop)
    epoch : int or None
        The position of the loop called epoch, else of the outermost that can be followed; never
        of the innermost.
    is_named : bool
    by_restart : bool
        Whether an epoch can only be told from the innermost loop, when that counts from 0 again.
    """

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = places  # the innermost first, as `_loops_here` finds them
        self.loops = [
            (position, loop)
            for position in range(len(places) - 1, -1, -1)
            for loop in places[position].loops
        ]
        around = list(enumerate(self.loops[:-1]))
        named = [number for number, (_, loop) in around if loop.is_named_epoch]
        later = [{(at, loop.path) for at, loop in self.loops[n + 1 :]} for n, _ in around]
        followed = [
            number
            for number, (position, loop) in around
            if loop.path and (position, loop.path) not in later[number]  # for _ ...: for _ ...:
        ]
        named = [number for number in named if number in followed]
        self.is_named = bool(named)
        self.epoch = named[-1] if named else (followed[0] if followed else None)
        # An epoch of one pass is a new one when a loop around it goes on.
        self.watched = [] if self.epoch is None else [n for n in followed if n <= self.epoch]
        self.by_restart = self.epoch is None and len(self.loops) > 1
        inner = len(places) if not self.loops else self.loops[-1][0] + 1
        self.is_conditional = any(place.is_conditional for place in places[:inner])

    @property
    def outermost(self) -> Loop | None:
        """The loop that all of the training stands in."""
        return self.loops[0][1] if self.loops else None


class Epochs:
    """Marks the first step of each epoch, and says how far the training will go.

    Parameters
    ----------
    mark : callable
        Told of each epoch: its number from `first`, its first step and that one's time.
    clock : callable
        The run's time in seconds.
    first : int
        Epochs begun before, by the run that this one goes on with.

    Notes
    -----
    1 to 4 us a step on one core, most of it where the loop over epochs stands in a function.
    """

    def __init__(self, mark: Mark, clock: Callable[[], float], first: int = 0) -> None:
        self._mark = mark
        self._clock = clock
        self._source = LoopSource()
        self._codes: dict[int, _Code] = {}
        self._chains: dict[tuple[int, ...], _Chain] = {}
        self._loaders = _Loaders()
        self._epoch = first - 1
        self._at: Any = None  # what the present epoch is a pass of ...
        self._seen: list[Any] = []  # ... and the values of the variables of that pass
        self._begun: tuple[int, float] | None = None  # step and time, until it is seen to be one
        self._is_confirmed = False
        self._first_step = 0  # of the present epoch
        self._length = _Length()

    def batch(self, iterator: Any) -> None:
        """A DataLoader's iterator gave a batch, with gradients on."""
        self._loaders.batch(iterator)

    def step(self, step: int, provisional: bool = False) -> None:
        """See that a step ends, in the frames of whoever calls.

        ``provisional``: the first backward pass, of which it is not known yet who steps.
        """
        frames, chain = self._loops_here(sys._getframe(1))
        trained = self._loaders.taken()
        if chain.is_named or trained is None:
            if chain.epoch is not None:
                is_new = self._is_new_pass(frames, chain)
            else:
                is_new = chain.by_restart and self._is_restart(frames, chain)
                if not chain.by_restart:
                    self._at, self._begun = None, None
        else:
            is_new = self._at != trained
            self._at, self._seen = trained, []
        if is_new:
            self._epoch += 1
            if not provisional and self._is_confirmed:
                self._mark(self._epoch, step, self._clock())
            else:
                self._begun = (step, self._clock())
        elif self._begun is not None and step > self._begun[0]:
            # A second step in one pass: that is an epoch, not a step by another name
            self._mark(self._epoch, *self._begun)
            self._begun, self._is_confirmed = None, True
        if not provisional:
            self._length.step(step, chain, frames, is_new, self._at is trained)

    @property
    def expected(self) -> dict[str, int]:
        """``steps`` and ``epochs``, as far as they are known."""
        return self._length.known(self._is_confirmed)

    def release(self) -> None:
        """Let go of everything of the user's."""
        self._codes.clear()
        self._chains.clear()
        self._at, self._seen = None, []
        self._length.release()

    def _is_new_pass(self, frames: Sequence[FrameType], chain: _Chain) -> bool:
        assert chain.epoch is not None
        values = [
            _value(frames[position], loop)
            for position, loop in (chain.loops[number] for number in chain.watched)
        ]
        same = self._at is chain.loops[chain.epoch][1] and len(values) == len(self._seen)
        same = same and all(map(_is_same, self._seen, values))
        if not same:
            self._at = chain.loops[chain.epoch][1]
            self._seen = [_kept(value) for value in values]
        return not same

    def _is_restart(self, frames: Sequence[FrameType], chain: _Chain) -> bool:
        position, loop = chain.loops[-1]
        value, before = _value(frames[position], loop), self._seen
        same = self._at is chain.outermost
        self._at, self._seen = chain.outermost, [value]
        if type(value) is not int:
            self._begun = None
            return False
        return not same or (type(before[0]) is int and value < before[0])

    def _loops_here(self, frame: FrameType | None) -> tuple[list[FrameType], _Chain]:
        frames: list[FrameType] = []
        places: list[Place] = []
        codes = self._codes
        for _ in range(_MOST_FRAMES):
            if frame is None:
                break
            known = codes.get(id(frame.f_code)) or self._meet(frame)
            if known.places is not None:
                place = known.places.get(frame.f_lasti)
                if place is None:
                    place = self._source.place(frame.f_code, frame.f_lineno)
                    known.places[frame.f_lasti] = place
                frames.append(frame)
                places.append(place)
            if known.is_top:
                break
            frame = frame.f_back
        key = tuple(map(id, places))
        return frames, self._chains.get(key) or self._chains.setdefault(key, _Chain(places))

    def _meet(self, frame: FrameType) -> _Code:
        name = frame.f_code.co_filename
        is_users = not (is_between(name) or is_library(name))
        is_top = is_users and is_top_level(frame)
        known = self._codes[id(frame.f_code)] = _Code(frame.f_code, is_top, is_users)
        return known


class _Loaders:
    """Which DataLoader the training's batches come from, and its how manieth pass it is."""

    def __init__(self) -> None:
        self._passes: dict[int, int] = {}  # by loader: told apart by the sampler that it keeps
        self._taken: dict[int, int] = {}  # batches since the last step
        self._trained: tuple[int, int] | None = None

    def batch(self, iterator: Any) -> None:
        """As of `Epochs`."""
        loader = id(getattr(iterator, "_index_sampler", None))
        if getattr(iterator, "_num_yielded", 0) == 1:
            self._passes[loader] = self._passes.get(loader, 0) + 1
        self._taken[loader] = self._taken.get(loader, 0) + 1

    def taken(self) -> tuple[int, int] | None:
        """The loader of the step that ends, and its pass; None where there is none."""
        taken = self._taken
        if taken:
            known = None if self._trained is None else self._trained[0]
            if known not in taken:  # a validation takes many batches for no step
                known = min(taken, key=lambda loader: taken[loader])
            now = (known, self._passes.get(known, 0))
            if now != self._trained:
                self._trained = now
            taken.clear()
        return self._trained


class _Length:
    """How many steps and epochs there will be, from the lengths of the loops around a step."""

    def __init__(self) -> None:
        self._outermost: Loop | None = None
        self._base = 0  # steps before the present loops
        self._chain: _Chain | None = None  # of the first step in them
        self._lengths: list[int | None] = []
        self._inner: Any = None  # what the innermost loop gave at the first step
        self._started = -1
        self._epochs: int | None = None
        self._begun = 0  # epochs begun in these loops
        self._epoch_at = 0  # the first step of the last one
        self._steps: int | None = None
        self._count = -1  # of the outermost loop, where it counts

    def step(
        self,
        step: int,
        chain: _Chain,
        frames: Sequence[FrameType],
        is_new: bool,
        by_loader: bool,
    ) -> None:
        """See that a step ends."""
        if not chain.loops:
            return
        over = self._steps is not None and step >= self._steps
        if chain.outermost is not self._outermost or over or self._goes_back(chain, frames, is_new):
            self._enter(step, chain, frames, by_loader)
            return
        if step == self._started + 1 and chain is self._chain and not chain.is_conditional:
            position, loop = chain.loops[-1]
            lengths = [length for length in self._lengths if length is not None]
            one_each = not _is_same(self._inner, _value(frames[position], loop))
            if loop.path and one_each and len(lengths) == len(self._lengths):
                self._steps = self._base + math.prod(lengths)
        if not is_new:
            return
        self._begun += 1
        steps, self._epoch_at = step - self._epoch_at, step
        done = self._begun - 1
        if self._epochs is None or done & (done - 1):  # after 1, 2, 4, 8 ... epochs
            return
        self._steps = step + steps * max(0, self._epochs - done)

    def _enter(
        self, step: int, chain: _Chain, frames: Sequence[FrameType], by_loader: bool
    ) -> None:
        if self._outermost is not None:
            self._base = step
        self._outermost, self._chain, self._started = chain.outermost, chain, step
        self._lengths = [loop.length(_lookup(frames[position])) for position, loop in chain.loops]
        position, loop = chain.loops[-1]
        self._inner = _kept(_value(frames[position], loop))
        self._steps, self._begun, self._epoch_at = None, 1, step
        known: list[int | None] = []
        if by_loader:
            over_loader = loop.is_over_loader(_lookup(frames[position]))
            known = (self._lengths[:-1] or [1]) if over_loader else []
        elif chain.epoch is not None:
            known = self._lengths[: chain.epoch + 1]
        elif chain.by_restart:
            known = self._lengths[:-1]
        numbers = [number for number in known if number is not None]
        self._epochs = math.prod(numbers) if known and len(numbers) == len(known) else None

    def _goes_back(self, chain: _Chain, frames: Sequence[FrameType], is_new: bool) -> bool:
        """Whether the outermost loop began anew: the same function, called again."""
        if not is_new or not chain.loops[0][1].path:
            return False
        position, loop = chain.loops[0]
        value = _value(frames[position], loop)
        before, self._count = self._count, value if type(value) is int else -1
        return type(value) is int and value < before

    def release(self) -> None:
        """Let go of the frames' code and values."""
        self._outermost = self._chain = self._inner = None

    def known(self, has_epochs: bool) -> dict[str, int]:
        """What is known now."""
        found = {"steps": self._steps, "epochs": self._epochs if has_epochs else None}
        return {name: number for name, number in found.items() if number is not None}


def _lookup(frame: FrameType) -> Callable[[str], Any]:
    """Finds names as the frame does."""
    names = locals_of(frame)

    def find(name: str) -> Any:
        return names[name] if name in names else frame.f_globals[name]

    return find


def _value(frame: FrameType, loop: Loop) -> Any:
    """The variable of a loop; None where it cannot be read."""
    if not loop.path:
        return None
    try:
        return value_at(loop.path, locals_of(frame).__getitem__)
    except Exception:  # not assigned, or no plain attribute
        return None


def _kept(value: Any) -> Any:
    """What stands for a value later on, without keeping a batch alive."""
    if isinstance(value, _PLAIN):
        return value
    try:
        return weakref.ref(value)
    except TypeError:
        return (id(value),)


def _is_same(kept: Any, value: Any) -> bool:
    if isinstance(value, _PLAIN):
        return type(kept) is type(value) and bool(kept == value)
    if isinstance(kept, weakref.ref):
        return kept() is value
    return bool(type(kept) is tuple and kept == (id(value),))
