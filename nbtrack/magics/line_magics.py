"""``%%track``, ``%runs``, ``%compare``, ``%doctor``, ``%reproduce``: read and answered."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class

from nbtrack.capture.passes import tell_passes
from nbtrack.capture.session import Session
from nbtrack.capture.transform import first_statement_is_track, show_typed_line
from nbtrack.magics.options import parse_reproduce, parse_track
from nbtrack.magics.tracked_cell import TrackedCell

if TYPE_CHECKING:
    from nbtrack.doctor import Diagnosis
    from nbtrack.evaluate import Comparison
    from nbtrack.records import Reproduction
    from nbtrack.views import RunsTable, RunsView


class Watch(ast.NodeTransformer):
    """Lets the loops of a tracked cell say what they assign; leaves any other cell alone."""

    def __init__(self, magics: TrackMagics) -> None:
        self._magics = magics

    def visit(self, tree: Any) -> Any:
        """Take the whole tree of a cell, as IPython's ``transform_ast`` gives it."""
        line = first_statement_is_track(tree) if isinstance(tree, ast.Module) else None
        if line is None and not self._magics.is_tracking:
            return tree
        from nbtrack.instruments import ScalarWatcher

        try:
            options = None if line is None else parse_track(line)
            if options is not None:
                _tell_passes(tree, options.checkpoint_every)
            watch = self._magics.watch if options is None else options.watch
            return ScalarWatcher(watch).visit(tree)
        except Exception:  # a wrong option is reported when the line runs
            return tree


def _tell_passes(tree: ast.Module, every: int | None) -> None:
    """Let the cell's own loops tell of their passes; of a run that goes on, from its loop on."""
    from nbtrack.versioning.repeating.checkpoints import resumed

    going_on = resumed()
    if going_on is None and every is None:
        return
    num_loops = tell_passes(tree, None if going_on is None else going_on.loop)
    if every is not None and not num_loops:
        print(
            "nbtrack: no checkpoint is kept: the cell has no loop of its own, outside of functions",
            file=sys.stderr,
        )


@magics_class
class TrackMagics(Magics):  # type: ignore[misc]
    """The magics of ``%load_ext nbtrack``."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.session = Session(shell)
        self._tracked: list[TrackedCell] = []
        self.watcher = Watch(self)

    @property
    def is_tracking(self) -> bool:
        """Whether a tracked cell is executing now."""
        return any(tracked.run.is_active for tracked in self._tracked)

    @property
    def watch(self) -> list[str] | None:
        """The names that the innermost tracked cell is to watch; None for all."""
        return self._tracked[-1].options.watch if self._tracked else None

    @line_cell_magic
    def track(self, line: str, cell: str | None = None) -> None:
        """Track this cell as a run: code, loss, learning rate, norms, speed, output, and its end.

        ::

            %%track [NAME] [--seed N] [--deterministic] [--tag T]... [--param K=V]...
                    [--watch A,B] [--every N] [--note TEXT] [--save-weights] [--keep-data]
                    [--checkpoint-every N] [--allow CODE]... [--no-live]

        NAME             a label; {name} fills in the value of a variable
        --seed N         seed Python, NumPy and torch first
        --deterministic  with --seed: only deterministic algorithms of torch
        --tag T          a label to find the run by; may be repeated
        --param K=V      keep a parameter with the run; may be repeated
        --watch A,B      keep only these names that the cell's loops assign (all without it)
        --every N        per-parameter norms at every N-th step (by a time budget without it)
        --note TEXT      a sentence to keep with the run
        --keep-data      keep files that went in also over 16 MiB, each content once
        --save-weights   keep what was trained and the cell's variables, for `run.restore()`
        --checkpoint-every N
                         keep all state before every N-th pass of the cell's own loops, for
                         `nbtrack.resume(run)`
        --allow CODE     what the doctor would find under this code is intended; may be repeated
        --no-live        a line of text at the end in place of the live view

        The first interrupt stops after the present step, the second at once.
        """
        if cell is not None:  # called as a function: let it run as a cell of its own
            self.shell.run_cell(f"%%track {line}\n{cell}").raise_error()
            return
        tracked = TrackedCell(self.shell, self.session, parse_track(line))
        frame: Any = sys._getframe(1)
        while frame is not None and frame.f_globals is not self.shell.user_ns:
            frame = frame.f_back
        if frame is not None:
            tracked.filename = frame.f_code.co_filename
            tracked.source = show_typed_line(frame.f_code.co_filename, line)
        self._tracked = [other for other in self._tracked if other.run.is_active]
        try:
            tracked.start()
        except Exception as error:  # ours, not the person's: their cell runs all the same
            print(f"nbtrack: not tracked, {type(error).__name__}: {error}", file=sys.stderr)
        else:
            self._tracked.append(tracked)

    @line_magic
    def runs(self, line: str) -> RunsTable | RunsView:
        """List the runs, newest first: ``%runs [QUERY] [--no-widget]``, as in ``%runs lr < 0.01``.

        In a notebook it can be filtered, sorted, edited and chosen from; with ``--no-widget``,
        or in a terminal, it is the plain one.
        """
        from nbtrack.errors import QueryError
        from nbtrack.store import Store
        from nbtrack.views import RunsTable, RunsView, live

        words = [word for word in line.split() if word != "--no-widget"]
        query = " ".join(words) or None
        has_page = hasattr(self.shell, "kernel") and words == line.split()
        store = Store()
        try:
            if not has_page:
                return RunsTable(store, query)
            return RunsView(store, query, {"open": lambda run: live(store.get(run)).widget})
        except QueryError as error:
            raise IPythonUsageError(str(error)) from None

    @line_magic
    def compare(self, line: str) -> Comparison:
        """Hold runs against each other: ``%compare [RUN... | QUERY]``.

        As in ``%compare lr < 0.01 and tag:baseline`` or ``%compare k2v q9d``. A run is an id, the
        start of one, a name (all runs of it) or a position (-1). Without any: all runs of the
        newest run's notebook.
        """
        from nbtrack.errors import NbtrackError
        from nbtrack.evaluate import compare
        from nbtrack.magics.options import parse_compare

        try:
            return compare(*parse_compare(line))
        except NbtrackError as error:
            raise IPythonUsageError(str(error)) from None

    @line_magic
    def doctor(self, line: str) -> Diagnosis:
        """Say what is probably wrong with a training: ``%doctor [RUN]``, the newest without it."""
        from nbtrack.doctor import diagnose
        from nbtrack.errors import NbtrackError

        which = line.strip() or "-1"
        try:
            return diagnose(int(which) if which.lstrip("-").isdigit() else which)
        except NbtrackError as error:
            raise IPythonUsageError(str(error)) from None

    @line_magic
    def reproduce(self, line: str) -> Reproduction:
        """Run a run again in a fresh kernel and say whether the result is the same.

        ::

            %reproduce RUN [--with K=V]... [--steps N] [--env] [--folder F]

        RUN          an id, the start of one, a name, a position (-1), or the file of a bundle
        --with K=V   with one parameter changed, as in --with lr=0.01; may be repeated
        --steps N    only the first N optimizer steps
        --env        make a virtual environment from the lock file first
        --folder F   where to put the notebook, the script and the data
        """
        from nbtrack.errors import NbtrackError
        from nbtrack.versioning.repeating.reproduce import reproduce

        options = parse_reproduce(line)
        which = int(options.run) if options.run.lstrip("-").isdigit() else options.run
        try:
            return reproduce(
                which,
                steps=options.steps,
                changes=dict(options.changes),
                env=options.env,
                folder=options.folder,
            )
        except NbtrackError as error:
            raise IPythonUsageError(str(error)) from None
