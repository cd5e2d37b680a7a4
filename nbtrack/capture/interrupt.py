"""The first interrupt finishes the step, the second is a real KeyboardInterrupt.

A widget's button cannot be relied upon to reach a busy kernel (ipykernel 6 and 7.4 hear it only
when the cell ends); SIGINT, the notebook's interrupt button, always does.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType


class GracefulInterrupt:
    """While installed, gives the first SIGINT to ``on_interrupt`` and the next to Python.

    Parameters
    ----------
    on_interrupt : callable
        Called in the main thread, between two bytecodes. Returns True when it has taken the
        interrupt (the training will stop by itself after its step), False to let it through.

    Notes
    -----
    Does nothing outside of the main thread, where Python takes no signal handlers.
    """

    def __init__(self, on_interrupt: Callable[[], bool]) -> None:
        self._on_interrupt = on_interrupt
        self._previous: Callable[[int, FrameType | None], object] | None = None
        self._taken = False
        self._installed = False

    def install(self) -> None:
        """Start to listen, if this is the main thread and Python handles SIGINT here."""
        if threading.current_thread() is not threading.main_thread():
            return
        previous = signal.getsignal(signal.SIGINT)
        if callable(previous):
            self._previous = previous
            signal.signal(signal.SIGINT, self._handle)
            self._installed = True

    def remove(self) -> None:
        """Put the former handler back, unless somebody has installed another one since."""
        if not self._installed or threading.current_thread() is not threading.main_thread():
            return
        self._installed = False
        if signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, self._previous)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self._installed and not self._taken and self._on_interrupt():
            self._taken = True
            return
        if self._previous is not None:
            self._previous(signum, frame)
            _wake_event_loop()


def _wake_event_loop() -> None:
    """Let a cell that awaits hear of it now.

    ipykernel's own handler leaves a callback with the event loop and does not wake it, so that
    ``await asyncio.sleep(60)`` went on to its end (ipykernel 7.4, ``_cancel_on_sigint``).
    """
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return
    try:
        asyncio.get_running_loop().call_soon_threadsafe(lambda: None)
    except RuntimeError:  # nothing awaits
        pass
