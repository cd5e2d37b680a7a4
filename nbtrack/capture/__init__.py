"""What was run: cells of this kernel, what they showed, seeds, and the interrupt of a cell.

Not here: what a run measures (`nbtrack.instruments`) or keeps (`nbtrack.store`).
"""

from nbtrack.capture.interrupt import GracefulInterrupt
from nbtrack.capture.outputs import OutputRecorder
from nbtrack.capture.seeds import set_seed
from nbtrack.capture.session import RunningCell, Session
from nbtrack.capture.transform import (
    first_statement_is_track,
    is_tracked,
    show_typed_line,
    track_transformer,
)

__all__ = [
    "GracefulInterrupt",
    "OutputRecorder",
    "RunningCell",
    "Session",
    "first_statement_is_track",
    "is_tracked",
    "set_seed",
    "show_typed_line",
    "track_transformer",
]
