"""The files that went into a run: their digests, and copies of the small ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nbtrack.store import Store
from nbtrack.versioning.contents.file_digests import FileDigests

KEPT_FILE_BYTES = 16 * 2**20  # a file is copied into the store up to this size ...
KEPT_BYTES = 256 * 2**20  # ... and all of a run up to this
MOST_FILES = 20_000  # of a data set of pictures: about a minute when first read


def read_files(
    store: Store,
    paths: Iterable[str],
    known: Iterable[Mapping[str, Any]] = (),
    keeps_all: bool = False,
) -> list[dict[str, Any]]:
    """Digest files; keep the small ones, or all.

    Parameters
    ----------
    paths : iterable of str
        Absolute paths; those beyond the first 20,000 are left out.
    known : iterable of mapping
        What an earlier call gave, for files that are gone meanwhile.
    keeps_all : bool
        Keep those over 16 MiB too, and more than 256 MiB together.

    Returns
    -------
    list of dict
        ``path``, ``size``, ``digest``, and ``kept``, the digest of the copy in the blobs; or
        ``error``.

    Notes
    -----
    A large file is read once: its digest is remembered by inode, size and time.
    """
    digests = FileDigests(store.path / "file_digests.jsonl")
    before = {file["path"]: dict(file) for file in known}
    left = KEPT_BYTES
    found: list[dict[str, Any]] = []
    for name in list(paths)[:MOST_FILES]:
        path = Path(name)
        try:
            size = path.stat().st_size
            file = {"path": name, "size": size, "digest": digests.digest(path)}
            if keeps_all or size <= min(KEPT_FILE_BYTES, left):
                is_there = file["digest"] in store.blobs  # it was kept by an earlier call or run
                file["kept"] = file["digest"] if is_there else store.blobs.put(path)
                left -= size
        except OSError as error:
            file = before.get(name, {"path": name, "error": error.strerror or str(error)})
        found.append(file)
    return found


def keep_modules(store: Store, modules: Mapping[str, str]) -> dict[str, str]:
    """Keep the user's own Python files: path in the folder to digest of the blob.

    Raises
    ------
    OSError
        If one cannot be read, or the store not written.
    """
    return {
        name: store.blobs.put(Path(path)) for name, path in modules.items() if Path(path).is_file()
    }
