"""All the state of a run between two passes of its loop, and going on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from nbtrack.capture.witnessing.randomness import pack, read_random, restore_random, unpack
from nbtrack.errors import NotReproducible
from nbtrack.store import Blobs, StoredRun
from nbtrack.versioning.contents.state import give_back_state, keep_state
from nbtrack.versioning.find_run import find_run
from nbtrack.versioning.replay_file import read_replay


@dataclass(frozen=True)
class Resumed:
    """From where a run goes on.

    Attributes
    ----------
    run : StoredRun
        The run that was stopped, or simply is to be gone on with.
    checkpoint : mapping
        ``loop``, ``index``, ``step``, ``time_s``, and the digests of its state.
    """

    run: StoredRun
    checkpoint: Mapping[str, Any]

    @property
    def loop(self) -> int:
        """The number of the loop in its cell."""
        return int(self.checkpoint["loop"])

    @property
    def step(self) -> int:
        """Optimizer steps completed before."""
        return int(self.checkpoint["step"])


_pending: Resumed | None = None  # what the next tracked cell goes on with


def resumed() -> Resumed | None:
    """What the tracked cell that is being executed goes on with; None for a run from the start."""
    return _pending


class Checkpoints:
    """Keeps the state before every N-th pass of a cell's outermost loops.

    Parameters
    ----------
    blobs : Blobs
    every : int or None
        Passes from one checkpoint to the next; None keeps none.
    names : callable
        Gives the names that the cell reads or binds.
    namespace : callable
        Gives the notebook's names.
    at : callable
        Gives the optimizer steps completed, and the run's time in seconds.
    keep : callable
        Told of each checkpoint.
    """

    def __init__(
        self,
        blobs: Blobs,
        every: int | None,
        names: Callable[[], Iterable[str]],
        namespace: Callable[[], MutableMapping[str, Any]],
        at: Callable[[], tuple[int, float]],
        keep: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._blobs = blobs
        self._every = every
        self._names = names
        self._namespace = namespace
        self._at = at
        self._keep = keep
        self._from = _pending
        self._at_entry: dict[int, str] = {}

    def entering(self, loop: int) -> int:
        """A loop begins; the one to go on with begins with the random state that it had."""
        going_on = self._goes_on(loop)
        if going_on:
            self._restore(going_on.checkpoint["random_at_loop"])
        self._at_entry[loop] = self._random()
        return int(going_on.checkpoint["index"]) if going_on else 0

    def beginning(self, loop: int, index: int) -> None:
        """A pass begins."""
        going_on = self._goes_on(loop)
        if going_on and index == going_on.checkpoint["index"]:
            self._from = None
            self._restore(going_on.checkpoint["random"])
        elif self._every and index and index % self._every == 0:
            self._take(loop, index)

    def _goes_on(self, loop: int) -> Resumed | None:
        return self._from if self._from is not None and self._from.loop == loop else None

    def _take(self, loop: int, index: int) -> None:
        namespace = self._namespace()
        random = self._random()
        values = {name: namespace[name] for name in self._names() if name in namespace}
        step, time_s = self._at()
        self._keep(
            {
                "loop": loop,
                "index": index,
                "step": step,
                "time_s": time_s,
                "random_at_loop": self._at_entry[loop],
                "random": random,
                "state": keep_state(self._blobs, values),
            }
        )

    def _random(self) -> str:
        return self._blobs.put(pack(read_random(self._namespace())))

    def _restore(self, digest: str) -> None:
        restore_random(unpack(self._blobs.get(digest)), self._namespace())


def resume(run: Any, from_step: int | None = None, *, store: Any = None) -> StoredRun:
    """Go on with a run from a checkpoint, as if it had never stopped.

    Parameters
    ----------
    run : run, id, start of an id, name or position
        A run of ``%%track --checkpoint-every N``.
    from_step : int, optional
        Go on from the last checkpoint at or before this optimizer step; the last one without it.
    store : Store or path, optional
        The store that holds the run, when `run` is not a run object.

    Returns
    -------
    StoredRun
        A new run with the points from before the checkpoint too. The variables of the notebook are
        what they would be had the first run not stopped, and so are the weights, bit for bit.

    Raises
    ------
    RunNotFound
        (a LookupError) if there is no such run.
    NotReproducible
        (a ValueError) if it has no checkpoint at or before that step, or this is no notebook.
    BlobNotFound
        If the store has lost a part of the checkpoint.

    Notes
    -----
    What the cell needs is put into this notebook's names, and the cell executed from its loop on.
    A gradient that was accumulated before the checkpoint and not yet used is not kept.
    """
    from IPython import get_ipython

    global _pending
    shell = get_ipython()
    if shell is None or getattr(shell, "_nbtrack", None) is None:
        raise NotReproducible("resume goes on in a notebook: `%load_ext nbtrack` in one first")
    found = find_run(run, store)
    replay = read_replay(found.path)
    taken = [
        each
        for each in replay.get("checkpoints") or ()
        if from_step is None or each["step"] <= from_step
    ]
    if not taken:
        before = "" if from_step is None else f" at or before step {from_step}"
        raise NotReproducible(
            f"run {found.id} has no checkpoint{before}: write %%track --checkpoint-every N, with "
            "the loop at the top level of the cell, not inside a function"
        )
    give_back_state(found.store.blobs, taken[-1]["state"], namespace=shell.user_ns)
    _pending = Resumed(found, taken[-1])
    try:
        shell.run_cell(found.cells[-1].source, store_history=True).raise_error()
    finally:
        _pending = None
    return found.store.get(-1)  # type: ignore[attr-defined, no-any-return]
