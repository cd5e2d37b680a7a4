"""What a run that goes on with another takes along from it: its slice, and its points so far."""

from __future__ import annotations

import shutil
from pathlib import Path

from nbtrack.capture.witnessing.randomness import unpack
from nbtrack.records import Capture, CapturedCell, Cell
from nbtrack.store import StoredRun
from nbtrack.store.columns import pairs
from nbtrack.store.points import read_records
from nbtrack.versioning.repeating.checkpoints import Resumed
from nbtrack.versioning.replay_file import read_replay


def capture_of(run: StoredRun) -> Capture:
    """What a run needed, read back: a run that goes on with it needs the same.

    Raises
    ------
    BlobNotFound
        If the store has lost a random state.
    """
    replay = read_replay(run.path)
    cells = [
        CapturedCell(
            cell=Cell(cell["source"], cell["cell_id"], cell["count"], cell["is_part"]),
            code=cell["code"],
            random=unpack(run.store.blobs.get(cell["random"])) if "random" in cell else {},
            continues=frozenset(cell.get("continues", ())),
            reason=cell["reason"],
            opaque=tuple(cell["opaque"]),
            error=cell["error"],
            stopped_after=cell["stopped_after"],
            moment=cell.get("moment"),
        )
        for cell in replay["cells"]
    ]
    return Capture(
        cells=tuple(cells),
        num_own=replay.get("num_own", 1),
        nth_start=replay.get("nth_start", 0),
        num_executed=replay["num_executed"],
        missing=tuple(replay["missing"]),
        hidden=run.info.hidden,
        notes=tuple(replay["notes"]),
        folder=replay["folder"],
        files=tuple(file["path"] for file in replay.get("files", ())),
        needs=tuple(replay["needs"]),
        binds=tuple(replay["binds"]),
        clock=tuple(replay["clock"]),
    )


def take_along(resumed: Resumed, folder: Path, started_s: float) -> None:
    """Copy the points from before a checkpoint into the folder of the run that goes on.

    Parameters
    ----------
    folder : Path
        Of the new run.
    started_s : float
        Unix time at which the new run counts as started: its clock goes on as if without a pause.

    Raises
    ------
    OSError
        If the points cannot be read or written.
    """
    until_s = resumed.run.started_s + float(resumed.checkpoint["time_s"])
    for number, pair in enumerate(pairs(resumed.run.path)):
        records = read_records(pair.points)
        kept = records[records["time"] <= until_s].copy()
        kept["time"] += started_s - resumed.run.started_s
        name = f"r{pair.rank}-before{number}"
        shutil.copyfile(pair.keys, folder / f"keys-{name}.txt")
        kept.tofile(folder / f"points-{name}.bin")
