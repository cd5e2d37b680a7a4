"""The cells that this kernel is executing, and where they come from.

IPython tells when a cell starts and ends. Cells nest (``%%capture`` runs its body as a cell of its
own), so they are kept on a stack and matched by the identity of IPython's record, never by text.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

from nbtrack.capture.cell_log import CellLog
from nbtrack.records import Capture, CapturedCell, Cell

Ending = Callable[[BaseException | None], None]

_sessions: list[Session] = []
Tell = Callable[[bool], bool]


class RunningCell:
    """One cell while it executes.

    Attributes
    ----------
    info : IPython.core.interactiveshell.ExecutionInfo
        IPython's own record of the execution.
    at_end : list of callable
        Called when the cell has ended, newest first, with the exception that ended it or None.
    """

    def __init__(self, info: Any) -> None:
        self.info = info
        self.at_end: list[Ending] = []
        self.inner_error: BaseException | None = None

    def end(self, error: BaseException | None) -> None:
        """Tell everyone who waits for the end of this cell."""
        while self.at_end:
            self.at_end.pop()(error)


class Session:
    """The kernel's cells, from the moment that nbtrack is loaded into it.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell

    Attributes
    ----------
    log : CellLog
        Every cell that was executed, with what it read and changed.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self._running: list[RunningCell] = []
        self._followers: list[Tell] = []
        self.log = CellLog(lambda: shell.user_ns, shell.transform_cell)
        self._adopt()
        _sessions.append(self)
        shell.events.register("pre_run_cell", self._cell_starts)
        shell.events.register("post_run_cell", self._cell_ended)

    def close(self) -> None:
        """Stop to listen."""
        _sessions.remove(self)
        self.shell.events.unregister("pre_run_cell", self._cell_starts)
        self.shell.events.unregister("post_run_cell", self._cell_ended)

    @property
    def running(self) -> RunningCell | None:
        """The innermost cell that is executing; None when nothing is."""
        return self._running[-1] if self._running else None

    def at_end(self, tell: Ending) -> None:
        """Have `tell` called when the innermost executing cell has ended.

        IPython tells of a silent cell (``ipython FILE.ipynb``, ``%run FILE.ipy``) only that
        something has been executed; how it went is in its last result.
        """
        if self.running is not None:
            self.running.at_end.append(tell)
            return

        def executed() -> None:
            self.shell.events.unregister("post_execute", executed)
            result = getattr(self.shell, "last_execution_result", None)
            tell(result and (result.error_before_exec or result.error_in_exec))

        self.shell.events.register("post_execute", executed)

    def cell(self) -> Cell:
        """The innermost executing cell as a record; empty when nothing is executing."""
        if self.running is None:
            return Cell(source="")
        info = self.running.info
        # In[] already holds the running cell; execution_count differs between IPython versions.
        inputs = self.shell.user_ns.get("In", [])
        count = len(inputs) - 1 if info.store_history and len(inputs) > 1 else None
        return Cell(source=info.raw_cell or "", cell_id=self._cell_id(info), count=count)

    def _cell_id(self, info: Any) -> str | None:
        if info.cell_id:
            return str(info.cell_id)
        try:
            return str(self.shell.get_parent()["metadata"]["cellId"])
        except (AttributeError, KeyError, TypeError):
            return None

    def notebook(self) -> str | None:
        """Path of the notebook as far as the kernel can know it; None in a terminal.

        Jupyter gives it to the kernel at its start and does not tell of a later rename.
        """
        namespace = self.shell.user_ns
        for path in (
            namespace.get("__vsc_ipynb_file__"),
            os.environ.get("JPY_SESSION_NAME"),
            namespace.get("__session__"),
        ):
            if isinstance(path, str) and Path(path).suffix == ".ipynb":
                return path
        return None

    def capture_here(self) -> Callable[[], Capture]:
        """Tells what the cell that is executing needs of this kernel; also once it has ended."""
        execution = self.log.running
        if execution is None:
            return Capture
        nth = execution.num_started
        execution.num_started += 1
        return lambda: self.log.capture(execution, self.notebook(), nth)

    def follow(self, tell: Tell) -> None:
        """Have `tell` called at the start (True) and end of each cell, until it says False."""
        self._followers.append(tell)

    def _tell_followers(self, is_start: bool) -> None:
        self._followers = [tell for tell in self._followers if tell(is_start)]

    def _adopt(self) -> None:
        """Take in the cells from before, and the one that loads nbtrack."""
        manager = self.shell.history_manager
        raw = list(getattr(manager, "input_hist_raw", ()) or ())
        info = _executing()
        if info is not None and raw and raw[-1].strip() == (info.raw_cell or "").strip():
            del raw[-1]
        self.log.recall(
            Cell(source, count=count) for count, source in enumerate(raw) if source.strip()
        )
        if info is not None and not info.silent:
            self._running.append(RunningCell(info))
            self.log.begin(self.cell(), is_adopted=True)

    def _cell_starts(self, info: Any) -> None:
        self._running.append(RunningCell(info))
        if len(self._running) == 1:
            # In[] gets the cell right after this event
            count = len(self.shell.user_ns.get("In", [])) if info.store_history else None
            cell = Cell(info.raw_cell or "", self._cell_id(info), count or None)
            self.log.begin(cell, getattr(info, "transformed_cell", None))
            self._tell_followers(True)

    def _cell_ended(self, result: Any) -> None:
        """End the cell of this result, and any above it whose end was never told.

        An asynchronous cell that is cancelled is reported with no result at all.
        """
        info = getattr(result, "info", None)
        if result is not None and all(cell.info is not info for cell in self._running):
            return  # it started before nbtrack was loaded
        error: BaseException | None = KeyboardInterrupt() if result is None else None
        if result is not None:
            error = result.error_before_exec or result.error_in_exec
        if result is None or (self._running and self._running[0].info is info):
            self.log.end(error)
        while self._running:
            cell = self._running.pop()
            if cell.info is info or result is None:
                cell.end(error if error is not None else cell.inner_error)
                if not self._running:
                    self._tell_followers(False)
                if self._running and error is not None:
                    self._running[-1].inner_error = error
                return
            cell.end(error)


def _executing() -> Any:
    """IPython's record of the cell from which this is called; None outside of one."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "run_cell_async":
            info = frame.f_locals.get("info")
            return info if hasattr(info, "raw_cell") else None
        frame = frame.f_back
    return None


def capture_here() -> Callable[[], Capture]:
    """Tells what the code that calls needs: its cell's slice in a notebook, a script's own text."""
    if _sessions:
        return _sessions[-1].capture_here()
    source = _script()
    if source is None:
        return Capture
    cell = CapturedCell(cell=Cell(source), code=source)
    return lambda: Capture(cells=(cell,), num_executed=1, folder=str(Path.cwd()))


def follow_cells(tell: Tell) -> None:
    """Have `tell` called at the start (True) and end of each cell to come, until it says False."""
    if _sessions:
        _sessions[-1].follow(tell)


def names_here() -> MutableMapping[str, Any]:
    """The names of the notebook; those of the main module in a script."""
    if _sessions:
        names: MutableMapping[str, Any] = _sessions[-1].shell.user_ns
        return names
    return vars(sys.modules["__main__"])


def _script() -> str | None:
    """The text of the script that is being run; None where there is none to read."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    if path is None or "IPython" in sys.modules or Path(path).is_relative_to(sys.prefix):
        return None
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
