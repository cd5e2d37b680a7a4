"""What keeps a fault of ours away from the training: caught, said once, switched off."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any


def warn_plainly(message: str) -> None:
    """Say it as a Python warning, once per place."""
    warnings.warn(message, RuntimeWarning, stacklevel=2)


class Guard:
    """Runs the bodies of instruments; the first exception of one switches that one off.

    Parameters
    ----------
    warn : callable taking str
        Told once per instrument that failed.

    Attributes
    ----------
    off : dict of str to str
        The instruments that failed, with the exception in words.
    """

    def __init__(self, warn: Callable[[str], None] = warn_plainly) -> None:
        self.off: dict[str, str] = {}
        self._warn = warn

    def __call__(self, instrument: str, body: Callable[..., Any], *args: Any) -> Any:
        """``body(*args)``, or None when it raises or its instrument is off."""
        if instrument in self.off:
            return None
        try:
            return body(*args)
        except Exception as error:
            self.fail(instrument, error)
            return None

    def fail(self, instrument: str, error: Exception) -> None:
        """Switch `instrument` off because of `error`, and say so once."""
        if instrument in self.off:
            return
        self.off[instrument] = f"{type(error).__name__}: {error}"
        try:
            self._warn(
                f"nbtrack: the instrument {instrument!r} failed and is off for the rest of this "
                f"run ({self.off[instrument]}). The training goes on untouched; please report this."
            )
        except Exception:  # warnings turned into errors must not reach the training either
            pass
