"""Where a store lies, and where in it things lie."""

from __future__ import annotations

import os
from pathlib import Path

from nbtrack.store.blobs import Blobs

FOLDER_NAME = ".nbtrack"


def default_path() -> Path:
    """The store to use when none is named.

    Returns
    -------
    Path
        ``$NBTRACK_DIR`` if set; else the nearest ``.nbtrack`` at or above the working folder, up to
        the root of the git repository; else ``.nbtrack`` in the working folder.
    """
    chosen = os.environ.get("NBTRACK_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FOLDER_NAME).is_dir():
            return folder / FOLDER_NAME
        if (folder / ".git").exists():
            break
    return here / FOLDER_NAME


class Place:
    """The folder of a store, with the paths of what is in it.

    Attributes
    ----------
    path : Path
        Absolute; it need not exist.
    runs_folder : Path
        The folder that holds one folder per run.
    blobs : Blobs
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = default_path() if path is None else Path(path).expanduser().absolute()
        self.runs_folder = self.path / "runs"
        self.blobs = Blobs(self.path / "blobs")

    def run_folder(self, run_id: str) -> Path:
        """The folder of one run."""
        return self.runs_folder / run_id

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"
