"""What differs between two runs, by whatever names them."""

from __future__ import annotations

import os
from typing import Any

from nbtrack.store import Store
from nbtrack.versioning.diff import RunDiff, diff_runs
from nbtrack.versioning.find_run import find_run


def diff(a: Any, b: Any = -1, *, store: Store | str | os.PathLike[str] | None = None) -> RunDiff:
    """What differs between two runs: parameters, cells, environment, data and results.

    Parameters
    ----------
    a, b : run, id, start of an id, name or position
        What `nbtrack.get` takes; the newest run without `b`.
    store : Store or path, optional
        The store that holds them, when they are not run objects.

    Returns
    -------
    RunDiff
        Shown as a page in a notebook, as text anywhere else.

    Raises
    ------
    RunNotFound
        (a LookupError) if there is no such run.
    """
    return diff_runs(find_run(a, store), find_run(b, store))
