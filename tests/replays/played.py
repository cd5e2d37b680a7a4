"""Notebooks as percent scripts, executed in kernels as a person would, and given back in others."""

from __future__ import annotations

import ast
import builtins
import math
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Program:
    """A notebook with the order in which its cells were executed.

    Attributes
    ----------
    cells : tuple of (str, str)
        Id and text of each, as on the page; a cell that was edited stands there twice, with one id.
    order : tuple of int
        Positions on the page, from 0.
    """

    name: str
    cells: tuple[tuple[str, str], ...]
    order: tuple[int, ...]


def read_program(path: Path) -> Program:
    """A percent script: ``# %%`` or ``# %% [id]`` before each cell; magics are commented out."""
    head, *rest = re.split(r"^# %%(?= |$)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    cells = []
    for number, text in enumerate(rest):
        title, _, body = text.partition("\n")
        cell_id = title.strip(" []") or f"cell-{number}"
        cells.append((cell_id, re.sub(r"^# (?=[%!])", "", body.strip("\n"), flags=re.MULTILINE)))
    found = re.search(r"^# order = (.*)$", head, re.MULTILINE)
    order = ast.literal_eval(found[1]) if found else range(1, len(cells) + 1)
    return Program(path.stem, tuple(cells), tuple(number - 1 for number in order))


def all_programs() -> list[Program]:
    """Every program, by name."""
    return [read_program(path) for path in sorted(PROGRAMS.glob("*.py"))]


def furnish(folder: Path) -> Path:
    """Put the files that lie beside the notebooks into a folder, which is made."""
    return Path(shutil.copytree(PROGRAMS / "beside", folder, dirs_exist_ok=True))


class Kernel:
    """A real ipykernel, spoken to as a notebook speaks to it: each cell has its id."""

    def __init__(self, folder: Path, **env: str) -> None:
        from jupyter_client.manager import KernelManager

        self.manager = KernelManager(kernel_name="python3")
        self.manager.kernel_spec.argv = [
            sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}",
        ]  # fmt: skip
        self.manager.start_kernel(cwd=str(folder), env={**os.environ, **env})
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def send(self, source: str, cell_id: str | None = None) -> str:
        content = {
            "code": source, "silent": False, "store_history": True, "user_expressions": {},
            "allow_stdin": False, "stop_on_error": False,
        }  # fmt: skip
        metadata = {} if cell_id is None else {"cellId": cell_id}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def wait(self, sent: str, timeout: float = 120) -> tuple[str, str]:
        """What the cell printed, and how it failed (empty when it did not)."""
        text, error = "", ""
        deadline = time.monotonic() + timeout
        while True:
            message = self.client.get_iopub_msg(timeout=deadline - time.monotonic())
            if message["parent_header"].get("msg_id") != sent:
                continue
            content = message["content"]
            text += content.get("text", "")
            if message["msg_type"] == "error":
                error = f"{content['ename']}: {content['evalue']}"
            if content.get("execution_state") == "idle":
                return text, error

    def wait_for_text(self, sent: str, wanted: str, timeout: float = 120) -> None:
        """Until the running cell has printed something."""
        text, deadline = "", time.monotonic() + timeout
        while wanted not in text:
            message = self.client.get_iopub_msg(timeout=deadline - time.monotonic())
            if message["parent_header"].get("msg_id") == sent:
                text += message["content"].get("text", "")

    def run(self, source: str, cell_id: str | None = None) -> str:
        """Execute one cell that must not fail; what it printed."""
        text, error = self.wait(self.send(source, cell_id))
        assert not error, f"{error} in\n{source}"
        return text

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.pid)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def execute(program: Program, folder: Path) -> float:
    """Execute a program in a kernel of its own; how long its cells took, in seconds."""
    kernel = Kernel(folder)
    try:
        began = time.monotonic()
        for at in program.order:
            cell_id, source = program.cells[at]
            kernel.run(source, cell_id)
        return time.monotonic() - began
    finally:
        kernel.close()


def start_script(script: str, folder: Path) -> subprocess.Popen[str]:
    """Start a script by a plain ``python``, in a folder that has the data files and a store."""
    path = furnish(folder) / "again.py"
    path.write_text(script, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, path.name],
        cwd=folder, env={**os.environ, "NBTRACK_DIR": str(folder / ".nbtrack")},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def execute_notebook(book: Any, folder: Path) -> None:
    """Execute a notebook from the top, in a folder that has the data files."""
    from nbclient import NotebookClient

    NotebookClient(
        book,
        timeout=240,
        kernel_name="python3",
        resources={"metadata": {"path": str(furnish(folder))}},
    ).execute()


@contextmanager
def forgetful_shell(folder: Path) -> Iterator[Any]:
    """A fresh IPython shell in this process, in a folder with the data files: no start-up to pay.

    What notebooks set for the whole process is put back at the end.
    """
    import torch
    from IPython.core.interactiveshell import InteractiveShell

    kept = sys.displayhook, sys.excepthook, Path.cwd(), sys.path[:], dict(os.environ)
    modules, dtype, threads = set(sys.modules), torch.get_default_dtype(), torch.get_num_threads()
    pi, last = math.pi, vars(builtins).pop("_", None)  # doctest leaves its own `_` in builtins
    os.chdir(furnish(folder))
    sys.path.insert(0, "")
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_cell("%load_ext nbtrack", store_history=True)
    try:
        yield shell
    finally:
        shell.run_line_magic("unload_ext", "nbtrack")
        if shell.history_manager is not None:
            shell.history_manager.end_session()
        InteractiveShell.clear_instance()
        sys.displayhook, sys.excepthook, cwd, sys.path[:], environ = kept
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(environ)
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
        math.pi = pi  # a notebook sets it
        if last is not None:
            vars(builtins)["_"] = last
        for name in set(sys.modules) - modules:
            if Path(str(getattr(sys.modules[name], "__file__", None))).parent == folder:
                del sys.modules[name]


def in_shell(shell: Any, cells: Sequence[str]) -> list[str]:
    """Execute cells in an IPython shell; how each failed (empty when it did not)."""
    failed = []
    for cell in cells:
        done = shell.run_cell(cell, store_history=True)
        error = done.error_before_exec or done.error_in_exec
        failed.append("" if error is None else f"{type(error).__name__}: {error}")
    return failed
