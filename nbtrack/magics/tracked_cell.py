"""One tracked execution of a cell, from its first line to its end.

It is started by a call that stands on its first line (`nbtrack.capture.transform`) and ended when
IPython reports the end of that cell.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from nbtrack.capture.session import Session
from nbtrack.records import Capture, CapturedCell, Cell, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbtrack.capture.interrupt import GracefulInterrupt
    from nbtrack.capture.outputs import OutputRecorder
    from nbtrack.doctor.watching import Watching
    from nbtrack.run import Run
    from nbtrack.views import LiveView


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
        self._doctor: Watching | None = None
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
            origin="--param",
            capture=self._capture(),
            notebook=self.session.notebook(),
            every=options.every,
            watch=options.watch,
            save_weights=options.save_weights,
            keep_data=options.keep_data,
            checkpoint_every=options.checkpoint_every,
            namespace=lambda: self.shell.user_ns,
        )
        self._call_doctor()
        self._outputs = OutputRecorder(self.shell, self.run.keep_output)
        self._interrupt = GracefulInterrupt(self._interrupted)
        self.session.at_end(self.end)
        if not options.no_live and getattr(self.shell, "kernel", None) is not None:
            self._show_view()
        self._outputs.open()
        self._interrupt.install()

    def _capture(self) -> Callable[[], Capture]:
        """What the run needs of its kernel; of a cell that IPython runs silently, its text."""
        if self.session.running is not None:
            return self.session.capture_here()
        cell = CapturedCell(cell=Cell(self.source), code=self.shell.transform_cell(self.source))
        return lambda: Capture(cells=(cell,), num_executed=1)

    def end(self, error: BaseException | None) -> None:
        """End the run as its cell ended; called when IPython reports the end of the cell."""
        from nbtrack.capture.ending import describe, status_after

        self._interrupt.remove()
        self._outputs.close()
        described = describe(error, self.filename)
        if described is not None:
            self.run.keep_output("error", described)
        self.run.finish(status_after(error), error=described)
        findings = None if self._doctor is None else self._doctor.finish()
        try:
            self._show_end(findings)
        except Exception as failure:  # a disk that fails has been told of; the run has ended well
            print(f"nbtrack: {self.run.name} {self.run.status}, {failure}", file=sys.stderr)

    def _call_doctor(self) -> None:
        try:
            from nbtrack.doctor import watch

            self._doctor = watch(self.run, lambda: self.shell.user_ns)
        except Exception as error:  # a doctor that cannot come must not cost a training
            print(f"nbtrack: no doctor ({type(error).__name__}: {error})", file=sys.stderr)

    def _show_end(self, findings: Sequence[Finding] | None) -> None:
        from nbtrack.views import summary_line

        if self.view is not None:
            self.view.finish()
        else:
            print(summary_line(self.run))
            for finding in findings or ():
                print(f"  {finding.severity}: {finding.title} ({finding.code}); see %doctor")

    def _show_view(self) -> None:
        from nbtrack.views import live

        try:
            self.view = live(self.run)
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
