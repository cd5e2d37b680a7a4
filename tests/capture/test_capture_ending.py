"""The status of a run follows from what ended it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys

import pytest

from nbtrack.capture.ending import describe, status_after
from nbtrack.capture.parameters.hyperparameters import default_name, plain
from nbtrack.errors import RunStopped


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, "done"),
        (ValueError(), "failed"),
        (MemoryError(), "failed"),
        (KeyboardInterrupt(), "interrupted"),
        (asyncio.CancelledError(), "interrupted"),
        (concurrent.futures.CancelledError(), "interrupted"),
        (RunStopped(3), "stopped"),
        (SystemExit(), "stopped"),
        (SystemExit(0), "stopped"),
        (SystemExit(2), "failed"),
        (SystemExit("diverged"), "failed"),
    ],
)
def test_status_follows_from_the_exception(error, status):
    assert status_after(error) == status


def test_an_exception_is_described_from_the_wanted_file_on():
    code = compile("\n\n1 / 0", "<cell>", "exec")
    try:
        exec(code)
    except ZeroDivisionError as error:
        described = describe(error, "<cell>")
    assert described is not None
    assert (described["name"], described["line"]) == ("ZeroDivisionError", 3)
    assert __file__ not in described["traceback"]
    assert describe(None) is None
    assert describe(RunStopped(1)) is None


def test_parameters_become_what_json_can_hold():
    import numpy as np
    import torch

    kept = plain(
        {"lr": np.float64(0.1), "n": torch.tensor(3), "net": [1, (2,)], "act": torch.relu, 4: None}
    )
    assert kept["lr"] == 0.1
    assert kept["n"] == 3
    assert kept["net"] == [1, [2]]
    assert kept["4"] is None
    assert "relu" in kept["act"]
    assert plain({"w": torch.zeros(2)})["w"].startswith("tensor")


def test_a_run_without_a_name_takes_that_of_its_notebook_or_script(monkeypatch):
    assert default_name("/some/where/digits.ipynb") == "digits"
    monkeypatch.setattr(sys, "argv", ["train.py"])
    assert default_name(None) == "train"
    monkeypatch.setattr(sys, "argv", ["/x/ipykernel_launcher.py"])
    assert default_name(None) == "run"
