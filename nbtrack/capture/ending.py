"""How a run ended, read off the exception that ended its cell, block or process."""

from __future__ import annotations

import traceback
from typing import Any

from nbtrack.errors import RunStopped
from nbtrack.records import Status


def status_after(error: BaseException | None) -> Status:
    """The status of a run that ended with this exception, or with none.

    ``sys.exit()`` and ``sys.exit(0)`` are a person's way to stop; any other code is a failure.
    """
    if error is None:
        return "done"
    if isinstance(error, RunStopped):
        return "stopped"
    if isinstance(error, SystemExit):
        return "stopped" if error.code in (None, 0) else "failed"
    # asyncio and concurrent.futures each have a CancelledError: an interrupted `await`.
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "CancelledError":
        return "interrupted"
    return "failed"


def describe(error: BaseException | None, filename: str | None = None) -> dict[str, Any] | None:
    """An exception as a plain record.

    Parameters
    ----------
    error : BaseException or None
    filename : str, optional
        The file whose line is wanted, such as that of the tracked cell; without it, the
        outermost one of the traceback.

    Returns
    -------
    dict or None
        ``{"name", "message", "traceback", "line"}``; None for no exception and for a run that
        was asked to stop.
    """
    if error is None or isinstance(error, RunStopped):
        return None
    start = error.__traceback__
    while start is not None and filename and start.tb_frame.f_code.co_filename != filename:
        start = start.tb_next  # IPython's own frames
    start = start or error.__traceback__
    return {
        "name": type(error).__name__,
        "message": str(error),
        "traceback": "".join(traceback.format_exception(type(error), error, start)),
        "line": start.tb_lineno if start else None,
    }
