"""The kernel's side of a repetition: what is put back before each cell of a run.

A fresh kernel is told of a plan, a JSON file, before its first cell. While a plan is at work, the
run that the tracked cell starts knows which run it repeats and after how many steps to stop.
A cell may start several: they are counted, and the one that is repeated is known by its number.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nbtrack.capture.cell_log import random_digests
from nbtrack.capture.witnessing.randomness import read_random, restore_random, unpack
from nbtrack.versioning.repeating.interrupting import Interruption

_plan: dict[str, Any] = {}
_finish: Callable[[], None] | None = None  # ends the repetition


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
    _plan["num_started"] = 0
    count = _plan["counts"][number]
    if count is not None:  # so that Out[3] is what it was
        get_ipython().execution_count = count
    names = get_ipython().user_ns
    if (states := _plan["random"][number]) is not None:
        data = (Path(_plan["path"]).parent / states).read_bytes()
        _plan.setdefault("problems", []).extend(restore_random(unpack(data), names))
    sys.settrace(None)
    if (moment := _plan["moments"][number]) is not None:
        Interruption(moment, names, lambda: random_digests(read_random(names))).install()


def repeated() -> str | None:
    """The run that is being repeated in this kernel, while a cell of it is executed."""
    return None if _plan.get("at") is None else str(_plan["run"])


def _is_target() -> bool:
    """Whether a run that starts now is the repetition itself, not another one of its cells."""
    return (_plan.get("at"), _plan.get("num_started")) == (_plan.get("start"), _plan.get("nth"))


def last_step() -> int | None:
    """The step after which a run that starts now is to stop; None for the whole of it."""
    if repeated() is None:
        return None
    if _is_target():
        return _plan["last_step"]  # type: ignore[no-any-return]
    return _plan["stops"][_plan["at"]]  # type: ignore[no-any-return]


def started(run_id: str, store: Path, finish: Callable[[], None]) -> None:
    """A run has started; one that is the repetition is told of, and can be ended by `end`."""
    global _finish
    if repeated() is None:
        return
    if _is_target():
        told = {"run": run_id, "store": str(store), "problems": _plan.get("problems", [])}
        path = Path(_plan["path"]).with_name("replayed.json")
        path.write_text(json.dumps(told), encoding="utf-8")
        _plan["again"], _finish = run_id, finish
    _plan["num_started"] += 1


def finished(run_id: str) -> None:
    """A run has ended; with the repetition ends its cell, the rest of which is other runs'.

    Raises
    ------
    RunRepeated
        If this was the repetition, and its cell may go on.
    """
    if run_id == _plan.get("again") and _plan["ends_cell"] and not _plan.get("is_over"):
        _plan["is_over"] = True
        raise RunRepeated


def end() -> None:
    """After the last cell: end the repetition, if it is one that nobody finished."""
    _plan["is_over"] = True
    if _finish is not None:
        _finish()


class RunRepeated(KeyboardInterrupt):
    """What ends the last cell of a repetition."""


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
