"""What every test gets without asking: a store, a home for IPython and a GPU check of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def a_store_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the checkout's or the user's store; kernels it starts inherit this."""
    monkeypatch.setenv("NBTRACK_DIR", str(tmp_path / ".nbtrack"))


@pytest.fixture(autouse=True)
def every_run_has_ended(a_store_of_its_own: None) -> Iterator[None]:
    """A run that a test leaves behind would measure the tests after it."""
    yield
    module = sys.modules.get("nbtrack.run")
    left = [run for run in module._live if run.is_active] if module else []
    for run in left:
        run.finish()
    assert not left, f"this test leaves runs behind: {left}"


@pytest.fixture(autouse=True)
def torch_as_it_was() -> Iterator[None]:
    """A test that asks torch for other threads or algorithms asks for itself alone."""
    before = sys.modules.get("torch") and _settings(sys.modules["torch"])
    yield
    torch = sys.modules.get("torch")
    if before and torch is not None and _settings(torch) != before:
        threads, deterministic, cudnn_deterministic, dtype = before
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
        torch.backends.cudnn.deterministic = cudnn_deterministic
        torch.set_default_dtype(dtype)


def _settings(torch: Any) -> tuple[Any, ...]:
    return (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.deterministic,
        torch.get_default_dtype(),
    )


@pytest.fixture(scope="session", autouse=True)
def an_ipython_home_for_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Shells and kernels keep their history here, and read no profile of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        yield


@pytest.fixture
def plain_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A fresh IPython shell in an empty folder, without nbtrack."""
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.chdir(tmp_path)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    # IPython's shell holds the interpreter's hooks; give them back to pytest afterwards.
    kept = sys.displayhook, sys.excepthook
    yield shell
    if shell.history_manager is not None:
        shell.history_manager.end_session()
    InteractiveShell.clear_instance()
    sys.displayhook, sys.excepthook = kept


def pytest_runtest_setup(item: pytest.Item) -> None:
    """``gpu`` tests need a device; torch is only imported when one was asked for."""
    if item.get_closest_marker("gpu") is None:
        return
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
