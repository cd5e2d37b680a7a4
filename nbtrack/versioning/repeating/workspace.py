"""The folder in which a run is repeated: its notebook, script, settings, modules and data."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrack.errors import BlobNotFound
from nbtrack.records import RunInfo
from nbtrack.store import Blobs, Store
from nbtrack.versioning.contents.file_digests import FileDigests, digest_file
from nbtrack.versioning.repeating.lock import lock_file
from nbtrack.versioning.script import notebook_of, script_of

_MOST_LEVELS_UP = (
    3  # a path like ../../data/train.csv finds its file; further up it must be absolute
)


@dataclass(frozen=True)
class Workspace:
    """A folder that holds all that a run needs to run again.

    Attributes
    ----------
    folder : Path
        With notebook.ipynb, script.py, config.yaml and requirements.lock.
    working_folder : Path
        Where the cells are executed: as deep in `folder` as relative paths reach up.
    data : tuple of (str, str)
        Per file that went in: its path, and ``same``, ``put back``, ``changed`` or ``missing``.
    """

    folder: Path
    working_folder: Path
    data: tuple[tuple[str, str], ...] = ()

    def with_status(self, status: str) -> list[str]:
        """Paths of the files of that status."""
        return [path for path, is_now in self.data if is_now == status]


def build_workspace(
    store: Store, info: RunInfo, replay: Mapping[str, Any], folder: Path
) -> Workspace:
    """Write everything that a run needs into a folder.

    Parameters
    ----------
    replay : mapping
        The run's ``replay.json``.
    folder : Path
        Made if it is not there.

    Raises
    ------
    BlobNotFound
        If the store has lost a local module or a random state of the run.
    OSError
        If the folder cannot be written.
    """
    cells = replay.get("cells", ())
    working = folder.joinpath(*_levels_up(replay))
    working.mkdir(parents=True, exist_ok=True)
    _write(folder / "script.py", script_of(info, cells, store.blobs.get))
    import nbformat

    nbformat.write(notebook_of(info, cells, store.blobs.get), folder / "notebook.ipynb")
    _write(folder / "config.yaml", config_text(info))
    _write(folder / "requirements.lock", lock_file(replay.get("environment") or {}))
    for name, digest in (replay.get("modules") or {}).items():
        target = working / name
        target.parent.mkdir(parents=True, exist_ok=True)
        store.blobs.copy_to(digest, target)
    return Workspace(folder, working, tuple(_put_data(store, replay, working)))


def config_text(info: RunInfo) -> str:
    """A run's parameters as YAML, with where each of them came from."""
    import yaml

    document = {
        "run": info.id,
        "name": info.name,
        "seed": info.seed,
        "params": json.loads(json.dumps(dict(info.params), default=repr)),
        "found_in": dict(info.origins),
    }
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _relative(path: str, folder: str) -> tuple[str, ...] | None:
    """A path as seen from a folder; None where it is too far off for a relative one."""
    try:
        parts = Path(os.path.relpath(path, folder)).parts
    except ValueError:  # another drive
        return None
    return parts if parts[:_MOST_LEVELS_UP].count("..") == parts.count("..") else None


def _levels_up(replay: Mapping[str, Any]) -> Sequence[str]:
    """Names of the folders above the working folder that relative paths of the run reach into."""
    home = str(replay.get("folder") or "")
    levels = [
        parts.count("..")
        for file in replay.get("files") or ()
        if home and (parts := _relative(file["path"], home)) is not None
    ]
    highest = max(levels, default=0)
    return Path(home).parts[-highest:] if highest else ()


def _put_data(store: Store, replay: Mapping[str, Any], working: Path) -> list[tuple[str, str]]:
    digests = FileDigests(store.path / "file_digests.jsonl")
    home = str(replay.get("folder") or "")
    found = []
    for file in replay.get("files") or ():
        path, digest = Path(file["path"]), file.get("digest")
        status = _status(digests, path, digest)
        parts = _relative(file["path"], home) if home else None
        if parts is not None:
            target = Path(os.path.normpath(working.joinpath(*parts)))
            if _from_store(store.blobs, file.get("kept"), target):
                status = "same" if status == "same" else "put back"
            elif status in ("same", "changed"):
                _link(path, target)
        found.append((file["path"], status))
    return found


def _status(digests: FileDigests, path: Path, digest: str | None) -> str:
    if digest is None or not path.is_file():
        return "missing"
    try:
        return "same" if digests.digest(path) == digest else "changed"
    except OSError:
        return "missing"


def _from_store(blobs: Blobs, digest: str | None, target: Path) -> bool:
    if digest is None:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file() and digest_file(target) == digest:
        return True
    try:
        blobs.copy_to(digest, target)
    except BlobNotFound:
        return False
    return True


def _link(path: Path, target: Path) -> None:
    """A large file is not copied: a symbolic link, so that a program that writes it is seen to."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.symlink_to(path)
