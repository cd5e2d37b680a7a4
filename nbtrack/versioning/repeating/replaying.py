"""The kernel's side of a repetition: what is put back before each cell of a run.

A fresh kernel is told of a plan, a JSON file, before its first cell. While a plan is at work, the
run that the tracked cell starts knows which run it repeats and after how many steps to stop.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbtrack.capture.witnessing.randomness import restore_random, unpack

_plan: dict[str, Any] = {}


def begin(path: str) -> None:
    """Load a plan into this kernel, with the extension; called before the first cell."""
    from IPython import get_ipython

    _plan.update(json.loads(Path(path).read_text(encoding="utf-8")))
    _plan["path"] = path
    _put_settings_back(_plan.get("environment") or {})
    get_ipython().run_line_magic("load_ext", "nbtrack")


def enter(number: int) -> None:
    """Put back the random state at the entry of a cell, by its number in the plan."""
    from IPython import get_ipython

    _plan["at"] = number
    count = _plan["counts"][number]
    if count is not None:  # so that Out[3] is what it was
        get_ipython().execution_count = count
    states = _plan["random"][number]
    if states is None:
        return
    data = (Path(_plan["path"]).parent / states).read_bytes()
    problems = restore_random(unpack(data), get_ipython().user_ns)
    _plan.setdefault("problems", []).extend(problems)


def repeated() -> str | None:
    """The run that is being repeated, while a tracked cell of it is executed; None otherwise."""
    at = _plan.get("at")
    if at is None:
        return None
    is_tracked = at == len(_plan["last_steps"]) - 1 or _plan["last_steps"][at] is not None
    return str(_plan["run"]) if is_tracked else None


def last_step() -> int | None:
    """The step after which the repetition stops; None for the whole run."""
    return _plan["last_steps"][_plan["at"]] if repeated() else None


def started(run_id: str) -> None:
    """The tracked cell has started this run."""
    path = Path(_plan["path"]).with_name("replayed.json")
    path.write_text(json.dumps({"run": run_id, "problems": _plan.get("problems", [])}))


def _put_settings_back(environment: Mapping[str, Any]) -> None:
    """The number of threads as it was recorded; NumPy and torch there before a cell draws."""
    threads = environment.get("threads")
    if isinstance(threads, Mapping):
        threads = threads.get("torch")
    if "numpy" in environment.get("imported", ()):
        __import__("numpy")
    if threads is not None:
        import torch

        if torch.get_num_threads() != threads and not os.environ.get("OMP_NUM_THREADS"):
            torch.set_num_threads(int(threads))
