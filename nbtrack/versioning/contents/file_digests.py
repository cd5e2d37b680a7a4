"""BLAKE3 digests of whole files, and a memory of them so that a large one is read once."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path
from typing import Any

_BUFFER_BYTES = 2**22
_MANY_BYTES = 2**25  # from here on it pays to start threads
_MOST_THREADS = 8
# A file may change again within one tick of its clock, with the same size and time: one that is as
# young as this is not remembered. Some file systems tick every 2 s.
_YOUNG_NS = 2_000_000_000


def digest_file(path: str | os.PathLike[str]) -> str:
    """The BLAKE3 digest of all bytes of a file: 64 hexadecimal digits.

    Parameters
    ----------
    path : path

    Returns
    -------
    str
        The digest that `nbtrack.store.Blobs` keeps the same content under.

    Raises
    ------
    OSError
        If the file cannot be read.

    Notes
    -----
    Memory stays at 4 MiB. Read and not mapped: a mapped file that someone shortens meanwhile ends
    the process.
    """
    from blake3 import blake3

    with io.FileIO(path) as file:  # not `open`, which is listened to while a cell runs
        size = os.fstat(file.fileno()).st_size
        # Threads of its own, as those of a pool would be missing after a fork.
        num_threads = min(_MOST_THREADS, os.cpu_count() or 1) if size >= _MANY_BYTES else 1
        hasher = blake3(max_threads=num_threads)
        buffer = memoryview(bytearray(min(_BUFFER_BYTES, size + 1)))
        while count := file.readinto(buffer):
            hasher.update(buffer[:count])
    return str(hasher.hexdigest())


class FileDigests:
    """Digests of files, remembered by path, inode, size and time of the last change.

    Parameters
    ----------
    cache : path
        A text file with a JSON object a line, made when the first digest is remembered. Several
        processes may add to it; a line that cannot be read is skipped; without it nothing is lost
        but time.
    """

    def __init__(self, cache: str | os.PathLike[str]) -> None:
        self._cache = Path(cache)
        self._known: dict[str, tuple[list[int], str]] | None = None

    def digest(self, path: str | os.PathLike[str]) -> str:
        """As `digest_file`, or from memory if the file has not changed since.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        name = os.path.abspath(path)  # noqa: PTH100 -- links are not followed
        state = _state(name)
        if self._known is None:
            self._known = self._read()
        known = self._known.get(name)
        if known is not None and known[0] == state:
            return known[1]
        digest = digest_file(name)
        is_young = state[2] > time.time_ns() - _YOUNG_NS
        if not is_young and _state(name) == state:  # else it may have changed as it was read
            self._known[name] = (state, digest)
            self._remember(name, state, digest)
        return digest

    def _read(self) -> dict[str, tuple[list[int], str]]:
        try:
            lines = self._cache.read_bytes().splitlines()
        except OSError:
            return {}
        known = {}
        for line in lines:
            try:
                entry = json.loads(line)
                state = [int(entry[key]) for key in ("inode", "size", "mtime_ns")]
                known[str(entry["path"])] = (state, str(entry["digest"]))
            except (ValueError, KeyError, TypeError):
                continue  # half a line, of a process that was killed
        return known

    def _remember(self, name: str, state: list[int], digest: str) -> None:
        inode, size, mtime_ns = state
        entry: dict[str, Any] = {"path": name, "inode": inode, "size": size, "mtime_ns": mtime_ns}
        # It begins with a line break as well, so that half a line before it spoils only itself.
        line = f"\n{json.dumps({**entry, 'digest': digest})}\n".encode()
        try:
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._cache, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                os.write(descriptor, line)  # in one piece: others may add at the same time
            finally:
                os.close(descriptor)
        except (OSError, ValueError):  # a full disk: the next run has to read the file again
            pass


def _state(name: str) -> list[int]:
    stat = os.stat(name)  # noqa: PTH116 -- 200,000 of them
    return [stat.st_ino, stat.st_size, stat.st_mtime_ns]
