"""`Facts`: who a run is, how far it has come and how far it has to go, in numbers and words."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from nbtrack.store.columns import num_points

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nbtrack.store import StoredRun
    from nbtrack.views.marks import Marks

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

NO_STEPS = ("system/", "throughput/", "every/", "mark/")  # read also before the first step
MOST_RATES = 8  # learning rates of as many groups are told
MOVING = ("step", "elapsed", "rate", "epoch", "left", "lr")  # these go with the points


class Facts:
    """What is known of one run besides its curves.

    Parameters
    ----------
    run : StoredRun
    marks : Marks
        Of the same run.

    Attributes
    ----------
    is_running, is_erased : bool
    info : RunInfo
        As of the last `look`.
    """

    def __init__(self, run: StoredRun, marks: Marks) -> None:
        self._run = run
        self._marks = marks
        self.info = run.info
        self.is_running = True
        self.is_erased = False
        self._was_there = run.path.exists()  # a store that cannot be written has no such folder
        self.ranks: set[int] = set()
        self._steps: dict[str, int] = {}
        self._rate: float | None = None
        self._lr: dict[str, float] = {}
        self._duration_s = 0.0
        self._num_points: int | None = None

    def look(self) -> None:
        """Read the state of the run.

        Raises
        ------
        StoreError
            If ``run.json`` is damaged.
        """
        try:
            if self._was_there:  # a run of this process knows itself, whatever befell its files
                self._run.path.stat()
            self.info = self._run.info
        except FileNotFoundError:
            self.is_erased = True
            self.is_running = False
            return
        self.is_running = self.info.status == "running"
        if not self.is_running:
            self._duration_s = self._run.duration_s
            if self.info.lost_points:
                self._num_points = num_points(self._run.path)

    def clear(self) -> None:
        """The run's series have other names now."""
        self._steps, self._lr = {}, {}

    def note(self, key: str, steps: Ints, values: Floats) -> None:
        """Take note of new points of a series."""
        if key.startswith("lr/"):
            group = key.removeprefix("lr/")
            if group in self._lr or len(self._lr) < MOST_RATES:
                self._lr[group] = float(values[-1])
        elif key == "throughput/steps_per_s":
            self._rate = float(values[-1])
        if not key.startswith(NO_STEPS):
            self._steps[key] = max(self._steps.get(key, -1), int(steps[-1]))

    @property
    def steps(self) -> int | None:
        """Steps done; None before the first."""
        if self.info.steps is not None or not self._steps:
            return self.info.steps
        return self._steps.get("loss", max(self._steps.values())) + 1

    @property
    def expected_steps(self) -> int | None:
        """Steps of the whole run, from its loops or from the length of its epochs so far."""
        steps, epochs = self.info.expected.get("steps"), self.info.expected.get("epochs")
        if steps is None and epochs:
            length = self._marks.epoch_length()
            steps = None if length is None else round(epochs * length)
        return steps

    def progress(self) -> dict[str, Any]:
        """What changes with every step: steps, seconds, steps a second, epoch, seconds to go."""
        steps = self.steps
        elapsed = time.time() - self.info.started_s
        if not self.is_running and not self.is_erased:
            elapsed = self._duration_s
        rate = self._rate
        if steps and elapsed > 0 and (rate is None or not self.is_running):
            rate = steps / elapsed
        left, expected = None, self.expected_steps
        if self.is_running and expected and steps and rate and expected >= steps:
            left = round((expected - steps) / rate, 1)
        return {
            "step": steps,
            "elapsed": round(max(elapsed, 0.0), 2),
            "rate": None if rate is None or not math.isfinite(rate) else float(f"{rate:.4g}"),
            "epoch": self._marks.epoch,
            "left": left if left is None or math.isfinite(left) else None,
            "lr": {group: plain(value) for group, value in self._lr.items()},
        }

    def head(self, *, can_stop: bool = False, can_lr: bool = False) -> dict[str, Any]:
        """Who the run is and in what state, as the page shows it above the charts."""
        info = self.info
        expected = {name: n for name, n in info.expected.items() if name in ("steps", "epochs")}
        if "steps" not in expected and (steps := self.expected_steps) is not None:
            expected["steps"] = steps
        head: dict[str, Any] = {
            "id": info.id,
            "name": info.name,
            "status": info.status,
            "tags": list(info.tags),
            "changed": list(info.changed),
            "can_stop": can_stop and self.is_running,
            "can_lr": can_lr and self.is_running,
            "expected": expected,
            **self.progress(),
        }
        if info.seed is not None:
            head["seed"] = info.seed
        if info.error:
            head["error"] = error_text(info.error)
        if info.status == "lost":
            head["seen_s"] = info.ended_s
        if info.lost_points:
            head["lost_points"] = info.lost_points
            if self._num_points is not None:
                head["num_points"] = self._num_points
        if len(self.ranks) > 1:
            head["ranks"] = len(self.ranks)
        if self._marks.num_more_findings:
            head["more_findings"] = self._marks.num_more_findings
        if self.is_erased:
            head["erased"] = True
        return head


def plain(value: float) -> float | None:
    """A number that JSON knows."""
    return value if math.isfinite(value) else None


def error_text(error: Any) -> str:
    """The last line of an exception and where it was raised."""
    message = str(error.get("message", ""))
    text = f"{error.get('name', 'Error')}: {message[:500]}".rstrip(": ")
    line = error.get("line")
    return text if not line else f"{text}\n  line {line}"
