"""Keeps, beside a run, what it takes to repeat it and to tell whether the repetition is the same.

Two moments: the start, when the slice, the random states and the data are what went in, and the
end, when the weights are what came out. A run that is killed in between has the first half.
"""

from __future__ import annotations

import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nbtrack.capture.parameters.hyperparameters import Param, found_params, plain, written_params
from nbtrack.capture.passes import listen
from nbtrack.capture.session import follow_cells
from nbtrack.capture.surroundings.dataset_files import paths_of
from nbtrack.capture.surroundings.environment import environment
from nbtrack.capture.surroundings.files import unheard
from nbtrack.capture.surroundings.git import git
from nbtrack.capture.surroundings.secrets import find_secrets, redact
from nbtrack.capture.witnessing.randomness import pack, read_random
from nbtrack.records import Capture, CapturedCell, RunInfo
from nbtrack.store import Store
from nbtrack.versioning.consumed import Consumed, is_data_set
from nbtrack.versioning.contents.state import keep_state, small_values
from nbtrack.versioning.contents.weights import combined_digest, keep_weights, weight_digests
from nbtrack.versioning.diff import changes, lr_change, previous
from nbtrack.versioning.input_files import MOST_FILES, keep_modules, read_files
from nbtrack.versioning.repeating import replaying
from nbtrack.versioning.repeating.checkpoints import Checkpoints, resumed
from nbtrack.versioning.repeating.resumed_run import capture_of, take_along
from nbtrack.versioning.replay_file import write_replay
from nbtrack.versioning.snapshot import keep_snapshot, snapshot_of

_OF_CAPTURE = (
    *("num_own", "nth_start", "num_executed", "missing", "notes", "folder"),
    *("needs", "binds", "clock"),
)
_MOST_DATA = 20  # names of data in run.json; replay.json has them all


class Keeper:
    """What keeps one run repeatable.

    Parameters
    ----------
    store : Store
    folder : Path
        The run's folder.
    capture : callable
        Tells what the run needs of its kernel, as known when it is asked.
    params : mapping
        Parameters that the user gave; they win over those that are found.
    origin : str
        Where those come from: ``"--param"`` or ``"start(params=)"``.
    namespace : callable
        Gives the notebook's names.
    save_weights : bool
        Whether to keep the trained tensors and the cell's variables, not their digests alone.
    checkpoint_every : int, optional
        Keep all state before every so many passes of the cell's outermost loops.

    Attributes
    ----------
    keeps_data : bool
        Whether to keep files of any size that went in, not only those up to 16 MiB.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        capture: Callable[[], Capture],
        params: Mapping[str, Any],
        origin: str,
        namespace: Callable[[], MutableMapping[str, Any]],
        save_weights: bool = False,
        checkpoint_every: int | None = None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._going_on = resumed()
        self._ask = capture
        self._capture = capture() if self._going_on is None else capture_of(self._going_on.run)
        self._checkpoint_every = checkpoint_every
        self._given = {name: Param(value, origin) for name, value in plain(params).items()}
        self._namespace = namespace
        self._save_weights = save_weights
        self.keeps_data = False
        self._consumed = Consumed(store.blobs)
        self._replay: dict[str, Any] = {}
        self._thread: threading.Thread | None = None
        self._started_s = 0.0
        self._has_ended = False
        self._of_datasets: set[str] = set()
        self.notes: list[str] = []

    def info(self, **known: Any) -> RunInfo:
        """The run as known before its cell goes on; nothing is written yet: see `start`.

        Parameters
        ----------
        **known
            Fields of `RunInfo` that its caller knows.
        """
        again = replaying.repeated()
        if again is not None:  # so that the name still finds the run that was repeated
            known["name"] = f"{known['name']} (again)"
        passed_s = 0.0 if self._going_on is None else float(self._going_on.checkpoint["time_s"])
        self._started_s = time.time() - passed_s
        info = RunInfo(
            started_s=self._started_s,
            reproduces=again,
            resumes=None if self._going_on is None else self._going_on.run.id,
            **self._described(written_params(self._pairs())),
            **known,
        )
        return replace(info, changed=changed_since_previous(self._store, info))

    @property
    def first_step(self) -> int:
        """Optimizer steps that were completed before the run began: of the one it goes on with."""
        return 0 if self._going_on is None else self._going_on.step

    @property
    def first_epoch(self) -> int:
        """Epochs that were begun before, likewise."""
        if self._going_on is None:
            return 0
        return int((self._going_on.run.points("mark/epoch")["step"] < self.first_step).sum())

    def start(self, at: Callable[[], tuple[int, float]], finish: Callable[[], None]) -> None:
        """Write what went in: small data at once, the rest from a thread beside the training.

        Parameters
        ----------
        at : callable
            Gives the optimizer steps completed, and the run's time in seconds.
        finish : callable
            Ends the run.
        """
        replaying.started(self._folder.name, self._store.path, finish)
        if self._going_on is not None:
            self._guarded(take_along, self._going_on, self._folder, self._started_s)
        if self._going_on is not None or self._checkpoint_every:
            listen(
                Checkpoints(
                    self._store.blobs,
                    self._checkpoint_every,
                    lambda: {*self._capture.needs, *self._capture.binds},
                    self._namespace,
                    at,
                    self._keep_checkpoint,
                )
            )
        for sentence in self._guarded(self._secrets) or ():
            # guarded: under `-W error` a warning is an exception
            self._guarded(warnings.warn, f"nbtrack: {sentence}", RuntimeWarning, 3)
        values = {name: self._namespace().get(name) for name in self._capture.needs}
        later = self._guarded(self._consumed.begin, values) or []
        self._guarded(self._write_capture)
        self._thread = threading.Thread(
            target=self._in_background, args=(values, later), name="nbtrack-keep", daemon=True
        )
        self._thread.start()
        follow_cells(self._goes_on)

    def _goes_on(self, is_start: bool) -> bool:
        """A later cell begins, or has ended, while the run is active: it is the run's own too."""
        if self._has_ended:
            return False
        known = {*self._capture.needs, *self._capture.binds}
        self._guarded(self._ask_again)
        if is_start:  # what it reads, before it can change it
            names = self._namespace()
            values = {name: names.get(name) for name in self._capture.needs if name not in known}
            self._guarded(self._consumed.go_on, self._guarded(self._consumed.begin, values) or [])
        else:  # a kernel that is killed later has at least this
            self._guarded(self._write_capture)
        return True

    def _ask_again(self) -> None:
        if self._going_on is None:
            self._capture = self._ask()

    def end(self, trained: Mapping[str, Any], order: Mapping[str, Any]) -> dict[str, Any]:
        """After the cell: what came out, and what became known meanwhile.

        Parameters
        ----------
        trained : mapping of str to Module, Optimizer or Tensor
            What was trained, by the user's names.
        order : mapping
            What `Panel.order` gives: which samples went in, in which order.

        Returns
        -------
        dict
            Fields of `RunInfo` to set.
        """
        listen(None)
        self._has_ended = True
        self._ask_again()
        if self._thread is not None:
            self._thread.join()
        namespace = self._namespace()
        self._guarded(self._keep_weights, trained)
        self._guarded(self._keep_variables, namespace, trained)
        self._guarded(self._keep_order, order)
        self._guarded(self._keep_random, namespace)
        self._guarded(self._read_files)
        found = self._guarded(self._found, namespace, trained)
        described = self._described(found if found is not None else written_params(self._pairs()))
        snapshot = self._guarded(self._keep_snapshot, described["params"])
        self._guarded(self._write_capture)
        return described if snapshot is None else {**described, "snapshot": snapshot}

    # The parts

    def _secrets(self) -> list[str]:
        """Warnings about what looks like a password or key in the code that will be kept."""
        return [
            f"cell {cell.cell.count or '?'}, {fault}"
            for cell in self._capture.cells
            for fault in find_secrets(cell.code)
        ]

    def _pairs(self) -> list[tuple[Any, str]]:
        return [(cell.cell, cell.code) for cell in self._capture.cells]

    def _described(self, found: Mapping[str, Param]) -> dict[str, Any]:
        params = {**found, **self._given}
        return {
            **(self._guarded(self._in_short) or {}),
            "cells": tuple(cell.cell for cell in self._capture.cells),
            "params": {name: param.value for name, param in params.items()},
            "origins": {name: param.origin for name, param in params.items()},
            "hidden": self._capture.hidden,
        }

    def _found(self, namespace: Mapping[str, Any], trained: Mapping[str, Any]) -> Any:
        torch = sys.modules.get("torch")
        if torch is None:
            return found_params(self._pairs(), namespace, {}, {}, {})
        kinds: dict[type, dict[str, Any]] = {torch.nn.Module: {}, torch.optim.Optimizer: {}}
        for name, value in trained.items():
            for kind, found in kinds.items():
                if isinstance(value, kind):
                    found[name] = value
        near = {*self._capture.needs, *self._capture.binds}
        loader = torch.utils.data.DataLoader
        loaders = {
            name: value
            for name, value in namespace.items()
            if name in near and isinstance(value, loader)
        }
        optimizers, modules = kinds[torch.optim.Optimizer], kinds[torch.nn.Module]
        return found_params(self._pairs(), namespace, optimizers, modules, loaders)

    def _in_background(self, values: Mapping[str, Any], later: list[tuple[str, Any]]) -> None:
        self._guarded(self._consumed.go_on, later)
        self._replay["environment"] = self._guarded(environment) or {}
        for value in values.values():
            if is_data_set(value):  # its files may be opened in worker processes, out of hearing
                self._of_datasets |= paths_of(value)
        self._replay["git"] = self._guarded(git, Path(self._capture.folder or "."))
        self._guarded(self._read_files)
        self._guarded(self._write_capture)

    def _read_files(self) -> None:
        """Digest every file that the slice read, and those that its data sets name."""
        paths = sorted({*self._capture.files, *self._of_datasets})
        self._replay["files"] = read_files(
            self._store, paths, self._replay.get("files", ()), self.keeps_data
        )
        self._replay["files_left_out"] = max(0, len(paths) - MOST_FILES)
        self._replay["modules"] = keep_modules(self._store, self._capture.modules)

    def _keep_weights(self, trained: Mapping[str, Any]) -> None:
        digests = (
            keep_weights(self._store.blobs, trained)
            if self._save_weights
            else weight_digests(trained)
        )
        self._replay["weights"] = digests
        self._replay["weights_digest"] = combined_digest(digests) if digests else None
        self._replay["weights_kept"] = self._save_weights

    def _keep_variables(self, namespace: Mapping[str, Any], trained: Mapping[str, Any]) -> None:
        bound = {name: namespace[name] for name in self._capture.binds if name in namespace}
        self._replay["variables"] = small_values(bound)
        if self._save_weights:
            needed = {name: namespace[name] for name in self._capture.needs if name in namespace}
            held = {id(value) for value in (*needed.values(), *bound.values())}
            others = {name: value for name, value in trained.items() if id(value) not in held}
            self._replay["state"] = keep_state(self._store.blobs, {**others, **needed, **bound})

    def _keep_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        self._replay.setdefault("checkpoints", []).append(dict(checkpoint))
        self._guarded(self._write_capture)

    def _keep_order(self, order: Mapping[str, Any]) -> None:
        digests = {"digests": self._store.blobs.put(order["digests"])} if order else {}
        self._replay["order"] = {**order, **digests}

    def _keep_random(self, namespace: Mapping[str, Any]) -> None:
        self._replay["random_at_end"] = self._store.blobs.put(pack(read_random(namespace)))

    def _keep_snapshot(self, params: Mapping[str, Any]) -> str:
        files = {file["path"]: file for file in self._replay["files"]}
        data = {**self._consumed.found, **files}
        present = {k: v for k, v in self._replay["environment"].items() if k != "imported"}
        sources = [cell.cell.source for cell in self._capture.cells]
        return keep_snapshot(self._store.blobs, snapshot_of(sources, params, data, present))

    def _in_short(self) -> dict[str, Any]:
        """What a table of runs shows of `replay.json`, so that listing need not read it."""
        found = {**self._consumed.found, **{f["path"]: f for f in self._replay.get("files", ())}}
        digests = {name: str(one.get("digest") or "")[:16] for name, one in found.items()}
        git = self._replay.get("git") or {}
        return {
            "git": {k: git[k] for k in ("commit", "branch", "dirty") if git.get(k) is not None},
            "data": dict(list(digests.items())[:_MOST_DATA]),
        }

    def _write_capture(self) -> None:
        """Write `replay.json` with all that is known so far."""
        capture = self._capture
        self._replay["cells"] = [self._cell(cell) for cell in capture.cells]
        self._replay["data"] = self._consumed.found
        for name in _OF_CAPTURE:
            self._replay[name] = getattr(capture, name)
        self._replay["failed"] = self.notes
        write_replay(self._folder, self._replay)

    def _cell(self, cell: CapturedCell) -> dict[str, Any]:
        record: dict[str, Any] = {
            **asdict(cell.cell),
            "code": cell.code,
            "reason": cell.reason,
            "opaque": list(cell.opaque),
            "error": cell.error,
            "stopped_after": cell.stopped_after,
            "moment": cell.moment,
        }
        if cell.random:
            record["random"] = self._store.blobs.put(pack(cell.random))
            record["drew"] = sorted(cell.random)
            record["continues"] = sorted(cell.continues)
        return record

    def _guarded(self, body: Callable[..., Any], *args: Any) -> Any:
        """What `body` gives; None when it fails, as no run is lost for what is kept beside it."""
        try:
            with unheard():
                return body(*args)
        except Exception as error:
            self.notes.append(
                redact(f"{body.__name__.strip('_')}: {type(error).__name__}: {error}")
            )
            return None


def changed_since_previous(store: Store, info: RunInfo) -> tuple[str, ...]:
    """What differs between a run and the one before it, in words; `changes` says how."""
    before = previous(store, info)
    changed = changes(before, info)
    rate = lr_change(before, replace(info, changed=changed))
    if rate is None:
        return changed
    return (rate, *(change for change in changed if change != "nothing"))
