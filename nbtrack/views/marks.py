"""`Marks`: what happened to a run and when: events, findings, epochs and evaluations."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nbtrack.store.findings import FILE_NAME

if TYPE_CHECKING:
    import numpy.typing as npt

    from nbtrack.records import Finding, Output, RunInfo
    from nbtrack.store import StoredRun

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

MOST_EVENTS = 100
MOST_EPOCHS, MOST_EVALS = 240, 120
MOST_ALARMS = 3
MOST_TEXT = 300
MARKS = ("stop", "lr")  # what a run calls its own events


class Marks:
    """What happened in one run, on its axes of steps and seconds.

    Parameters
    ----------
    run : StoredRun

    Attributes
    ----------
    epoch : float or None
        The present one, from 0.
    num_more_findings : int
        Alarms beyond the three that are told.
    """

    def __init__(self, run: StoredRun) -> None:
        self._run = run
        self.epoch: float | None = None
        self.num_more_findings = 0
        self._stamp: tuple[int, ...] = ()
        self._findings: list[Finding] = []
        self._told: list[dict[str, Any]] = []
        self.clear()

    def clear(self) -> None:
        """Forget what came with the points: the run is read anew."""
        self._epochs: list[tuple[int, float, float]] = []
        self._evals: list[tuple[int, float]] = []
        self._bad: dict[str, tuple[int, float, float]] = {}

    # -- reading --------------------------------------------------------------------------------

    def note(self, key: str, steps: Ints, times_s: Floats, values: Floats) -> None:
        """Take note of new points of a series."""
        if key == "mark/epoch":
            self._epochs += zip(steps.tolist(), times_s.tolist(), values.tolist(), strict=True)
            self.epoch = self._epochs[-1][2]
        elif key == "mark/eval":
            begun = values > 0
            self._evals += zip(steps[begun].tolist(), times_s[begun].tolist(), strict=True)
        elif key not in self._bad and key.partition("/")[0] == "loss":
            odd = np.flatnonzero(~np.isfinite(values))
            if len(odd):
                at = odd[0]
                self._bad[key] = (int(steps[at]), float(times_s[at]), float(values[at]))

    def note_output(self, output: Output) -> None:
        """Take note of an event of the run; other outputs are left alone."""
        if output.kind != "event":
            return
        mark, step = output.data.get("mark"), output.data.get("step")
        event = {
            "step": step if isinstance(step, int) else None,
            "time_s": round(output.time_s, 3),
            "kind": mark if mark in MARKS else "note",
            "text": str(output.data.get("text", ""))[:MOST_TEXT],
        }
        if len(self._told) < MOST_EVENTS or event["kind"] != "note":
            self._told.append(event)

    def look(self) -> None:
        """Read the findings again if they have changed.

        Raises
        ------
        StoreError
            If ``findings.json`` is damaged; told once, until the file changes.
        """
        try:
            stat = (self._run.path / FILE_NAME).stat()
        except OSError:
            self._stamp, self._findings = (), []
            return
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if stamp != self._stamp:
            self._stamp = stamp
            alarms = [f for f in self._run.findings if f.severity in ("error", "warning")]
            self._findings = alarms
            self.num_more_findings = max(len(alarms) - MOST_ALARMS, 0)

    # -- what a page needs ----------------------------------------------------------------------

    def events(
        self, info: RunInfo, last_step: int | None, time_of: Callable[[int], float | None]
    ) -> list[dict[str, Any]]:
        """What happened, in order of time.

        Parameters
        ----------
        last_step : int or None
            At which an exception was raised.
        time_of : callable
            Seconds since the start of the run at a step.
        """
        found = [*self._told]
        for key, (step, time_s, value) in self._bad.items():
            text = f"{key} is {'NaN' if np.isnan(value) else 'infinite'}"[:MOST_TEXT]
            found.append(_event(step, time_s, "nonfinite", text, severity="error"))
        for finding in self._findings[:MOST_ALARMS]:
            if finding.first_step is not None:
                at_s = time_of(finding.first_step)
                event = _event(finding.first_step, at_s, "finding", finding.title[:MOST_TEXT])
                found.append({**event, "severity": finding.severity, "code": finding.code})
        if info.error:
            ended_s = (info.ended_s or info.started_s) - info.started_s
            text = f"{info.error.get('name', 'Error')}: {info.error.get('message', '')}"
            text = text.rstrip(": ")[:MOST_TEXT]
            found.append(_event(last_step, ended_s, "exception", text, severity="error"))
        found.sort(key=lambda event: event["time_s"])
        if len(found) > MOST_EVENTS:
            found = [*found[: MOST_EVENTS // 2], *found[-MOST_EVENTS // 2 :]]
        return found

    def findings(self) -> list[dict[str, Any]]:
        """The alarms, likeliest first, three at most."""
        return [
            {
                "code": finding.code,
                "severity": finding.severity,
                "origin": finding.origin,
                "title": finding.title[:MOST_TEXT],
                "sentence": finding.sentence[: 2 * MOST_TEXT],
                "advice": finding.advice[: 2 * MOST_TEXT],
                "first_step": finding.first_step,
                "keys": [str(key) for key in finding.keys[:8]],
                "module": finding.module,
                "line": finding.line,
                "code_to_try": finding.code_to_try,
            }
            for finding in self._findings[:MOST_ALARMS]
        ]

    def epochs(self) -> list[list[float]]:
        """``[step, time_s, epoch]`` of the first step of each epoch; of many, some."""
        return [[s, round(t, 3), e] for s, t, e in _some(self._epochs, MOST_EPOCHS)]

    def evals(self) -> list[list[float]]:
        """``[step, time_s]`` of the beginning of each evaluation; of many, some."""
        return [[s, round(t, 3)] for s, t in _some(self._evals, MOST_EVALS)]

    # -- epochs as an axis ----------------------------------------------------------------------

    def epoch_length(self) -> float | None:
        """Steps of an epoch, as the last whole one had; None before its end."""
        if len(self._epochs) < 2:
            return None
        (first, _, before), (last, _, epoch) = self._epochs[-2:]
        return (last - first) / (epoch - before) if epoch > before and last > first else None

    def step_of(self, epoch: float) -> float:
        """The step at a point of the axis of epochs; between two marks in equal parts."""
        rising = self._rising()
        epochs = [each for _, each in rising]
        at = bisect_right(epochs, epoch) - 1
        if at < 0:
            return -1.0 if epoch < 0 else 0.0
        step, base = rising[at]
        if at + 1 < len(rising):
            length = (rising[at + 1][0] - step) / (rising[at + 1][1] - base)
        else:
            length = self.epoch_length() or 0.0
        return step + (epoch - base) * length

    def _rising(self) -> list[tuple[int, float]]:
        """Marks of which step and epoch rise: a loop that was begun anew comes once."""
        rising: list[tuple[int, float]] = []
        for step, _, epoch in self._epochs:
            while rising and (rising[-1][0] >= step or rising[-1][1] >= epoch):
                rising.pop()
            rising.append((step, epoch))
        return rising


def _event(
    step: int | None, time_s: float | None, kind: str, text: str, **more: Any
) -> dict[str, Any]:
    time_s = 0.0 if time_s is None else round(time_s, 3)
    return {"step": step, "time_s": time_s, "kind": kind, "text": text, **more}


def _some(marks: Sequence[Any], most: int) -> Sequence[Any]:
    """At most so many, evenly, the first and the last among them."""
    if len(marks) <= most:
        return marks
    at = np.linspace(0, len(marks) - 1, most).round().astype(int)
    return [marks[i] for i in at.tolist()]
