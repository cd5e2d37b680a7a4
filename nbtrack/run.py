"""The life of a run: start, log, save, note, finish, and which run is the active one.

The rule for nested and concurrent runs, in one place: every start makes a new run and nothing is
ever "already active". What is logged or measured goes to the innermost active run of the calling
context (thread or task); a context that has started none, such as a plain worker thread, uses the
newest active run of the process.
"""

from __future__ import annotations

import atexit
import builtins
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from nbtrack.capture.ending import describe, status_after
from nbtrack.capture.parameters.hyperparameters import default_name
from nbtrack.capture.seeds import set_seed
from nbtrack.capture.session import capture_here, names_here
from nbtrack.errors import NoActiveRun, RunStopped
from nbtrack.evaluate.predictions import PredictingRun
from nbtrack.instruments import Panel, install_route
from nbtrack.instruments.pulse import Pulse, guarded
from nbtrack.records import Capture, RunInfo, Status
from nbtrack.store import RunWriter, Store
from nbtrack.store.edits import with_edits
from nbtrack.store.objects import keep
from nbtrack.versioning import Keeper, changed_since_previous, replaying

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd

_live: list[Run] = []  # active runs of this process, in the order of their start
_stack: ContextVar[tuple[Run, ...]] = ContextVar("nbtrack_runs", default=())


class Run(PredictingRun):
    """One run: written to while it is active, read at any time.

    Made by `nbtrack.start`, ``%%track`` and `nbtrack.get`. A context manager that finishes the run.
    """

    def __init__(self, store: Store, run_id: str, writer: RunWriter | None = None) -> None:
        super().__init__(store, run_id)
        self._house = store
        self._writer = writer
        self._is_ours = writer is not None
        self._panel: Panel | None = None
        self._keeper: Keeper | None = None
        self._stop_requested = False
        self._last_step = replaying.last_step() if writer is not None else None
        self._beats = 0
        self._lock = threading.RLock()
        self._owner_pid = os.getpid()

    @property
    def info(self) -> RunInfo:
        """What ``run.json`` holds; in the process that writes it, also when no disk takes it."""
        writer = self._writer if self._is_ours else None
        return with_edits(self.path, writer.info) if writer else super().info

    @property
    def is_active(self) -> bool:
        """Whether this process is still writing the run."""
        return self in _live and self._owner_pid == os.getpid()

    def log(
        self, values: Mapping[str, Any] | None = None, step: int | None = None, **more: Any
    ) -> None:
        """Keep one point per value; on its way to the disk when this returns.

        Parameters
        ----------
        values : mapping of str to number
            Python and NumPy numbers, bools, 0-d and 1-element arrays and tensors on any device
            (copied without waiting, written on arrival with the step and time of this call);
            nested mappings become keys with a slash.
        step : int, optional
            Any whole number, also repeated or going back. Without it: the optimizer step that
            the training is in; where no optimizer runs, a count that goes up whenever a key of
            this call has been logged at the present count.
        **more : number
            Further values, as keywords.

        Raises
        ------
        ValueNotLoggable
            (a TypeError) naming the key and type, after all other values have been kept.

        Notes
        -----
        One ``write``: ``kill -9`` loses nothing. Logging to a run that has finished adds to it.
        """
        if more:
            values = {**(values or {}), **more}
        if step is None and self._panel is not None and self._panel.num_steps:
            step = self._panel.step
        self._writing().log(values or {}, step)

    def note(self, text: str) -> None:
        """Add a sentence to the run, with no limit on how many."""
        self._writing().update(notes=(*self.info.notes, str(text)))

    def keep_output(self, kind: str, data: Mapping[str, Any]) -> None:
        """Keep something that was shown; numbers printed in a loop become points too."""
        self._writing().output(kind, data)
        if kind == "stdout" and self._panel is not None:
            self._panel.printed(data["text"])

    def save(self, name: str, obj_or_path: Any) -> str:
        """Keep an object, or the file at a `pathlib.Path`, under a name to `load` it by.

        Returns
        -------
        str
            The BLAKE3 digest of its content; the same content is stored once, and of several
            things saved under one name the newest wins.

        Raises
        ------
        FileNotFoundError
            If a path is given and there is no such file.
        """
        kept = keep(self._house.blobs, obj_or_path)
        self._writing().update(saved={**self.info.saved, name: kept})
        return str(kept["digest"])

    def finish(self, status: Status = "done", *, error: Mapping[str, Any] | None = None) -> None:
        """End the run: last readings, pending tensors, totals. Again has no effect.

        Parameters
        ----------
        status : str
            ``done``, which becomes ``incomplete`` where points were lost, ``failed``,
            ``interrupted`` or ``stopped``.
        error : mapping, optional
            ``{"name", "message", "traceback", "line"}`` of what ended it.
        """
        with self._lock:  # not while the pulse is reading this run
            if not self.is_active:
                return
            writer, panel, keeper = self._writing(), self._panel, self._keeper
            measured: dict[str, Any] = {}
            if panel is not None:
                trained = panel.trained()
                guarded(panel.stop)
                measured = {"readings": dict(panel.readings), "steps": panel.num_steps or None}
                measured["expected"] = panel.expected
            _live.remove(self)
            writer.finish(status, error=error, **measured)
        if keeper is not None and panel is not None:
            writer.update(**keeper.end(trained, panel.order))
        writer.update(changed=changed_since_previous(self._house, writer.info))
        replaying.finished(self.id)

    def request_stop(self) -> bool:
        """Ask the training to stop after its present step, from any thread; False without one."""
        panel = self._panel
        if not self.is_active or panel is None or not panel.num_steps:
            return False
        self._stop_requested = True
        return True

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.finish(status_after(error), error=describe(error))

    def _writing(self) -> RunWriter:
        if self._writer is None:
            self._writer = self._house.resume(self.id)
        return self._writer

    def _after_step(self, step: int) -> None:
        if self._stop_requested or step == self._last_step:
            self._stop_requested = False
            raise RunStopped(step)

    def _measure(self, panel: Panel) -> None:
        self._panel = panel
        panel.on_step = self._after_step
        panel.start()

    def _beat(self) -> None:
        """A quarter of a second in the life of the run, on the pulse's thread."""
        with self._lock:
            if not self.is_active:
                return
            writer, panel = self._writing(), self._panel
            writer.drain()
            if self._beats % 8 == 0:
                writer.beat()
            if panel is not None and self._beats % 4 == 0:
                panel.pulse()
                if panel.expected != writer.info.expected:
                    writer.update(expected=panel.expected)
        if self._beats == 0:  # runs of processes that were killed are found at the next start
            self._house.runs.mark_lost()
        self._beats += 1


def start(
    name: str | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    seed: int | None = None,
    tags: Iterable[str] = (),
    store: Store | str | os.PathLike[str] | None = None,
) -> Run:
    """Start a run: from here on, what is logged and every training step belongs to it.

    Parameters
    ----------
    name : str, optional
        A label, need not be unique; the notebook's or script's name without one.
    params : mapping, optional
        Hyper-parameters to keep with the run.
    seed : int, optional
        Passed to `nbtrack.set_seed` first.
    tags : iterable of str, optional
        Labels to find the run by.
    store : Store or path, optional
        Where to keep it; see `nbtrack.Store` for the default.

    Returns
    -------
    Run
        Also a context manager.

    Raises
    ------
    ValueError
        If the seed is out of range.

    Examples
    --------
    >>> import nbtrack
    >>> with nbtrack.start("line", params={"lr": 0.1}) as run:
    ...     for k in range(3):
    ...         run.log({"loss": 1 / (k + 1)})
    >>> run.status, len(run.series("loss"))
    ('done', 3)
    """
    return begin(name, params=params, seed=seed, tags=tags, store=store)


def begin(
    name: str | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    seed: int | None = None,
    deterministic: bool = False,
    tags: Iterable[str] = (),
    notes: Iterable[str] = (),
    store: Store | str | os.PathLike[str] | None = None,
    origin: str = "start(params=)",
    capture: Callable[[], Capture] | None = None,
    notebook: str | None = None,
    every: int | None = None,
    watch: Sequence[str] | None = None,
    save_weights: bool = False,
    keep_data: bool = False,
    checkpoint_every: int | None = None,
    namespace: Callable[[], Mapping[str, Any]] = dict,
) -> Run:
    """What `start` does, with all that a tracked cell knows besides."""
    capture = capture or capture_here()
    if seed is not None:
        set_seed(seed, deterministic)
    house = store if isinstance(store, Store) else Store(store)
    run_id = house.new_id()
    folder = house.run_folder(run_id)
    keeper = Keeper(
        house, folder, capture, params or {}, origin, names_here, save_weights, checkpoint_every
    )
    info = keeper.info(
        id=run_id,
        name=name or default_name(notebook),
        tags=tuple(dict.fromkeys(str(tag) for tag in tags)),
        notes=tuple(notes),
        seed=seed,
        notebook=notebook,
    )
    run = Run(house, info.id, house.start(info))
    run._keeper, keeper.keeps_data = keeper, keep_data
    _live.append(run)
    _stack.set((*(other for other in _stack.get() if other.is_active), run))
    writer = run._writing()
    panel = Panel(
        writer.emit,
        writer.now,
        emit_all=writer.emit_all,
        every=every,
        watch=watch,
        namespace=namespace,
        warn=lambda text: warnings.warn(text, RuntimeWarning, stacklevel=2),
        event=lambda text: writer.output("event", {"text": text}),
        first_step=keeper.first_step,
        first_epoch=keeper.first_epoch,
    )
    run._measure(panel)
    keeper.start(lambda: (panel.num_steps, writer.now() - info.started_s), run.finish)
    _pulse.ensure()
    return run


def active() -> Run | None:
    """The run that a value logged here and now belongs to, by the rule of this module."""
    if len(_live) < 2:  # asked several times a step
        return _live[0] if _live else None
    for run in reversed(_stack.get()):
        if run.is_active:
            return run
    return _live[-1]


def log(values: Mapping[str, Any] | None = None, *, step: int | None = None, **more: Any) -> None:
    """Log to the active run; see `Run.log`.

    Raises
    ------
    NoActiveRun
        If no run is active in this process.
    ValueNotLoggable
        If a value is not one number; the rest of the call was kept.
    """
    run = active()
    if run is None:
        raise NoActiveRun(
            "no run is active, so there is nowhere to log to: put %%track on the first line of "
            "the cell, or write `with nbtrack.start():` around the training"
        )
    run.log(values, step, **more)


def get(which: str | int = -1) -> Run:
    """One run of the default store, found as `nbtrack.Store.get` finds it.

    Raises
    ------
    RunNotFound
        (a LookupError) with the nearest ids and names.
    """
    store = Store()
    run_id = store.get(which).id
    for run in _live:
        if run.id == run_id and run.store.path == store.path:
            return run
    return Run(store, run_id)


def runs(query: str | None = None) -> pd.DataFrame:
    """All runs of the default store as a DataFrame, newest first; see `nbtrack.Store.runs`.

    Raises
    ------
    QueryError
        (a ValueError) that underlines the word it cannot read.
    """
    return Store().runs(query)


def _beat(_: int) -> bool:
    """A quarter of a second in the life of all active runs of this process."""
    for run in list(_live):
        guarded(run._beat)
    return bool(_live)


def _active_panel() -> Panel | None:
    run = active()
    return None if run is None else run._panel


def _end_of_process() -> None:
    """Runs that nobody finished: failed if the interpreter is leaving on an exception."""
    # IPython sets last_value for any cell that ever failed; in a script it is the end itself.
    error = None if hasattr(builtins, "__IPYTHON__") else getattr(sys, "last_value", None)
    for run in list(_live):
        if run.is_active:
            run.finish(status_after(error), error=describe(error))


_pulse = Pulse(_beat, every_s=0.25)
install_route(_active_panel)
atexit.register(_end_of_process)
