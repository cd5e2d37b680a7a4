"""`Index`: the rows of all runs of a store, read again only where something changed.

The run folders are the truth. A refresh lists them, compares times and sizes with those of the
rows it has, in memory or in the cache file, and reads what differs. Writers of runs never touch
the cache.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbtrack.store.columns import num_points
from nbtrack.store.losses import warn
from nbtrack.store.place import Place
from nbtrack.store.rows import row_of
from nbtrack.store.runfile import FILE_NAME

if TYPE_CHECKING:
    from nbtrack.store.cachefile import CacheFile, Entry

Row = dict[str, Any]
_MANY = 64  # runs to read; from here on several at a time
_READERS = 8  # most of the time of a cold read is waiting for the disk


class Index:
    """The rows of all runs of a store, kept up to date.

    Parameters
    ----------
    place : Place
        The store.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._entries: dict[str, Entry] | None = None  # None: the file has not been read yet
        self._warned: set[str] = set()
        self._unreadable: dict[str, str] = {}  # why, for those not warned about yet
        self._lock = threading.Lock()

    def rows(self) -> list[Row]:
        """The rows of all readable runs, in no order.

        Warns
        -----
        RuntimeWarning
            Once about runs that cannot be read: damaged, or written by a newer nbtrack.
        """
        with self._lock:
            rows = self._refresh()
            unreadable, self._unreadable = self._unreadable, {}
        if unreadable:
            ids, reasons = ", ".join(unreadable), next(iter(unreadable.values()))
            warn(f"{len(unreadable)} run(s) left out of the listing ({ids}): {reasons}")
        return rows

    def _refresh(self) -> list[Row]:
        if self._entries is None:
            self._entries = self._file().load()
        stamps = self._stamps()
        changed = {
            run_id: stamp
            for run_id, stamp in stamps.items()
            if (entry := self._entries.get(run_id)) is None
            or entry.stamp != stamp
            or (entry.points >= 0 and entry.points != num_points(self._place.run_folder(run_id)))
        }
        new = self._read_all(changed) if changed else {}
        for run_id in changed.keys() - new.keys():
            self._entries.pop(run_id, None)
        gone = [run_id for run_id in self._entries if run_id not in stamps]
        for run_id in gone:
            del self._entries[run_id]
        self._entries |= new
        if new or gone:
            self._file().save(new, gone)
        return [entry.row for entry in self._entries.values()]

    def rebuild(self) -> None:
        """Throw the cache away and read every run anew."""
        with self._lock:
            self._entries = {}
            self._file().remove()
        self.rows()

    def _stamps(self) -> dict[str, str]:
        base = str(self._place.runs_folder)  # plain str: 10,000 Path objects take 0.1 s
        stamps = {}
        try:
            names = os.listdir(base)  # noqa: PTH208
        except OSError:
            return {}
        for name in names:
            try:
                stat = os.stat(f"{base}/{name}/{FILE_NAME}")  # noqa: PTH116
            except OSError:
                continue  # a folder that was just made, or that is not a run
            stamps[name] = f"{stat.st_mtime_ns}.{stat.st_size}.{stat.st_ino}"
        return stamps

    def _read_all(self, stamps: Mapping[str, str]) -> dict[str, Entry]:
        from nbtrack.store.cachefile import no_collection

        with no_collection():
            if len(stamps) < _MANY:
                entries = list(map(self._read, stamps, stamps.values()))
            else:
                from concurrent.futures import ThreadPoolExecutor

                with ThreadPoolExecutor(_READERS) as readers:
                    entries = list(readers.map(self._read, stamps, stamps.values()))
            read = dict(zip(stamps, entries, strict=True))
        return {run_id: entry for run_id, entry in read.items() if entry is not None}

    def _read(self, run_id: str, stamp: str) -> Entry | None:
        folder = self._place.run_folder(run_id)
        points = -1
        try:
            row = row_of(folder)
            if row["status"] == "running":  # its points are counted before they are read
                points, row = num_points(folder), row_of(folder)
        except FileNotFoundError:
            return None  # deleted since it was listed
        except OSError as error:
            if run_id not in self._warned:
                self._warned.add(run_id)
                self._unreadable[run_id] = str(error)
            return None
        from nbtrack.store.cachefile import Entry

        return Entry(stamp, points if row["status"] == "running" else -1, row)

    def _file(self) -> CacheFile:
        from nbtrack.store.cachefile import CacheFile  # SQLite: 5 ms that most programs never need

        return CacheFile(self._place.path)
