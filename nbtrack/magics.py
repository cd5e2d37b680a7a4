"""The magics: ``%%track`` and ``%runs``. Parsing of their lines, and the thread through the rooms.

A tracked cell is started by a call that stands on its first line (`nbtrack.capture.transform`)
and ended when IPython reports the end of that cell.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import shlex
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class

from nbtrack.capture.session import Session
from nbtrack.capture.transform import first_statement_is_track, show_typed_line, track_transformer
from nbtrack.records import Cell

if TYPE_CHECKING:
    from nbtrack.capture.interrupt import GracefulInterrupt
    from nbtrack.capture.outputs import OutputRecorder
    from nbtrack.run import Run
    from nbtrack.views import LiveView, RunsTable

TRACK_USAGE = (
    "%%track [NAME] [--seed N] [--deterministic] [--tag T]... [--param K=V]... [--watch A,B] "
    "[--every N] [--note TEXT] [--no-live]"
)
_OPTIONS = ["--seed", "--deterministic", "--tag", "--param", "--watch", "--every", "--note"]


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line in the notebook and never leave Python."""

    def error(self, message: str) -> NoReturn:
        raise IPythonUsageError(f"%%track: {message}. Usage: {TRACK_USAGE}")


def _whole(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 2**32 - 1")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def parse_track(line: str) -> argparse.Namespace:
    """The options of a ``%%track`` line.

    Raises
    ------
    IPython.core.error.UsageError
        One line that names the fault and shows the usage.
    """
    parser = _Parser(prog="%%track", add_help=False, allow_abbrev=False)
    parser.add_argument("name", nargs="?")
    parser.add_argument("--seed", type=_whole)
    parser.add_argument("--deterministic", action="store_true")
    parser.add_argument("--tag", action="append", default=[])
    parser.add_argument("--param", action="append", default=[], type=_pair)
    parser.add_argument("--watch", type=lambda text: [n.strip() for n in text.split(",")])
    parser.add_argument("--every", type=_positive)
    parser.add_argument("--note")
    parser.add_argument("--no-live", action="store_true")
    try:
        words = shlex.split(line)
    except ValueError as error:
        parser.error(f"{error} in {line!r}")
    known, unknown = parser.parse_known_args(words)
    if unknown:
        near = difflib.get_close_matches(unknown[0], [*_OPTIONS, "--no-live"], n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        parser.error(f"cannot read {unknown[0]!r}{hint}")
    if known.deterministic and known.seed is None:
        parser.error("--deterministic needs --seed N: without a seed nothing is repeated")
    return known


class TrackedCell:
    """One tracked execution of a cell: its run, its view, and what listens while it executes."""

    def __init__(self, shell: Any, session: Session, options: argparse.Namespace) -> None:
        self.shell = shell
        self.session = session
        self.options = options
        self.filename: str | None = None
        self.source = ""  # where IPython does not tell the cell as typed
        self.run: Run
        self.view: LiveView | None = None
        self._outputs: OutputRecorder
        self._interrupt: GracefulInterrupt

    def start(self) -> None:
        """Start the run and everything that listens; called by the cell's first line."""
        from nbtrack.capture.interrupt import GracefulInterrupt
        from nbtrack.capture.outputs import OutputRecorder
        from nbtrack.run import begin

        options = self.options
        self.run = begin(
            options.name,
            params=dict(options.param),
            seed=options.seed,
            deterministic=options.deterministic,
            tags=options.tag,
            notes=[options.note] if options.note else (),
            cells=[self.session.cell() if self.session.running else Cell(self.source)],
            notebook=self.session.notebook(),
            every=options.every,
            watch=options.watch,
            namespace=lambda: self.shell.user_ns,
        )
        self._outputs = OutputRecorder(self.shell, self.run.keep_output)
        self._interrupt = GracefulInterrupt(self._interrupted)
        self.session.at_end(self.end)
        if not options.no_live and getattr(self.shell, "kernel", None) is not None:
            self._show_view()
        self._outputs.open()
        self._interrupt.install()

    def end(self, error: BaseException | None) -> None:
        """End the run as its cell ended; called when IPython reports the end of the cell."""
        from nbtrack.capture.ending import describe, status_after

        self._interrupt.remove()
        self._outputs.close()
        described = describe(error, self.filename)
        if described is not None:
            self.run.keep_output("error", described)
        self.run.finish(status_after(error), error=described)
        try:
            self._show_end()
        except Exception as failure:  # a disk that fails has been told of; the run has ended well
            print(f"nbtrack: {self.run.name} {self.run.status}, {failure}", file=sys.stderr)

    def _show_end(self) -> None:
        from nbtrack.views import summary_line

        if self.view is not None:
            self.view.finish()
        else:
            print(summary_line(self.run))

    def _show_view(self) -> None:
        from nbtrack.views import live

        try:
            self.view = live(self.run, on_stop=self.run.request_stop)
            self.view.display()
        except Exception as error:  # a view that cannot be drawn must not cost a training
            self.view = None
            print(f"nbtrack: no live view ({type(error).__name__}: {error})", file=sys.stderr)

    def _interrupted(self) -> bool:
        taken = self.run.request_stop()
        if taken:
            print(
                "nbtrack: stopping after this step; interrupt again to stop at once",
                file=sys.stderr,
            )
        return taken


class _Watch(ast.NodeTransformer):
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
            watch = parse_track(line).watch if line is not None else self._magics.watch
            return ScalarWatcher(watch).visit(tree)
        except Exception:  # a wrong option is reported when the line runs
            return tree


@magics_class
class TrackMagics(Magics):  # type: ignore[misc]
    """The magics of ``%load_ext nbtrack``."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.session = Session(shell)
        self._tracked: list[TrackedCell] = []
        self.watcher = _Watch(self)

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
                    [--watch A,B] [--every N] [--note TEXT] [--no-live]

        NAME             a label; {name} fills in the value of a variable
        --seed N         seed Python, NumPy and torch first
        --deterministic  with --seed: only deterministic algorithms of torch
        --tag T          a label to find the run by; may be repeated
        --param K=V      keep a parameter with the run; may be repeated
        --watch A,B      keep only these names that the cell's loops assign (all without it)
        --every N        per-parameter norms at every N-th step (by a time budget without it)
        --note TEXT      a sentence to keep with the run
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
    def runs(self, line: str) -> RunsTable:
        """List the runs, newest first: ``%runs [QUERY]``, as in ``%runs lr < 0.01``."""
        from nbtrack.errors import QueryError
        from nbtrack.store import Store
        from nbtrack.views import RunsTable

        try:
            return RunsTable(Store(), line.strip() or None)
        except QueryError as error:
            raise IPythonUsageError(str(error)) from None


def load(shell: Any) -> None:
    """Register the magics and the listeners with a shell; again has no effect."""
    if getattr(shell, "_nbtrack", None) is not None:
        return
    magics = TrackMagics(shell)
    shell._nbtrack = magics
    shell.register_magics(magics)
    shell.input_transformers_cleanup.append(track_transformer)
    shell.ast_transformers.append(magics.watcher)


def unload(shell: Any) -> None:
    """Take out of a shell what `load` put there."""
    magics = getattr(shell, "_nbtrack", None)
    if magics is None:
        return
    shell._nbtrack = None
    magics.session.close()
    shell.input_transformers_cleanup.remove(track_transformer)
    shell.ast_transformers.remove(magics.watcher)
    for kind, names in (("cell", ["track"]), ("line", ["track", "runs"])):
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
