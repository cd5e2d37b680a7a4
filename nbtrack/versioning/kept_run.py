"""`KeptRun`: a run read back with what repeats it: its script, notebook, snapshot and state."""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from nbtrack.capture.witnessing.randomness import restore_random, unpack
from nbtrack.errors import NotReproducible
from nbtrack.records import Snapshot
from nbtrack.store import StoredRun
from nbtrack.versioning.contents.state import give_back_state
from nbtrack.versioning.replay_file import read_replay
from nbtrack.versioning.script import notebook_of, script_of
from nbtrack.versioning.snapshot import read_snapshot

if TYPE_CHECKING:
    from nbformat import NotebookNode


class KeptRun(StoredRun):
    """The reading side of a run, with all that is kept to give it back."""

    @property
    def replay(self) -> Mapping[str, Any]:
        """What ``replay.json`` holds: cells, random states, files, data, weights, environment.

        Raises
        ------
        FormatTooNew
            If a newer nbtrack wrote it.
        StoreError
            If it is damaged.
        """
        return read_replay(self.path)

    @property
    def snapshot(self) -> Snapshot | None:
        """What the run was made of, as a value; None until it has ended.

        Raises
        ------
        BlobNotFound
            If the store has lost it.
        """
        digest = self.info.snapshot
        return None if digest is None else read_snapshot(self.store.blobs, digest)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Why the notebook, run from the top, would not give this run; empty when it would."""
        return self.info.hidden

    def script(self) -> str:
        """The cells that the run needs, as a runnable script.

        Returns
        -------
        str
            Plain Python; see `nbtrack.versioning.script_of`.

        Raises
        ------
        BlobNotFound
            If the store has lost a random state of the run.
        """
        return script_of(self.info, self._cells(), self.store.blobs.get, self._num_own)

    def notebook(self) -> NotebookNode:
        """The cells that the run needs, as a notebook.

        Returns
        -------
        NotebookNode
            For ``nbformat.write(run.notebook(), "again.ipynb")``.

        Raises
        ------
        BlobNotFound
            If the store has lost a random state of the run.
        """
        return notebook_of(self.info, self._cells(), self.store.blobs.get, self._num_own)

    def restore(self, namespace: MutableMapping[str, Any] | None = None) -> list[str]:
        """Put the run's variables, models, optimizers and random state into this kernel.

        Parameters
        ----------
        namespace : mapping, optional
            Where to put the variables; the notebook's own names without it.

        Returns
        -------
        list of str
            The names that were set. What could not be kept at the time (open files, generators) is
            named in ``run.replay["state"]["left_out"]``.

        Raises
        ------
        NotReproducible
            (a ValueError) if the run kept no variables: it was not started with ``--save-weights``.
        BlobNotFound
            If the store has lost a part of them.

        Notes
        -----
        Tensors come back on their device where it exists, on the CPU otherwise; names that share
        an object share it again, so that the optimizer steps the model that is restored.
        """
        replay = self.replay
        if not replay.get("state"):
            raise NotReproducible(
                f"run {self.id} kept the digests of its weights, not the weights: write "
                f"%%track --save-weights, or get them again with nbtrack.reproduce({self.id!r})"
            )
        target = _names_of_notebook() if namespace is None else namespace
        values = give_back_state(self.store.blobs, replay["state"], namespace=target)
        if replay.get("random_at_end"):
            restore_random(unpack(self.store.blobs.get(replay["random_at_end"])), target)
        return sorted(values)

    @property
    def _num_own(self) -> int:
        return int(self.replay.get("num_own", 1))

    def _cells(self) -> list[Mapping[str, Any]]:
        """The slice as ``replay.json`` has it; of a run without one, what ``run.json`` has."""
        cells = self.replay.get("cells")
        if cells:
            return list(cells)
        return [{"source": cell.source, "count": cell.count} for cell in self.info.cells]


def _names_of_notebook() -> MutableMapping[str, Any]:
    """The names of the notebook that calls; of the main module outside of IPython."""
    from IPython import get_ipython

    shell = get_ipython()
    names: MutableMapping[str, Any] = (
        vars(sys.modules["__main__"]) if shell is None else shell.user_ns
    )
    return names
