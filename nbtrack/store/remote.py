"""Runs carried to another place and back: a folder, a bucket, a machine, by any fsspec URL.

What lies at a URL has the layout of a store, so a pushed folder can be opened as one. Blobs are
named by their content and travel once; ``run.json`` goes last, so that a run of which a transfer
was cut off half-way is not seen, and the next transfer does what is left.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrack.errors import RunNotFound, StoreError
from nbtrack.store.blobs import Blobs
from nbtrack.store.whole_file import write_whole

Say = Callable[[str], None]

_HEAD, _LIST = "run.json", "pushed.json"
_NOT_TAKEN = {"heartbeat", "reserve", _LIST}
_DIGEST = re.compile(r"[0-9a-f]{64}")
_RUN_ID = re.compile(r"[0-9a-z]+")
_FILE = re.compile(r"\w[\w.-]*")
_BY_RENAME = {"file", "local", "sftp", "ssh", "smb", "hdfs"}  # others show a file when it is whole


@dataclass
class Moved:
    """What a push or pull has done.

    Attributes
    ----------
    runs : list of str
        Ids of the runs that are there now.
    num_files, num_bytes : int
        Files that were transferred, and their bytes; none of what was there already.
    """

    runs: list[str]
    num_files: int = 0
    num_bytes: int = 0

    def __str__(self) -> str:
        runs = f"{len(self.runs):,} run{'' if len(self.runs) == 1 else 's'}"
        return f"{runs}: {self.num_files:,} files, {self.num_bytes / 2**20:.1f} MiB transferred"


def referred(folder: Path, blobs: Blobs) -> Iterator[str]:
    """Everything that looks like the digest of a blob in a run's JSON files and its snapshot."""
    for name in (_HEAD, "replay.json"):
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
        yield from _DIGEST.findall(text)
        snapshot = json.loads(text).get("snapshot") if name == _HEAD else None
        if isinstance(snapshot, str) and snapshot in blobs:
            yield from _DIGEST.findall(blobs.get(snapshot).decode())


def push(runs_folder: Path, blobs: Blobs, ids: Sequence[str], url: str, say: Say) -> Moved:
    """Copy runs of a store and the blobs that they need to a URL; see `Store.push`."""
    place = _Place(url)
    moved = Moved([])
    for run_id in ids:
        say(f"pushing run {run_id}")
        folder = runs_folder / run_id
        for digest in sorted(set(referred(folder, blobs))):
            _push_blob(place, blobs, digest, moved)
        files = [
            file
            for file in sorted(folder.iterdir(), key=lambda file: file.name == _HEAD)
            if file.is_file() and file.name not in _NOT_TAKEN and _FILE.fullmatch(file.name)
        ]
        before = place.json(f"runs/{run_id}/{_LIST}")
        told: dict[str, Any] = {}
        contents = {file.name: file.read_bytes() for file in files}
        for name, content in contents.items():
            told[name] = {"size": len(content), "blake3": _digest(content)}
        if told != before:
            for name, content in contents.items():
                if name == _HEAD:  # last, when all is there
                    place.write(f"runs/{run_id}/{_LIST}", json.dumps(told).encode())
                if before.get(name) != told[name]:
                    place.write(f"runs/{run_id}/{name}", content, moved)
        moved.runs.append(run_id)
    return moved


def pull(runs_folder: Path, blobs: Blobs, wanted: Sequence[str], url: str, say: Say) -> Moved:
    """Copy runs and the blobs that they need from a URL into a store; see `Store.pull`."""
    place = _Place(url)
    moved = Moved([])
    for run_id in _chosen(place, wanted, url):
        say(f"pulling run {run_id}")
        folder = runs_folder / run_id
        if not _is_settled(folder):
            _pull_run(place, run_id, folder, blobs, moved)
        moved.runs.append(run_id)
    return moved


def _chosen(place: _Place, wanted: Sequence[str], url: str) -> list[str]:
    ids = [name for name in place.names("runs") if _RUN_ID.fullmatch(name)]
    if not ids:
        raise StoreError(f"there is no run at {_shown(url)}: push to it first, or mend the URL")
    if not wanted:
        return ids
    chosen = []
    for which in wanted:
        found = [run_id for run_id in ids if run_id.startswith(which)]
        if len(found) != 1:
            raise RunNotFound(which, found or ids)
        chosen += found
    return chosen


def _is_settled(folder: Path) -> bool:
    """Whether a run is in the store already, and has ended there."""
    try:
        status = json.loads((folder / _HEAD).read_text(encoding="utf-8")).get("status")
    except (OSError, ValueError):
        return False
    # a heartbeat is never carried: with one, the run is this store's own
    return status not in ("running", "lost") or (folder / "heartbeat").exists()


def _pull_run(place: _Place, run_id: str, folder: Path, blobs: Blobs, moved: Moved) -> None:
    told = place.json(f"runs/{run_id}/{_LIST}")
    names = [name for name in told or place.names(f"runs/{run_id}") if _FILE.fullmatch(name)]
    if _HEAD not in names:
        raise StoreError(
            f"run {run_id} is not whole at {_shown(place.url)}: it is being pushed, or a push was "
            "cut off; push it again"
        )
    contents = {}
    for name in names:
        if name in _NOT_TAKEN:
            continue
        content = place.read(f"runs/{run_id}/{name}")
        if told and _digest(content) != told[name]["blake3"]:
            raise StoreError(
                f"{name} of run {run_id} does not have the digest that it was pushed with: it is "
                "being pushed again at this moment, or is damaged. Pull once more, or push it again"
            )
        contents[name] = content
        moved.num_files += 1
        moved.num_bytes += len(content)
    text = b"\n".join(contents.get(name, b"") for name in (_HEAD, "replay.json")).decode()
    for digest in sorted(set(_DIGEST.findall(text))):
        _pull_blob(place, blobs, digest, moved)
    snapshot = json.loads(contents[_HEAD]).get("snapshot")
    if isinstance(snapshot, str) and snapshot in blobs:
        for digest in sorted(set(_DIGEST.findall(blobs.get(snapshot).decode()))):
            _pull_blob(place, blobs, digest, moved)
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(contents, key=lambda name: name == _HEAD):
        write_whole(folder / name, [contents[name]])


def _push_blob(place: _Place, blobs: Blobs, digest: str, moved: Moved) -> None:
    """Its chunks first, so that a list of chunks is never there without them."""
    if place.has_blob(digest) or digest not in blobs:
        return  # many a digest is that of something that is not kept
    data, chunks = blobs.stored(digest)
    for chunk in chunks:
        _push_blob(place, blobs, chunk, moved)
    place.write(_blob_path(digest), data, moved)
    place.blobs.add(digest)


def _pull_blob(place: _Place, blobs: Blobs, digest: str, moved: Moved) -> None:
    if digest in blobs or not place.has_blob(digest):
        return
    data = place.read(_blob_path(digest))
    for chunk in blobs.chunks_of(digest, data):
        _pull_blob(place, blobs, chunk, moved)
    blobs.take(digest, data)
    moved.num_files += 1
    moved.num_bytes += len(data)


def _blob_path(digest: str) -> str:
    return f"blobs/{digest[:2]}/{digest[2:]}"


class _Place:
    """What lies at a URL.

    Raises
    ------
    StoreError
        If the URL cannot be read: no such protocol, a package that is missing, no access.
    """

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs
        from fsspec.registry import known_implementations

        self.url = url
        protocol = url.partition("://")[0] if "://" in url else "file"
        try:
            self._fs, root = url_to_fs(url)
        except ImportError as error:
            hint = known_implementations.get(protocol, {}).get("err", str(error))
            raise StoreError(f"{protocol}:// needs a package that is not here. {hint}") from error
        except ValueError as error:
            known = ", ".join(sorted({*known_implementations} & _COMMON))
            raise StoreError(
                f"cannot read the URL {_shown(url)} ({_shown(str(error))}). Protocols are {known}, "
                "and others that fsspec knows"
            ) from error
        self._root = root.rstrip("/")
        self._by_rename = protocol in _BY_RENAME
        self._folders: set[str] = set()
        self.blobs = set(self._list_blobs())

    def has_blob(self, digest: str) -> bool:
        """Whether a blob was there when this was opened, or has been written since."""
        return digest in self.blobs

    def _list_blobs(self) -> Iterable[str]:
        found = self._tried(lambda: self._fs.find(f"{self._root}/blobs"), ())
        for path in found:
            digest = "".join(path.split("/")[-2:])
            if _DIGEST.fullmatch(digest):
                yield digest

    def names(self, folder: str) -> list[str]:
        """What lies in a folder, sorted."""
        path = f"{self._root}/{folder}"
        found = self._tried(lambda: self._fs.ls(path, detail=False, refresh=True), ())
        return sorted(each.rstrip("/").rpartition("/")[2] for each in found)

    def json(self, path: str) -> dict[str, Any]:
        """A small document; empty where there is none."""
        content = self._tried(lambda: self._fs.cat_file(f"{self._root}/{path}"), b"{}")
        try:
            return dict(json.loads(content))
        except (ValueError, TypeError):
            return {}

    def read(self, path: str) -> bytes:
        """A whole file."""
        found = self._tried(lambda: self._fs.cat_file(f"{self._root}/{path}"), None)
        if found is None:
            raise StoreError(f"{path} is gone from {_shown(self.url)}: push the run again")
        return bytes(found)

    def write(self, path: str, content: bytes, moved: Moved | None = None) -> None:
        """A whole file, which others see whole or not at all."""
        target = f"{self._root}/{path}"
        self._tried(lambda: self._write(target, content), None)
        if moved is not None:
            moved.num_files += 1
            moved.num_bytes += len(content)

    def _write(self, target: str, content: bytes) -> None:
        folder, _, name = target.rpartition("/")
        if folder not in self._folders:
            self._fs.makedirs(folder, exist_ok=True)
            self._folders.add(folder)
        if not self._by_rename:
            self._fs.pipe_file(target, content)
            return
        temporary = f"{folder}/.{name[:32]}.{os.urandom(6).hex()}"
        self._fs.pipe_file(temporary, content)
        self._fs.mv(temporary, target)

    def _tried(self, act: Callable[[], Any], absent: Any) -> Any:
        try:
            return act()
        except FileNotFoundError:
            return absent
        except Exception as error:  # each protocol has errors of its own
            raise StoreError(
                f"{_shown(self.url)} cannot be reached or written "
                f"({type(error).__name__}: {_shown(str(error))})"
            ) from error


_COMMON = {"file", "memory", "s3", "gs", "abfs", "sftp", "ssh", "smb", "hdfs", "webdav", "hf"}


def _shown(text: str) -> str:
    """A URL without the password that it may hold."""
    return re.sub(r"(?<=//)[^/@\s]+@", "", text)


def _digest(content: bytes) -> str:
    from blake3 import blake3  # when it is needed: importing the store brings in nothing heavy

    return str(blake3(content).hexdigest())
