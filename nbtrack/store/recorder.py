"""The pair of files that one process appends points to: records, and the keys they refer to."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbtrack.store.keys import Key, key_lines
from nbtrack.store.losses import Losses, reason
from nbtrack.store.points import ShortWrite, append, packer

_RETRY_S = 1.0  # how often to try again to open files that could not be opened
_MAX_PLANS = 512  # a program that logs ever new sets of keys must not fill the memory

Batch = tuple[tuple[str, ...], Sequence[float], int, float]  # keys, values, step, time


class Plan:
    """How the points of one set of keys are packed; made once per set, used on every call.

    Attributes
    ----------
    keys : tuple of str
    key_set : frozenset of str
        The keys again.
    """

    __slots__ = ("_args", "_count", "_pack", "key_set", "keys")

    def __init__(self, keys: tuple[str, ...], numbers: Sequence[int]) -> None:
        self.keys = keys
        self.key_set = frozenset(keys)
        self._count = len(keys)
        self._pack = packer(self._count)
        self._args: list[Any] = [0] * (4 * self._count)
        self._args[0::4] = numbers

    def pack(self, step: int, time_s: float, values: Any) -> bytes:
        """The records, one per key; `values` is anything with ``len(keys)`` numbers.

        Raises
        ------
        OverflowError, struct.error
            If a value does not fit into a float, or the step into 64 bits.
        """
        args = self._args.copy()  # a copy: a signal handler that logs may come in between
        args[1::4] = [step] * self._count
        args[2::4] = [time_s] * self._count
        args[3::4] = values
        return self._pack(*args)


class Recorder:
    """Appends points to ``points-r<rank>.bin`` and ``keys-r<rank>.txt``.

    Responsibilities: key numbers, opening files when first needed, a disk that fails. A point is
    in the file when a method returns, or is counted in `losses`; nothing raises.

    Parameters
    ----------
    folder : Path
        The run's folder.
    rank : int
    suffix : str
        Not empty for an extra writer (a forked child), which has a pair of its own.
    """

    def __init__(self, folder: Path, rank: int, losses: Losses, suffix: str = "") -> None:
        self._folder = folder
        self._rank = rank
        self._losses = losses
        self.lock = threading.RLock()  # nearly always free: a run is mostly logged from one thread
        self._is_planning = False
        self._postponed: list[tuple[tuple[str, ...], Sequence[float], bool, int, float]] = []
        self._start(suffix)

    def _start(self, suffix: str) -> None:
        self._suffix = suffix
        self._points_fd = self._keys_fd = -1
        self._numbers: dict[Key, int] = {}
        self._keys_size = 0  # bytes of the lines that `_numbers` counts
        self._tried_s = float("-inf")
        self._error = OSError(errno.EIO, os.strerror(errno.EIO))  # why no key could be added
        self.plans: dict[tuple[str, ...], Plan] = {}  # logged by hand
        self._auto_plans: dict[tuple[str, ...], Plan] = {}

    def append(self, plan: Plan, data: bytes, step: int) -> None:
        """Write packed records of a plan; call it with the lock held."""
        try:
            append(self._points_fd, data)
        except ShortWrite as error:
            if error.is_torn:
                self.restart()  # the torn file is left as it is; what follows goes to a new pair
            self._lose(plan.keys[error.num_written :], step, error)
        except OSError as error:
            self._lose(plan.keys, step, error)

    def write(
        self, keys: tuple[str, ...], values: Sequence[float], auto: bool, step: int, time_s: float
    ) -> None:
        """Write one point per key."""
        with self.lock:
            plan = (self._auto_plans if auto else self.plans).get(keys)
            if plan is not None and not self._is_planning:
                self.append(plan, plan.pack(step, time_s, values), step)
                return
            if self._is_planning:  # a signal handler that logs has come into the lines below
                self._postponed.append((keys, values, auto, step, time_s))
                return
            self._is_planning = True
            try:
                plan = self._plan(keys, auto)
            finally:
                self._is_planning = False
            if plan is not None:
                self.append(plan, plan.pack(step, time_s, values), step)
            else:
                self._write_known(keys, values, auto, step, time_s)
            while self._postponed:
                self.write(*self._postponed.pop(0))

    def write_all(self, batches: Sequence[Batch], auto: bool) -> None:
        """Write several sets of points; in one go if all of their keys are known."""
        with self.lock:
            known = self._auto_plans if auto else self.plans
            plans = [known.get(keys) for keys, *_ in batches]
            if len(batches) < 2 or self._is_planning or None in plans:
                for keys, values, step, time_s in batches:
                    self.write(keys, values, auto, step, time_s)
                return
            packed = [
                plan.pack(step, time_s, values)
                for plan, (_, values, step, time_s) in zip(plans, batches, strict=True)
                if plan is not None
            ]
            try:
                append(self._points_fd, b"".join(packed))
            except OSError as error:
                written = error.num_written if isinstance(error, ShortWrite) else 0
                if isinstance(error, ShortWrite) and error.is_torn:
                    self.restart()  # as in `append`
                for keys, _, step, _ in batches:
                    if written < len(keys):
                        self._lose(keys[written:], step, error)
                    written = max(written - len(keys), 0)

    def _write_known(
        self, keys: tuple[str, ...], values: Sequence[float], auto: bool, step: int, time_s: float
    ) -> None:
        """Write the points whose keys have a number already; the others are lost."""
        known = {key for key in keys if Key(key, auto) in self._numbers}
        if known:
            pairs = [(key, value) for key, value in zip(keys, values, strict=True) if key in known]
            kept_keys, kept_values = zip(*pairs, strict=True)
            self.write(kept_keys, kept_values, auto, step, time_s)
        self._lose([key for key in keys if key not in known], step, self._error)

    def _plan(self, keys: tuple[str, ...], auto: bool) -> Plan | None:
        """How to pack these keys; None if a new one among them could not be given a number."""
        plans = self._auto_plans if auto else self.plans
        found = plans.get(keys)
        if found is not None:
            return found
        if self._keys_fd >= 0 and os.fstat(self._keys_fd).st_size != self._keys_size:
            self.restart()  # a full disk, or Ctrl-C in `_number`, left lines that are not counted
        wanted = [Key(key, auto) for key in keys]
        if not self._number([key for key in dict.fromkeys(wanted) if key not in self._numbers]):
            return None
        if len(plans) >= _MAX_PLANS:
            plans.clear()
        plans[keys] = found = Plan(keys, [self._numbers[key] for key in wanted])
        return found

    def lose(self, keys: Sequence[str], step: int, error: Exception) -> None:
        """Count points that never reached the disk, and warn the first time."""
        with self.lock:
            self._lose(keys, step, error)

    def _lose(self, keys: Sequence[str], step: int, error: Exception) -> None:
        self._losses.add(keys, step, reason(error))
        self._losses.warn_once(error)

    def _number(self, new: list[Key]) -> bool:
        """Write the lines of new keys, before any record refers to them."""
        if not new:
            return True
        if not self._open():
            return False
        lines = key_lines(new)
        written = 0
        try:
            while written < len(lines):
                written += os.write(self._keys_fd, lines[written:])
        except OSError as error:
            self._error = error
            return False
        self._keys_size += len(lines)
        for key in new:
            self._numbers[key] = len(self._numbers)
        return True

    def _open(self) -> bool:
        if self._points_fd >= 0:
            return True
        now = time.monotonic()
        if now - self._tried_s < _RETRY_S:
            return False
        self._tried_s = now
        name = f"r{self._rank}{self._suffix and '-' + self._suffix}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._keys_fd = os.open(self._folder / f"keys-{name}.txt", flags, 0o644)
            self._points_fd = os.open(self._folder / f"points-{name}.bin", flags, 0o644)
        except FileExistsError:  # another writer of that rank was first: take a pair of our own
            self.close()
            self._suffix = own_suffix()
            self._tried_s = float("-inf")
            return self._open()
        except OSError as error:
            if self._keys_fd >= 0:
                (self._folder / f"keys-{name}.txt").unlink()
            self.close()
            self._error = error
            return False
        return True

    def close(self) -> None:
        """Close the files."""
        for fd in (self._points_fd, self._keys_fd):
            if fd >= 0:
                os.close(fd)
        self._points_fd = self._keys_fd = -1

    def restart(self) -> None:
        """Close the files; what is logged from now on goes to a new pair."""
        with self.lock:
            self.close()
            self._start(own_suffix())

    def restart_in_child(self, losses: Losses) -> None:
        """After a fork: a thread that is not here may hold the lock, and the files are not ours."""
        self.lock = threading.RLock()
        self._losses = losses
        self._is_planning = False
        self._postponed = []
        self.restart()


def own_suffix() -> str:
    """A name for the files of an extra writer, unlike any other's."""
    return f"{os.getpid():x}{os.urandom(3).hex()}"
