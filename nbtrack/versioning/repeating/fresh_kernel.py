"""A fresh kernel that executes cells one by one, and says which of them failed and why."""

from __future__ import annotations

import queue
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class KernelDied(RuntimeError):
    """The kernel's process is gone."""


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Executed:
    """What a cell did.

    Attributes
    ----------
    outputs : list of dict
        As a notebook keeps them.
    error : tuple of (str, str, str) or None
        Name, message and traceback of the exception that ended it.
    """

    outputs: list[Any] = field(default_factory=list)
    error: tuple[str, str, str] | None = None


class FreshKernel:
    """A kernel of its own process, in a folder, with variables of the environment added.

    A context manager: the process ends with the block, also when it is interrupted.

    Parameters
    ----------
    folder : Path
        Its working folder.
    env : mapping of str to str
        The whole environment of the process.
    python : str, optional
        The interpreter; this one without it.
    """

    def __init__(self, folder: Path, env: Mapping[str, str], python: str | None = None) -> None:
        self._folder = folder
        self._env = dict(env)
        self._python = python or sys.executable

    def __enter__(self) -> FreshKernel:
        from jupyter_client.manager import KernelManager

        self._manager = KernelManager(kernel_name="python3")
        spec = self._manager.kernel_spec
        if spec is not None:
            spec.argv = [
                *(self._python, "-m", "ipykernel_launcher", "--log-level=ERROR"),
                *("-f", "{connection_file}"),
            ]
            spec.env = {}
        self._manager.start_kernel(cwd=str(self._folder), env=self._env)
        self._client = self._manager.client()
        self._client.start_channels()
        try:
            self._client.wait_for_ready(timeout=120)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def execute(self, source: str, *, silent: bool = False) -> Executed:
        """Execute one cell and wait for its end.

        Parameters
        ----------
        silent : bool
            Leave no trace: no history, no execution count, no events for extensions.
        """
        import nbformat

        done = Executed()
        sent = self._client.execute(
            source, silent=silent, store_history=not silent, allow_stdin=False
        )
        for message in self._heard(sent):
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "error":
                trace = _COLOURS.sub("", "\n".join(content["traceback"]))
                done.error = (content["ename"], content["evalue"], trace)
            if kind in ("stream", "display_data", "execute_result", "error"):
                done.outputs.append(nbformat.v4.output_from_msg(message))
        return done

    def _heard(self, sent: str) -> Iterator[Mapping[str, Any]]:
        """What the cell shows, until the kernel is idle again."""
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=1)
            except queue.Empty:
                if not self._manager.is_alive():
                    raise KernelDied("the kernel died while it executed the cell") from None
                continue
            if message["parent_header"].get("msg_id") != sent:
                continue
            if message["content"].get("execution_state") == "idle":
                return
            yield message

    def kill(self) -> None:
        """End the process, from any thread."""
        self._manager.shutdown_kernel(now=True)


def in_own_thread(work: Callable[[], Any], abandon: Callable[[], None]) -> Any:
    """Do something in a thread with no event loop, as the one of a notebook's kernel has.

    Parameters
    ----------
    work : callable
    abandon : callable
        Makes `work` end soon; called when the wait for it is interrupted.

    Raises
    ------
    BaseException
        Whatever `work` raises.
    """
    found: list[Any] = []
    failed: list[BaseException] = []

    def body() -> None:
        try:
            found.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=body, name="nbtrack-reproduce", daemon=True)
    thread.start()
    try:
        thread.join()
    except BaseException:
        abandon()
        raise
    if failed:
        raise failed[0]
    return found[0]


def as_notebook(sources: Sequence[str], executed: Sequence[Executed]) -> Any:
    """A notebook of cells with what they showed."""
    import nbformat

    new = nbformat.v4
    book = new.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )
    for number, source in enumerate(sources):
        cell = new.new_code_cell(source)
        if number < len(executed):
            cell.outputs = executed[number].outputs
            cell.execution_count = number + 1
        book.cells.append(cell)
    return book
