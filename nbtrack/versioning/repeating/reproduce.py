"""`reproduce`: a run again, in a fresh kernel, and held against itself."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nbtrack.errors import NotReproducible
from nbtrack.records import Cell, Reproduction
from nbtrack.store import Store, StoredRun
from nbtrack.versioning.find_run import find_run
from nbtrack.versioning.kept_store import Store as KeptStore
from nbtrack.versioning.repeating.fresh_kernel import (
    Executed,
    FreshKernel,
    KernelDied,
    as_notebook,
    in_own_thread,
)
from nbtrack.versioning.repeating.progress import telling
from nbtrack.versioning.repeating.replay_plan import Plan, make_plan
from nbtrack.versioning.repeating.substitute import substitute
from nbtrack.versioning.repeating.verdict import failed, judge
from nbtrack.versioning.repeating.virtual_env import make_environment
from nbtrack.versioning.repeating.workspace import Workspace, build_workspace
from nbtrack.versioning.replay_file import read_replay

Say = Callable[[str], None]


def reproduce(
    run: StoredRun | str | int | os.PathLike[str],
    *,
    steps: int | None = None,
    changes: Mapping[str, Any] | None = None,
    env: bool = False,
    folder: str | os.PathLike[str] | None = None,
    store: Store | str | os.PathLike[str] | None = None,
    say: Say | None = None,
) -> Reproduction:
    """Run a run again in a fresh kernel, and tell whether the result is the same.

    Parameters
    ----------
    run : run, id, start of an id, name, position, or path of a bundle
        What `nbtrack.get` takes; or a file that `nbtrack.versioning.export_bundle` wrote.
    steps : int, optional
        Only so many optimizer steps, at least 1: a quick proof of the beginning.
    changes : mapping, optional
        Parameters to change, as in ``{"lr": 0.01}``: the new run is then another one, and the
        verdict says how far it is from the first.
    env : bool, default False
        Make a virtual environment from the recorded package versions first, with pip.
    folder : path, optional
        Where to put the notebook, the script, ``config.yaml``, ``requirements.lock`` and the data;
        ``reproductions/<id>`` in the store without it.
    store : Store or path, optional
        The store that holds the run, when `run` is not a run object.
    say : callable, optional
        Told in a line what is being done; a line in the notebook, or on stderr, without it.

    Returns
    -------
    Reproduction
        With ``verdict``: ``identical`` (every point of every series and every weight digest is the
        same, bit for bit), ``close`` (all points within a relative 1e-5), ``different`` or
        ``failed``; ``first_difference``; and the new ``run``, whose info points at the first.

    Raises
    ------
    RunNotFound
        (a LookupError) if there is no such run.
    NotReproducible
        (a ValueError) if the run has no cells on record, or is still running.
    UsageError
        (a ValueError) if a parameter to change is not written anywhere in the cells.

    Notes
    -----
    Takes as long as the run took, and some seconds for a fresh kernel. The cells are executed as
    they were: what they write with relative paths goes to the folder, what they do elsewhere they
    do again. Series of the clock and the machine (``throughput/...``, ``system/...``, names that
    are assigned from ``time.time()``) are not compared.
    """
    say = telling() if say is None else say
    found = find_run(run, store)
    info, replay = found.info, read_replay(found.path)
    if not replay.get("cells"):
        raise NotReproducible(
            f"run {found.id} has no cells on record, so there is nothing to run again: it was "
            "started outside of a notebook, or by an nbtrack older than 0.2"
        )
    if info.status == "running":
        raise NotReproducible(f"run {found.id} is still running: wait for its end, or stop it")
    if steps is not None and steps < 1:
        raise NotReproducible(f"steps is the number of optimizer steps, 1 or more; got {steps!r}")
    began = time.monotonic()
    house = KeptStore(found.store.path)
    target = _folder(house, info.id) if folder is None else Path(folder).absolute()
    sources = _sources(replay["cells"], changes or {})
    workspace = build_workspace(house, info, replay, target)
    if missing := workspace.with_status("missing"):
        return failed(found, workspace, f"{', '.join(missing)} is missing, and was not kept")
    plan = make_plan(house, found, replay, sources, target, steps)
    python = make_environment(target, say) if env else sys.executable
    say(f"run {info.id} ({info.name}): starting a fresh kernel")
    executed, error = _execute(plan, workspace, _environment(house, replay), python, say)
    _write_notebook(workspace, sources, executed)
    duration_s = time.monotonic() - began
    say(f"{len(executed)} of {len(sources)} cells executed in a fresh kernel, {duration_s:.0f} s")
    new = plan.started_run(house)
    if error is not None:
        return failed(found, workspace, error, new, duration_s)
    if new is None:
        return failed(found, workspace, "the tracked cell started no run", None)
    return judge(found, new, replay, workspace, plan, changes or {}, duration_s)


def _folder(store: Store, run_id: str) -> Path:
    """The first of ``<id>``, ``<id>-2`` ... that is free."""
    base = store.path / "reproductions"
    number, folder = 1, base / run_id
    while folder.exists():
        number += 1
        folder = base / f"{run_id}-{number}"
    return folder


def _sources(cells: Sequence[Mapping[str, Any]], changes: Mapping[str, Any]) -> list[str]:
    """The cells as typed, with parameters changed."""
    pairs = [
        (
            Cell(cell["source"], cell.get("cell_id"), cell.get("count"), bool(cell.get("is_part"))),
            cell["code"],
        )
        for cell in cells
    ]
    for name, value in changes.items():
        sources = substitute(pairs, name, value)
        pairs = [
            (Cell(source, cell.cell_id, cell.count, cell.is_part), _code(source, cell.source, code))
            for source, (cell, code) in zip(sources, pairs, strict=True)
        ]
    return [cell.source for cell, _ in pairs]


def _code(source: str, before: str, code: str) -> str:
    """The plain Python of a cell that may have been changed."""
    if source == before:
        return code
    from IPython.core.inputtransformer2 import TransformerManager

    from nbtrack.capture.transform import track_transformer

    manager = TransformerManager()
    manager.cleanup_transforms.append(track_transformer)
    return str(manager.transform_cell(source))


def _environment(store: Store, replay: Mapping[str, Any]) -> dict[str, str]:
    """The environment of the fresh kernel: this one's, with what was recorded to change results."""
    recorded = replay.get("environment") or {}
    variables = {name: str(value) for name, value in (recorded.get("env") or {}).items() if value}
    env = {**os.environ, **variables}
    env.pop("PYTHONHASHSEED", None)  # a seed of this process sets it for its children
    hash_seed = str((recorded.get("python") or {}).get("hash_seed", "random"))
    if hash_seed != "random":
        env["PYTHONHASHSEED"] = hash_seed
    env["NBTRACK_DIR"] = str(store.path)
    # nbtrack itself, also in a virtual environment that does not have it
    here = str(Path(__file__).parents[3])
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [env.get("PYTHONPATH"), here]))
    env.pop("JPY_SESSION_NAME", None)
    return env


def _execute(
    plan: Plan, workspace: Workspace, env: Mapping[str, str], python: str, say: Say
) -> tuple[list[Executed], str | None]:
    """Execute the cells; what they did, and which failed and why."""
    kernel = FreshKernel(workspace.working_folder, env, python)
    executed: list[Executed] = []

    def work() -> str | None:
        with kernel:
            ready = kernel.execute(plan.first_line, silent=True)
            if ready.error is not None:
                return f"nbtrack did not load in the fresh kernel: {': '.join(ready.error[:2])}"
            for number, source in enumerate(plan.sources):
                say(f"cell {number + 1} of {len(plan.sources)}")
                kernel.execute(plan.line_before(number), silent=True)
                try:
                    done = kernel.execute(source)
                except KernelDied as error:
                    return f"cell {plan.name(number)}: {error}"
                executed.append(done)
                if done.error is not None and not plan.is_expected(number, done):
                    return f"cell {plan.name(number)}: {_told(done.error)}"
                if plan.is_over(number, done):
                    break
            kernel.execute(plan.last_line, silent=True)
            return None

    return executed, in_own_thread(work, kernel.kill)


def _told(error: tuple[str, str, str]) -> str:
    name, message, _ = error
    if name == "StdinNotImplementedError":
        return "it asks for input, and nobody is there to answer"
    if name in ("ModuleNotFoundError", "ImportError"):
        return f"{name}: {message} (a package of the recorded environment is gone: try --env)"
    return f"{name}: {message}"


def _write_notebook(
    workspace: Workspace, sources: Sequence[str], executed: Sequence[Executed]
) -> None:
    import nbformat

    nbformat.write(as_notebook(sources, executed), workspace.folder / "executed.ipynb")
