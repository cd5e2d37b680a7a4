"""What every test gets without asking: a store, a home for IPython and a GPU check of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def a_store_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the checkout's or the user's store; kernels it starts inherit this."""
    monkeypatch.setenv("NBTRACK_DIR", str(tmp_path / ".nbtrack"))


@pytest.fixture(scope="session", autouse=True)
def an_ipython_home_for_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Shells and kernels keep their history here, and read no profile of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        yield


def pytest_runtest_setup(item: pytest.Item) -> None:
    """``gpu`` tests need a device; torch is only imported when one was asked for."""
    if item.get_closest_marker("gpu") is None:
        return
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
