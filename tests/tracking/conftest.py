"""A real IPython shell in this process, and real kernels in processes of their own."""

from __future__ import annotations

import os
import queue
import sys
import time
from pathlib import Path

import pytest


@pytest.fixture
def shell(plain_shell):
    """A fresh IPython shell with nbtrack loaded, in an empty folder."""
    plain_shell.run_line_magic("load_ext", "nbtrack")
    yield plain_shell
    plain_shell.run_line_magic("unload_ext", "nbtrack")


@pytest.fixture
def run_cell(shell):
    """Run one cell as a person would: with history, and the result of the outer cell."""

    def run(source: str):
        return shell.run_cell(source, store_history=True)

    return run


class Kernel:
    """A real ipykernel, spoken to as a notebook speaks to it."""

    def __init__(self, folder: Path) -> None:
        from jupyter_client.manager import KernelManager

        self.manager = KernelManager(kernel_name="python3")
        self.manager.kernel_spec.argv = [
            sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}",
        ]  # fmt: skip
        env = {**os.environ, "NBTRACK_DIR": str(folder / ".nbtrack")}
        self.manager.start_kernel(cwd=str(folder), env=env)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.run("%load_ext nbtrack")

    def send(self, source: str) -> str:
        return self.client.execute(source)

    def wait(self, message_id: str, timeout: float = 120):
        """The reply to a cell, and everything it showed."""
        shown = []
        deadline = time.monotonic() + timeout
        while True:
            message = self.client.get_iopub_msg(timeout=deadline - time.monotonic())
            if message["parent_header"].get("msg_id") != message_id:
                continue
            shown.append(message)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        while True:
            reply = self.client.get_shell_msg(timeout=deadline - time.monotonic())
            if reply["parent_header"].get("msg_id") == message_id:
                return reply["content"], shown

    def run(self, source: str, timeout: float = 120):
        return self.wait(self.send(source), timeout)

    def wait_for_text(self, message_id: str, wanted: str, timeout: float = 60) -> None:
        """Until the running cell has printed something."""
        text, deadline = "", time.monotonic() + timeout
        while wanted not in text:
            try:
                message = self.client.get_iopub_msg(timeout=deadline - time.monotonic())
            except queue.Empty:
                raise AssertionError(f"never saw {wanted!r}, only {text!r}") from None
            if message["parent_header"].get("msg_id") == message_id:
                text += message["content"].get("text", "")

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def start_kernel(tmp_path):
    """Starts real kernels in the test's folder; all are ended with the test."""
    started: list[Kernel] = []

    def start() -> Kernel:
        started.append(Kernel(tmp_path))
        return started[-1]

    yield start
    for kernel in started:
        kernel.close()
