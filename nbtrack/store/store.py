"""`Store`: a folder of runs and blobs, the only meeting place of those who write and who read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace

from nbtrack.errors import RunNotFound
from nbtrack.records import RunInfo
from nbtrack.store.heartbeat import describe_writer
from nbtrack.store.listing import Runs
from nbtrack.store.place import Place
from nbtrack.store.remote import Moved, pull, push
from nbtrack.store.runfile import FILE_NAME, read_info
from nbtrack.store.storedrun import StoredRun
from nbtrack.store.writer import RunWriter

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALPHABET = "0123456789" + _LETTERS
_ID_LENGTH = 6  # 26 * 36**5 = 1.6 billion


def _unsaid(line: str) -> None:
    """Nobody wants to know."""


class Store(Place):
    """A folder that holds runs and blobs.

    Opening one creates nothing: the folder appears with the first write.

    Parameters
    ----------
    path : path, optional
        If left out: ``$NBTRACK_DIR``, else the nearest ``.nbtrack`` at or above the working folder
        (up to the root of the git repository), else ``.nbtrack`` in the working folder.

    Attributes
    ----------
    path : Path
    runs : Runs
        ``store.runs()`` is a table of the runs.
    blobs : Blobs
        Contents by their digest.

    Examples
    --------
    >>> store = Store("/tmp/example")
    >>> store.get(-1).series("loss")  # doctest: +SKIP
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        super().__init__(path)
        self.runs = Runs(self)

    def get(self, which: str | int = -1) -> StoredRun:
        """One run.

        Parameters
        ----------
        which : str or int
            An id, a name (the newest run of that name), the beginning of an id that no other id
            has, or a position in order of start: 0 is the oldest, -1 the newest.

        Raises
        ------
        RunNotFound
            If no run answers to it, or several ids begin with it.
        FormatTooNew
            If a newer nbtrack wrote the run.
        StoreError
            If its ``run.json`` is damaged.
        """
        run = StoredRun(self, self._find(which))
        run.info  # noqa: B018 - a run that cannot be read should say so here
        return run

    def _find(self, which: str | int) -> str:
        if isinstance(which, str) and _is_id(which) and self._has(which):
            return which
        rows = self.runs.rows()
        ids = [str(row["id"]) for row in rows]
        if isinstance(which, str):
            named = [str(row["id"]) for row in rows if row["name"] == which]
            if named:
                return named[0]
            started = [run_id for run_id in ids if which and run_id.startswith(which)]
            if len(started) == 1:
                return started[0]
            if not started and re.fullmatch(r"-?\d+", which):
                return self._find(int(which))
            raise RunNotFound(which, started or [*ids, *(str(row["name"]) for row in rows)])
        try:
            return ids[::-1][which]
        except IndexError:
            raise RunNotFound(which, ids) from None

    def _has(self, run_id: str) -> bool:
        return (self.run_folder(run_id) / FILE_NAME).is_file()

    def new_id(self) -> str:
        """An id that no run of this store has, and that no other process will be given.

        Its folder is made here, which only one process can do. If the store cannot be written, the
        id is random all the same, and `start` will say so.
        """
        while True:
            run_id = _random_id()
            try:
                self.runs_folder.mkdir(parents=True, exist_ok=True)
                self.run_folder(run_id).mkdir()
            except FileExistsError:
                if not self.runs_folder.is_dir():
                    return run_id  # a file is in the way of the store
                continue
            except OSError:
                return run_id
            return run_id

    def start(self, info: RunInfo) -> RunWriter:
        """Start a run.

        Parameters
        ----------
        info : RunInfo
            With an id from `new_id`. ``writer`` is filled in if it is empty.

        Returns
        -------
        RunWriter
            Also when the store cannot be written: it then counts the points that are lost.

        Raises
        ------
        FileExistsError
            If the store already has a run of that id.

        Warns
        -----
        RuntimeWarning
            If the store cannot be written.
        """
        if self._has(info.id):
            raise FileExistsError(f"run {info.id} is in {self.path} already: take a new_id()")
        writer = RunWriter(
            self.run_folder(info.id), replace(info, writer=info.writer or describe_writer())
        )
        writer.begin()
        return writer

    def resume(self, which: str | int, *, rank: int = 0) -> RunWriter:
        """Add to a run that another process writes, or that has ended.

        Returns
        -------
        RunWriter
            Its points go to files of their own. `RunWriter.finish` leaves the status as it is.

        Raises
        ------
        RunNotFound
            If no run answers to `which`.
        FormatTooNew
            If a newer nbtrack wrote the run.
        """
        folder = self.run_folder(self._find(which))
        return RunWriter(folder, read_info(folder), rank=rank, is_extra=True)

    def push(self, url: str, *runs: str | int, say: Callable[[str], None] = _unsaid) -> Moved:
        """Copy runs, and the blobs that they need, to another place.

        Parameters
        ----------
        url : str
            Of a folder or bucket, as fsspec takes it: ``file:///mnt/team``, ``s3://bucket/path``,
            ``sftp://host/path``. Credentials are those of the protocol's own settings and
            variables; nothing of them is stored.
        *runs : str or int
            As `get` takes them; all runs without any. One that is running is copied as it is now.
        say : callable
            Told in a line what is being done.

        Returns
        -------
        Moved
            What was transferred. What is there already is not sent again.

        Raises
        ------
        RunNotFound
            If no run answers to one of `runs`.
        StoreError
            If the URL cannot be read or written, or a package for its protocol is missing.
        """
        ids = [self._find(run) for run in runs] or [str(row["id"]) for row in self.runs.rows()]
        return push(self.runs_folder, self.blobs, ids, url, say)

    def pull(self, url: str, *runs: str, say: Callable[[str], None] = _unsaid) -> Moved:
        """Copy runs that were pushed, and the blobs that they need, into this store.

        Parameters
        ----------
        url : str
            As for `push`.
        *runs : str
            Ids, or the starts of some; all runs without any. One that is here and has ended is
            left as it is.

        Raises
        ------
        RunNotFound
            If no run there has that id.
        StoreError
            If there is no run, the URL cannot be read, or a file came damaged.
        BlobNotFound
            If a blob came damaged; what came before it is kept, and not asked for again.
        """
        return pull(self.runs_folder, self.blobs, runs, url, say)


def _random_id() -> str:
    # os.urandom, not random: the seeds of the user's program stay as they are
    first, *rest = os.urandom(_ID_LENGTH)
    return _LETTERS[first % 26] + "".join(_ALPHABET[byte % 36] for byte in rest)


def _is_id(text: str) -> bool:
    return bool(re.fullmatch(r"[a-z][0-9a-z]{5}", text))
