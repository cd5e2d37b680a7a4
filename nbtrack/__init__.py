"""nbtrack: experiment tracking and debugging for PyTorch, native to Jupyter.

In a notebook, once::

    %load_ext nbtrack

and then one line on top of the cell that trains::

    %%track my-model --seed 0

Everything here is loaded when it is first used: ``import nbtrack`` brings in neither torch nor
pandas, matplotlib or anywidget.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtrack.capture.seeds import set_seed
    from nbtrack.doctor.diagnose import diagnose
    from nbtrack.errors import (
        BlobNotFound,
        FormatTooNew,
        NbtrackError,
        NoActiveRun,
        NotReproducible,
        QueryError,
        RunNotFound,
        RunStopped,
        SeriesNotFound,
        StoreError,
        UsageError,
        ValueNotLoggable,
    )
    from nbtrack.evaluate import Comparison, compare
    from nbtrack.records import Reproduction
    from nbtrack.run import Run, get, log, runs, start
    from nbtrack.versioning.between import diff
    from nbtrack.versioning.bundle import export_bundle
    from nbtrack.versioning.kept_store import Store
    from nbtrack.versioning.repeating.checkpoints import resume
    from nbtrack.versioning.repeating.reproduce import reproduce
    from nbtrack.views import live

__version__ = "0.1.0"

_HOME = {
    "BlobNotFound": "nbtrack.errors",
    "Comparison": "nbtrack.evaluate",
    "FormatTooNew": "nbtrack.errors",
    "NbtrackError": "nbtrack.errors",
    "NoActiveRun": "nbtrack.errors",
    "NotReproducible": "nbtrack.errors",
    "QueryError": "nbtrack.errors",
    "Run": "nbtrack.run",
    "Reproduction": "nbtrack.records",
    "RunNotFound": "nbtrack.errors",
    "RunStopped": "nbtrack.errors",
    "SeriesNotFound": "nbtrack.errors",
    "Store": "nbtrack.versioning.kept_store",
    "StoreError": "nbtrack.errors",
    "UsageError": "nbtrack.errors",
    "ValueNotLoggable": "nbtrack.errors",
    "compare": "nbtrack.evaluate",
    "diagnose": "nbtrack.doctor.diagnose",
    "diff": "nbtrack.versioning.between",
    "export_bundle": "nbtrack.versioning.bundle",
    "get": "nbtrack.run",
    "live": "nbtrack.views",
    "log": "nbtrack.run",
    "reproduce": "nbtrack.versioning.repeating.reproduce",
    "resume": "nbtrack.versioning.repeating.checkpoints",
    "runs": "nbtrack.run",
    "set_seed": "nbtrack.capture.seeds",
    "start": "nbtrack.run",
}

__all__ = [
    "BlobNotFound",
    "Comparison",
    "FormatTooNew",
    "NbtrackError",
    "NoActiveRun",
    "NotReproducible",
    "QueryError",
    "Reproduction",
    "Run",
    "RunNotFound",
    "RunStopped",
    "SeriesNotFound",
    "Store",
    "StoreError",
    "UsageError",
    "ValueNotLoggable",
    "compare",
    "diagnose",
    "diff",
    "export_bundle",
    "get",
    "live",
    "log",
    "reproduce",
    "resume",
    "runs",
    "set_seed",
    "start",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'nbtrack' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])


def load_ipython_extension(shell: Any) -> None:
    """Called by ``%load_ext nbtrack``: registers the magics, loads nothing heavy."""
    from nbtrack.magics import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Called by ``%unload_ext nbtrack``: takes everything out of the shell again."""
    from nbtrack.magics import unload

    unload(shell)
