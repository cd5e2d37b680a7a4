"""The points of a step, gathered and handed on together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from nbtrack.instruments.norms import Part

Emit = Callable[[Sequence[str], "Sequence[float] | Tensor", int, float], None]
Batch = tuple[Sequence[str], Sequence[float], int, float]  # keys, values, step, time
EmitAll = Callable[[Sequence[Batch]], None]

_SPAN_S = 0.02  # points handed on together lie this close, and have the time of the first


class Points:
    """Takes points one by one, hands them on together.

    A loop of short steps gives a loss, norms and scalars at each, and every call to the store
    costs a system call. So the floats of a step are handed on when it ends, all at once; what
    comes between two steps goes at once too, unless something went in the last 20 ms: then it
    waits for the end of the step, for those 20 ms or for the next pulse. Numbers that the cell
    assigns or prints wait for 20 ms more of them. Values on a device are joined at the end of the
    step: one copy a step and no sync.

    Parameters
    ----------
    emit, clock, emit_all
        As of `Panel`.

    Notes
    -----
    The order within a key is kept. May be called from several threads.
    """

    def __init__(
        self, emit: Emit, clock: Callable[[], float], emit_all: EmitAll | None = None
    ) -> None:
        self._emit = emit
        self._emit_all = emit_all or self._emit_each
        self._clock = clock
        self._lock = threading.RLock()
        self._keys: list[str] = []
        self._values: list[float] = []
        self._step = 0
        self._until_s = 0.0
        self._flushed_s = 0.0
        self._time_s = 0.0
        self._late: list[Batch] = []
        self._late_keys: list[str] = []  # of the last one
        self._late_values: list[float] = []
        self._late_step = 0
        self._late_until_s = 0.0
        self._on_devices: dict[torch.device, tuple[list[str], list[Tensor]]] = {}
        self._device_step = 0
        self._device_time_s = 0.0

    def put(self, key: str, value: Any, step: int) -> None:
        """Add a number, or a tensor with one element."""
        if type(value) is float or isinstance(value, (float, int)):
            with self._lock:
                now_s = perf_counter()
                if step != self._step or now_s > self._until_s:
                    self._turn(step, now_s)
                self._keys.append(key)
                self._values.append(value)
                if now_s > self._flushed_s + _SPAN_S:
                    self._flush()
        elif value.is_cpu:
            self.put(key, value.item(), step)
        else:
            self._put_on_device([key], value.detach().reshape(1), step)

    def put_late(self, key: str, value: Any, step: int) -> None:
        """Add a number that may well wait for others; else as `put`."""
        if type(value) is not float:
            self.put(key, value, step)
            return
        now_s = perf_counter()
        with self._lock:
            if self._late and step == self._late_step:
                self._late_keys.append(key)
                self._late_values.append(value)
            else:
                self._late_keys, self._late_values, self._late_step = [key], [value], step
                self._late.append((self._late_keys, self._late_values, step, self._clock()))
            if now_s > self._late_until_s:
                self._flush_late(now_s)

    def _flush_late(self, now_s: float) -> None:
        late, self._late = self._late, []
        self._late_until_s = now_s + _SPAN_S
        self._emit_all(late)

    def _emit_each(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self._emit(*batch)

    def extend(self, keys: Sequence[str], parts: Sequence[Part], step: int) -> None:
        """Add norms as `norms.norms` gives them; ``keys[i]`` belongs to the i-th tensor."""
        for indices, values in parts:
            chosen = keys if len(indices) == len(keys) else [keys[index] for index in indices]
            if isinstance(values, list):
                with self._lock:
                    now_s = perf_counter()
                    if step != self._step or now_s > self._until_s:
                        self._turn(step, now_s)
                    self._keys += chosen
                    self._values += values
            else:
                self._put_on_device(chosen, values, step)

    def put_at(self, key: str, value: Any, step: int, time_s: float) -> None:
        """Add one point of another time."""
        number = isinstance(value, (float, int))
        self.extend_at([key], [value] if number else value.detach().reshape(1), step, time_s)

    def mark(self, key: str, value: int, step: int, time_s: float) -> None:
        """Add a whole number of another time."""
        self.put_at(key, float(value), step, time_s)

    def extend_at(self, keys: Sequence[str], values: Any, step: int, time_s: float) -> None:
        """Add points of another time: a list of floats, or a 1-d tensor on a device."""
        with self._lock:
            self._flush()
            self._emit(keys, values, step, time_s)

    def _turn(self, step: int, now_s: float) -> None:
        """Hand on what waits; what comes now belongs to `step` and to this moment."""
        if self._keys:
            self._flush()
        self._step, self._time_s = step, self._clock()
        self._until_s = now_s + _SPAN_S

    def _put_on_device(self, keys: Sequence[str], values: Tensor, step: int) -> None:
        if self._on_devices and step != self._device_step:
            self.flush_devices()
        if not self._on_devices:
            self._device_step, self._device_time_s = step, self._clock()
        held_keys, held_values = self._on_devices.setdefault(values.device, ([], []))
        held_keys += keys
        held_values.append(values)

    def end_step(self) -> None:
        """Hand on all that belongs to the step that ends here."""
        with self._lock:
            if self._late and (now_s := perf_counter()) > self._late_until_s:
                if self._keys:  # all in one call
                    self._late.insert(0, self._taken())
                self._flush_late(now_s)
            elif self._keys:
                self._emit(*self._taken())
        if self._on_devices:
            self.flush_devices()

    def flush(self) -> None:
        """Hand on the floats that wait; from any thread."""
        with self._lock:
            self._flush()
            self._flush_late(perf_counter())

    def _flush(self) -> None:
        if self._keys:
            self._emit(*self._taken())

    def _taken(self) -> Batch:
        """The floats that wait, which wait no more."""
        keys, values = self._keys, self._values
        self._keys, self._values = [], []
        self._until_s = 0.0
        self._flushed_s = perf_counter()
        return keys, values, self._step, self._time_s

    def flush_devices(self) -> None:
        """Hand on what waits on devices; from the training's thread, in its stream."""
        if not self._on_devices:
            return
        import torch

        held, self._on_devices = self._on_devices, {}
        for keys, values in held.values():
            joined = values[0] if len(values) == 1 else torch.cat(values)
            self._emit(keys, joined, self._device_step, self._device_time_s)


class Held:
    """Points that wait until it is known what they are called."""

    def __init__(self) -> None:
        self._puts: list[tuple[str, Any]] = []
        self._parts: list[tuple[list[str], Sequence[Part]]] = []

    def put(self, key: str, value: Any, step: int) -> None:
        """As of `Points`."""
        on_cpu = isinstance(value, (float, int)) or not value.is_cpu
        self._puts.append((key, value if on_cpu else value.item()))

    def extend(self, keys: Sequence[str], parts: Sequence[Part], step: int) -> None:
        """As of `Points`."""
        self._parts.append((list(keys), parts))

    def release(
        self, points: Points, step: int, time_s: float, spell: Callable[[str], str]
    ) -> None:
        """Hand everything on, of that step and time."""
        for key, value in self._puts:
            points.put_at(spell(key), value, step, time_s)
        for keys, parts in self._parts:
            for indices, values in parts:
                chosen = [spell(keys[index]) for index in indices]
                points.extend_at(chosen, values, step, time_s)


Sink: TypeAlias = "Points | Held"
