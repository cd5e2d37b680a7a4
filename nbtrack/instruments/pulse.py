"""One thread that does a small thing regularly, as long as there is something to do."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from typing import Any


class Pulse:
    """Calls ``beat(n)`` with n = 0, 1, 2 ... from a daemon thread until it returns False.

    Parameters
    ----------
    beat : callable
        Must not raise.
    every_s : float
        Seconds between two beats.
    """

    def __init__(self, beat: Callable[[int], bool], every_s: float) -> None:
        self._beat = beat
        self._every_s = every_s
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ensure(self) -> None:
        """Let the thread run, if it does not already; also after a fork, which kills threads."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nbtrack", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        n = 0
        while True:
            going_on = self._beat(n)
            if not going_on:
                with self._lock:
                    # Decide under the lock that `ensure` takes: no beat is lost between the two.
                    if not self._beat(n):
                        self._thread = None
                        return
            n += 1
            time.sleep(self._every_s)


def guarded(do: Callable[..., object], *args: Any) -> None:
    """Do something of ours beside a training; a failure is warned of and goes no further."""
    try:
        do(*args)
    except Exception as error:
        warnings.warn(f"nbtrack: {type(error).__name__}: {error}", RuntimeWarning, stacklevel=2)
