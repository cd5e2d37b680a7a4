"""What repeats a run: slice and snapshot, what changed since the run before, and `reproduce`."""

from nbtrack.versioning.cell_changes import CellChange
from nbtrack.versioning.diff import RunDiff, changes, diff_runs, lr_change, previous
from nbtrack.versioning.keeper import Keeper, changed_since_previous
from nbtrack.versioning.kept_run import KeptRun
from nbtrack.versioning.repeating import replaying
from nbtrack.versioning.script import notebook_of, put_back, script_of

__all__ = [
    "CellChange",
    "Keeper",
    "KeptRun",
    "RunDiff",
    "changed_since_previous",
    "changes",
    "diff_runs",
    "lr_change",
    "notebook_of",
    "previous",
    "put_back",
    "replaying",
    "script_of",
]
