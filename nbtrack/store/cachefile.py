"""``index.sqlite``: the rows of all runs, so that a new process need not read every ``run.json``.

Only a cache. It may be missing, locked by another process, read-only, full or damaged: then there
is nothing to load, or nothing is saved, and a damaged one is removed.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_VERSION = 2  # of the rows too: a file of another version is removed and made anew
_WAIT_S = 0.2  # for another process's lock; after that the listing goes on without the file
_NETWORK = ("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "ceph", "weka", "9p", "fuse.sshfs")
_TABLE = (
    "CREATE TABLE IF NOT EXISTS runs (id TEXT PRIMARY KEY, stamp TEXT, points INTEGER, row TEXT)"
)


class Entry(NamedTuple):
    """A cached row, and what it was made from.

    Attributes
    ----------
    stamp : str
        Time and size of the ``run.json``.
    points : int
        Points of a run that was still running; -1 otherwise.
    row : dict
        As `nbtrack.store.rows.row_of` makes it.
    """

    stamp: str
    points: int
    row: dict[str, Any]


class CacheFile:
    """The SQLite file that keeps the entries of one store.

    Parameters
    ----------
    store_path : Path
        The store's folder.
    """

    def __init__(self, store_path: Path) -> None:
        self.path = _path_for(store_path)

    def load(self) -> dict[str, Entry]:
        """The entries by run id; none if the file cannot be used."""
        if not self.path.exists():
            return {}
        try:
            with closing(self._connect()) as database:
                if _version(database) == _VERSION:
                    return _read(database)
        except sqlite3.OperationalError:
            return {}  # locked or not readable
        except (sqlite3.DatabaseError, ValueError, TypeError):
            pass  # damaged
        self.remove()
        return {}

    def save(self, new: Mapping[str, Entry], gone: Iterable[str]) -> None:
        """Write new entries and delete those of runs that are gone, if the file lets us."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as database, database:
                database.execute("BEGIN IMMEDIATE")
                if _version(database) != _VERSION:
                    database.execute(_TABLE)
                    database.execute(f"PRAGMA user_version = {_VERSION}")
                _write(database, new, gone)
        except (sqlite3.OperationalError, OSError):
            pass  # locked, read-only or full
        except sqlite3.DatabaseError:
            self.remove()  # damaged: the next process writes it anew

    def remove(self) -> None:
        """Delete the file, if that is possible."""
        for path in (self.path, self.path.with_name(self.path.name + "-journal")):
            try:
                path.unlink()
            except OSError:
                pass

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
        database.execute("PRAGMA secure_delete = ON")  # a deleted run leaves no text in free pages
        database.execute("PRAGMA synchronous = OFF")  # only a cache: no need to wait for the disk
        return database


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _read(database: sqlite3.Connection) -> dict[str, Entry]:
    found = database.execute("SELECT id, stamp, points, row FROM runs").fetchall()
    with no_collection():
        rows = json.loads(f"[{','.join(row for *_, row in found)}]")  # one call: half the time
        return {
            run_id: Entry(stamp, points, row)
            for (run_id, stamp, points, _), row in zip(found, rows, strict=True)
        }


@contextmanager
def no_collection() -> Iterator[None]:
    """No garbage collection meanwhile: over 100,000 new objects it takes most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _write(database: sqlite3.Connection, new: Mapping[str, Entry], gone: Iterable[str]) -> None:
    database.executemany("DELETE FROM runs WHERE id = ?", [(run_id,) for run_id in gone])
    database.executemany(
        "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)",
        [
            (run_id, entry.stamp, entry.points, json.dumps(entry.row))
            for run_id, entry in new.items()
        ],
    )


def _path_for(store_path: Path) -> Path:
    """In the store; in the user's cache for one on a network disk, where SQLite's locks fail."""
    if not is_on_network(store_path):
        return store_path / "index.sqlite"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = hashlib.sha256(os.fsencode(store_path)).hexdigest()[:16]
    return cache / "nbtrack" / f"index-{name}.sqlite"


@functools.cache
def is_on_network(path: Path) -> bool:
    """Whether a folder lies on a network file system, by the mount that holds it (Linux only)."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    kinds = {Path(line.split()[1]): line.split()[2] for line in mounts.splitlines()}
    real = path.resolve()
    deepest = next((folder for folder in (real, *real.parents) if folder in kinds), None)
    return deepest is not None and kinds[deepest].startswith(_NETWORK)
