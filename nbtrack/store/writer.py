"""`RunWriter`: what one process writes of one run."""

from __future__ import annotations

import os
import struct
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from nbtrack.errors import ValueNotLoggable
from nbtrack.records import RunInfo
from nbtrack.store.columns import read_columns
from nbtrack.store.deferred import Deferred
from nbtrack.store.heartbeat import beat
from nbtrack.store.losses import Losses
from nbtrack.store.outputs import OutputWriter
from nbtrack.store.recorder import Recorder, own_suffix
from nbtrack.store.runfile import read_info, write_info
from nbtrack.store.summary import summarise
from nbtrack.store.values import PACKABLE, flatten, number, refusal, whole_step

if TYPE_CHECKING:
    from torch import Tensor

_MANY_DEFERRED = 256  # calls whose values are still on a device; then log() looks whether some came
RESERVE = "reserve"
_RESERVE_BYTES = 64 * 1024

_LIVE: weakref.WeakSet[RunWriter] = weakref.WeakSet()


class RunWriter:
    """Writes one run: its points, outputs, ``run.json`` and heartbeat.

    Made by `Store.start`. A disk that fails is warned about once and never raises: the points that
    did not reach it are counted, and the run ends as ``incomplete``. Safe to use from several
    threads; a forked child writes its points to files of its own and leaves the rest alone.

    Attributes
    ----------
    path : Path
        The run's folder.
    """

    def __init__(self, path: Path, info: RunInfo, *, rank: int = 0, is_extra: bool = False) -> None:
        suffix = own_suffix() if is_extra else ""
        self.path = path
        self._info = info
        self._rank = rank
        self._is_extra = is_extra
        self._is_child = False
        self._is_finished = False
        self._is_unsaved = False
        self._losses = Losses(info.id)
        self._recorder = Recorder(path, rank, self._losses, suffix)
        self._deferred = Deferred()
        self._outputs = OutputWriter(path, suffix)
        self._slow = threading.RLock()  # everything but points
        # unix time = this + perf_counter(): never goes back when the clock is set
        self._clock_s = time.time() - perf_counter()
        self._step = 0  # the implicit step ...
        self._seen: frozenset[str] = frozenset()  # ... and what was logged at it
        _LIVE.add(self)

    @property
    def info(self) -> RunInfo:
        """The run as last updated by this writer."""
        return self._info

    @property
    def lost_points(self) -> int:
        """Points that could not be written so far."""
        return self._losses.count

    def now(self) -> float:
        """Unix time in seconds, which never goes back within the run."""
        return self._clock_s + perf_counter()

    def log(
        self, values: Mapping[Any, Any], step: int | None = None, *, time_s: float | None = None
    ) -> None:
        """Write one point per value; they are on their way to the disk when this returns.

        Parameters
        ----------
        values : mapping
            Key to one number: Python or NumPy number, bool, 0-d or 1-element array or tensor on any
            device, NaN and infinities as themselves; or to a mapping of such, whose keys become
            paths like ``val/acc``.
        step : int, optional
            Steps may repeat and go back. If left out, the step of the call before, plus one if one
            of these keys was already logged at it.
        time_s : float, optional
            Unix time; now if left out.

        Raises
        ------
        ValueNotLoggable
            If a value is not one number, or the step not a whole one. Every other value of the call
            has been written.

        Notes
        -----
        One `write` call. Values on a device are copied without blocking and written by a later
        `drain`, with the step and time of this call.
        """
        if time_s is None:
            time_s = self._clock_s + perf_counter()
        if type(values) is dict and PACKABLE.issuperset(map(type, values.values())):
            recorder = self._recorder
            with recorder.lock:
                plan = recorder.plans.get(tuple(values))
                if plan is not None and (step is None or type(step) is int):
                    at = self._implicit(plan.keys) if step is None else step
                    try:
                        records = plan.pack(at, time_s, values.values())
                    except (OverflowError, struct.error):
                        pass  # too large: the slow way says which
                    else:
                        self._move_to(at, plan.key_set)
                        recorder.append(plan, records, at)
                        return
        self._log_any(values, step, time_s)

    def _log_any(self, values: Mapping[Any, Any], step: int | None, time_s: float) -> None:
        """`log` for what is not a flat dict of plain numbers with keys seen before."""
        if not isinstance(values, Mapping):
            raise ValueNotLoggable(
                f"cannot log {type(values).__name__}: log() takes a mapping of key to number, "
                "such as {'loss': 0.5}"
            )
        at = None if step is None else whole_step(step)
        here: list[tuple[str, float]] = []
        there: list[tuple[str, Tensor]] = []
        refused: list[tuple[Any, str]] = []
        for key, value in flatten(values):
            try:
                found = number(value)
            except TypeError as error:
                refused.append((key, str(error)))
                continue
            if not isinstance(key, str):
                refused.append((key, type(key).__name__))
            elif isinstance(found, float):
                here.append((key, found))
            else:
                there.append((key, found))
        self._keep(here, there, at, time_s)
        if refused:
            raise refusal(refused)

    def _keep(
        self,
        here: list[tuple[str, float]],
        there: list[tuple[str, Tensor]],
        step: int | None,
        time_s: float,
    ) -> None:
        here_keys = tuple([key for key, _ in here])
        there_keys = tuple([key for key, _ in there])
        keys = frozenset(here_keys + there_keys)
        if not keys:
            return
        with self._recorder.lock:
            at = self._implicit(keys) if step is None else step
            self._move_to(at, keys)
        if here:
            self._recorder.write(here_keys, [value for _, value in here], False, at, time_s)
        if there:
            with self._watching(there_keys, at):
                self._deferred.add_each(there_keys, [value for _, value in there], at, time_s)

    def _implicit(self, keys: Iterable[str]) -> int:
        """The step of a call that names none."""
        return self._step if self._seen.isdisjoint(keys) else self._step + 1

    def _move_to(self, step: int, keys: frozenset[str]) -> None:
        self._seen = self._seen | keys if step == self._step else keys
        self._step = step

    @contextmanager
    def _watching(self, keys: tuple[str, ...], step: int) -> Iterator[None]:
        """Count values as lost if their device fails; the training will find out by itself."""
        try:
            yield
        except RuntimeError as error:
            self._recorder.lose(keys, step, error)
        if len(self._deferred) > _MANY_DEFERRED:
            self.drain()

    def emit(
        self, keys: Sequence[str], values: Sequence[float] | Tensor, step: int, time_s: float
    ) -> None:
        """Write one automatic reading per key.

        Parameters
        ----------
        keys : sequence of str
            A tuple that is the same object from call to call is fastest.
        values : sequence of float, or Tensor of shape (len(keys),)
            Values on a device are copied without blocking and written by a later `drain`.
        step : int
        time_s : float
            Unix time.
        """
        names = tuple(keys)
        if not isinstance(values, (list, tuple)):
            values = cast("Tensor", values).detach()
            if values.device.type != "cpu":
                with self._watching(names, step):
                    self._deferred.add(names, values, True, step, time_s)
                return
            values = cast("list[float]", values.tolist())
        self._recorder.write(names, values, True, step, time_s)

    def emit_all(
        self, batches: Iterable[tuple[Sequence[str], Sequence[float], int, float]]
    ) -> None:
        """Do as `emit` for each of these arguments of it, of floats alone, in one `write` call."""
        self._recorder.write_all(
            [(tuple(keys), values, step, time_s) for keys, values, step, time_s in batches], True
        )

    def drain(self, wait: bool = False) -> int:
        """Write the deferred values that have arrived from their devices.

        Parameters
        ----------
        wait : bool
            Also wait for those still on their way.

        Returns
        -------
        int
            Points written.
        """
        if not self._deferred:
            return 0
        try:
            arrived = self._deferred.ready(wait)
        except RuntimeError as error:
            for lost in self._deferred.abandon():
                self._recorder.lose(lost.keys, lost.step, error)
            return 0
        for points in arrived:
            self._recorder.write(
                points.keys, points.values, points.auto, points.step, points.time_s
            )
        return sum(len(points.keys) for points in arrived)

    def output(self, kind: str, data: Mapping[str, Any], time_s: float | None = None) -> None:
        """Keep something that the run showed, as `Output` describes it; large ones are cut.

        Parameters
        ----------
        time_s : float, optional
            Unix time; now if left out.
        """
        with self._slow:
            try:
                self._outputs.write(kind, data, self.now() if time_s is None else time_s)
            except OSError as error:
                self._losses.warn_once(error, "outputs")

    def update(self, **changes: Any) -> RunInfo:
        """Change fields of the run and write ``run.json``.

        A failing disk is warned about once; the change is kept and written by a later call. In a
        forked child nothing changes.

        Parameters
        ----------
        **changes
            Fields of `RunInfo`.

        Returns
        -------
        RunInfo
        """
        with self._slow:
            if not self._is_child:
                if self._is_extra:
                    self._info = self._as_on_disk()
                self._info = replace(self._info, **changes)
                self._save()
            return self._info

    def _as_on_disk(self) -> RunInfo:
        try:
            return read_info(self.path)
        except OSError:
            return self._info

    def _save(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_info(self.path, self._info)
        except OSError as error:
            self._is_unsaved = True
            self._losses.warn_once(error, "run.json")
        else:
            self._is_unsaved = False

    def beat(self) -> None:
        """Say that this writer lives; also writes what an earlier `update` could not."""
        if self._is_child or self._is_extra or self._is_finished:
            return
        try:
            beat(self.path)
        except OSError:
            pass  # the points say it, and once is enough
        if self._is_unsaved:
            self.update()

    def finish(self, status: str = "done", **changes: Any) -> RunInfo:
        """End the run: write what is still on a device, the summary and the status.

        A second call changes nothing. An extra writer, or a forked child, closes its files and
        leaves the status alone.

        Parameters
        ----------
        status : str
            ``done`` becomes ``incomplete`` if points were lost.
        **changes
            Other fields of `RunInfo` to set.

        Returns
        -------
        RunInfo
        """
        self.drain(wait=True)
        with self._slow:
            if self._is_finished:
                return self._info
            self._is_finished = True
            self._recorder.restart()  # what is logged from here on goes to files of its own
            self._give_up_reserve()
            for sentence in self._losses.words():
                self.output("event", {"text": sentence})
            self._outputs.close()
            if not self._is_extra:
                if status == "done" and self.lost_points:
                    status = "incomplete"
                lost = self.lost_points
                changes = {"ended_s": self.now(), "lost_points": lost, **changes, "status": status}
            return self.update(summary=self._summary(), **changes)

    def _summary(self) -> Mapping[str, Mapping[str, float]]:
        try:
            return summarise(read_columns(self.path))
        except OSError:
            return {}

    def begin(self) -> None:
        """Write the first ``run.json``, the heartbeat, and the reserve.

        The reserve is room on the disk that is given up at the end, so that a disk that has become
        full still takes the last ``run.json``.
        """
        self.update()
        if not self._is_unsaved:
            try:
                (self.path / RESERVE).write_bytes(bytes(_RESERVE_BYTES))
            except OSError:
                pass
        self.beat()

    def _give_up_reserve(self) -> None:
        try:
            (self.path / RESERVE).unlink()
        except OSError:
            pass

    def _continue_in_child(self) -> None:
        """After a fork: this copy may add points and outputs, in files of its own."""
        self._is_child = True
        self._slow = threading.RLock()  # the old one may be held by a thread that is not here
        self._deferred.forget()
        self._losses = Losses(self._info.id)
        self._recorder.restart_in_child(self._losses)
        self._outputs.close()
        self._outputs = OutputWriter(self.path, own_suffix())


def _after_fork_in_child() -> None:
    for writer in list(_LIVE):
        writer._continue_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
