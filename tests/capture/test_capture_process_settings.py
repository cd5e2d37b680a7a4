"""Settings of the whole process that a cell changed, and cells that leave them alone."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
from watched import Watched

from nbtrack.capture.witnessing.process_settings import changed_settings, read_settings

TORCH = "import torch\n"
# The cell; the setting; the cell that puts it back.
SETTINGS = {
    "dtype": (
        "torch.set_default_dtype(torch.float64)",
        "torch.default_dtype",
        "torch.set_default_dtype(torch.float32)",
    ),
    "device": (
        "torch.set_default_device('meta')",
        "torch.default_device",
        "torch.set_default_device(None)",
    ),
    "threads": (
        "n = torch.get_num_threads(); torch.set_num_threads(n + 1)",
        "torch.num_threads",
        "torch.set_num_threads(n)",
    ),
    "deterministic": (
        "torch.use_deterministic_algorithms(True, warn_only=True)",
        "torch.deterministic",
        "torch.use_deterministic_algorithms(False)",
    ),
    "benchmark": (
        "torch.backends.cudnn.benchmark = True",
        "torch.cudnn.benchmark",
        "torch.backends.cudnn.benchmark = False",
    ),
    "precision": (
        "torch.set_float32_matmul_precision('high')",
        "torch.matmul_precision",
        "torch.set_float32_matmul_precision('highest')",
    ),
    "grad": ("torch.set_grad_enabled(False)", "torch.grad_mode", "torch.set_grad_enabled(True)"),
    "anomaly": (
        "torch.autograd.set_detect_anomaly(True)",
        "torch.anomaly_mode",
        "torch.autograd.set_detect_anomaly(False)",
    ),
    "errstate": (
        "import numpy; old = numpy.seterr(divide='raise')",
        "numpy.errstate",
        "numpy.seterr(**old)",
    ),
    "env": (
        "import os; os.environ['NB_TEST'] = 's3cret'",
        "env:NB_TEST",
        "del os.environ['NB_TEST']",
    ),
    "cwd": ("import os; home = os.getcwd(); os.chdir('/')", "cwd", "os.chdir(home)"),
    "path": ("import sys; sys.path.insert(0, '/no/where')", "sys.path", "sys.path.pop(0)"),
    "recursion": (
        "import sys; deep = sys.getrecursionlimit(); sys.setrecursionlimit(5000)",
        "sys.recursionlimit",
        "sys.setrecursionlimit(deep)",
    ),
    "rc": (
        "import matplotlib; wide = matplotlib.rcParams['lines.linewidth']; "
        "matplotlib.rcParams['lines.linewidth'] = 9.5",
        "matplotlib.rc",
        "matplotlib.rcParams['lines.linewidth'] = wide",
    ),
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_setting_that_a_cell_changes_is_named(kind):
    change, name, back = SETTINGS[kind]
    notebook = Watched()
    notebook.run("import torch, numpy, matplotlib, os, sys")
    try:
        witness = notebook.run(change)
        quiet = notebook.run("x = torch.zeros(2, device='cpu')\nprint(os.getcwd())")
    finally:
        again = notebook.run(back)
    assert name in witness.settings
    assert "s3cret" not in repr(witness)
    assert quiet.settings == set()
    assert name in again.settings
    assert "error" not in notebook.names


def test_variables_that_libraries_set_themselves_do_not_count(monkeypatch):
    before = read_settings()
    monkeypatch.setenv("KMP_INIT_AT_FORK", "x")
    monkeypatch.setenv("NBTRACK_DIR", "x")
    assert changed_settings(before) == set()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert changed_settings(before) == {"env:OMP_NUM_THREADS"}


def test_a_folder_that_is_gone_is_no_error(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert read_settings()["cwd"] == ""


FIRST_IMPORT = """
from nbtrack.capture.slicing.names import names_of
from nbtrack.capture.witnessing.witness import Watch
names = {"__name__": "__main__"}
watch = Watch(lambda: names)
source = SOURCE
watch.before(names_of(source)); exec(source, names); witness = watch.after()
print(sorted(witness.settings))
"""


@pytest.mark.parametrize(
    ("source", "settings"),
    [
        ("import torch", []),
        ("import torch; torch.zeros(3).sum(); torch.manual_seed(1)", []),
        ("import torch; torch.set_num_threads(37)", ["torch.num_threads"]),
        ("import torch; torch.set_default_dtype(torch.float64)", ["torch.default_dtype"]),
        ("import numpy; numpy.seterr(all='raise')", ["numpy.errstate"]),
        ("import numpy, matplotlib.pyplot", []),
        ("import matplotlib; matplotlib.rcParams['lines.linewidth'] = 9", ["matplotlib.rc"]),
    ],
)
def test_a_library_imported_by_the_very_cell_is_compared_with_its_defaults(source, settings):
    program = FIRST_IMPORT.replace("SOURCE", repr(source))
    env = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, env=env
    )
    assert done.stdout.strip() == str(settings), done.stderr
