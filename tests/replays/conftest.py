"""Kernels in the test's folder, and a shell in this process that forgets what a notebook set."""

from __future__ import annotations

import pytest
from played import Kernel, forgetful_shell, furnish


@pytest.fixture
def start_kernel(tmp_path):
    """Starts real kernels in the test's folder; all are ended with the test."""
    started: list[Kernel] = []
    folder = furnish(tmp_path / "work")

    def start(**env: str) -> Kernel:
        started.append(Kernel(folder, **env))
        return started[-1]

    yield start
    for kernel in started:
        kernel.close()


@pytest.fixture
def shell(tmp_path):
    """A fresh IPython shell in this process, with nbtrack and the data files."""
    with forgetful_shell(tmp_path / "work") as shell:
        yield shell
