"""A run in one file, with every blob it refers to: for another person's ``nbtrack reproduce``."""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

from nbtrack.errors import FormatTooNew, StoreError
from nbtrack.store import Store, StoredRun
from nbtrack.store.remote import referred

FORMAT = 1
SUFFIX = ".nbtrack.zip"

_HEAD = "nbtrack-bundle.json"
_RUN_FILE = re.compile(r"run/([\w.-]+)")
_BLOB_FILE = re.compile(r"blobs/([0-9a-f]{64})")
_NOT_TAKEN = {"heartbeat", "reserve"}


def export_bundle(run: StoredRun, path: str | os.PathLike[str] | None = None) -> Path:
    """Write a run and all blobs that it refers to into one file.

    Parameters
    ----------
    run : StoredRun
    path : path, optional
        ``<id>.nbtrack.zip`` in the working folder without it.

    Returns
    -------
    Path
        The file, a zip archive of plain files.

    Raises
    ------
    BlobNotFound
        If the store has lost a blob of the run.
    OSError
        If the file cannot be written; none is left behind.
    """
    target = Path(f"{run.id}{SUFFIX}" if path is None else path)
    blobs = run.store.blobs
    temporary = target.with_name(f".{target.name}.{os.getpid():x}")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(_HEAD, json.dumps({"format": FORMAT, "run": run.id}))
            for file in sorted(run.path.iterdir()):
                if file.is_file() and file.name not in _NOT_TAKEN and not file.name.startswith("."):
                    archive.write(file, f"run/{file.name}")
            for digest in sorted(set(referred(run.path, blobs))):
                if digest in blobs:
                    archive.writestr(f"blobs/{digest}", blobs.get(digest))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return target


def import_bundle(path: str | os.PathLike[str], store: Store) -> StoredRun:
    """Take a run out of a bundle into a store; a run that is there already is left as it is.

    Raises
    ------
    FormatTooNew
        If a newer nbtrack wrote the bundle.
    StoreError
        If the file is no bundle, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            head = json.loads(archive.read(_HEAD))
            if head["format"] > FORMAT:
                raise FormatTooNew(
                    f"{path} has format {head['format']}, and this nbtrack reads up to format "
                    f"{FORMAT}. Upgrade nbtrack (pip install -U nbtrack)"
                )
            run_id = str(head["run"])
            if not re.fullmatch(r"[0-9a-z]+", run_id):
                raise StoreError(f"{path} is damaged: {run_id!r} is not the id of a run")
            _take_blobs(archive, store, path)
            folder = store.run_folder(run_id)
            if not (folder / "run.json").exists():
                _take_run(archive, folder)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise StoreError(f"{path} is not a bundle of nbtrack, or damaged ({error})") from error
    return store.get(run_id)


def _take_blobs(archive: zipfile.ZipFile, store: Store, path: Any) -> None:
    for name in archive.namelist():
        found = _BLOB_FILE.fullmatch(name)
        if found is None or found[1] in store.blobs:
            continue
        digest = store.blobs.put(archive.read(name))
        if digest != found[1]:
            raise StoreError(f"{path} is damaged: blob {found[1]} has other content")


def _take_run(archive: zipfile.ZipFile, folder: Path) -> None:
    """The run's files, ``run.json`` last, so that a half-copied run is seen as none."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [name for name in archive.namelist() if _RUN_FILE.fullmatch(name)]
    for name in sorted(names, key=lambda name: name == "run/run.json"):
        (folder / name.removeprefix("run/")).write_bytes(archive.read(name))
