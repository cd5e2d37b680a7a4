"""A doctor beside a run while it trains: its facts are kept, its findings written as they come."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from nbtrack.doctor.diagnose import Diagnosis, judge
from nbtrack.doctor.facts_file import write_facts
from nbtrack.instruments.observing.observer import Observer
from nbtrack.run import Run
from nbtrack.store.findings import write_findings


class Watching:
    """Stands beside one run; made by `watch`."""

    def __init__(self, run: Run, namespace: Callable[[], Mapping[str, Any]]) -> None:
        self._run = run
        self._observer = Observer(namespace)
        self._ended = threading.Event()
        self._codes: tuple[str, ...] = ()
        self._failed = False
        panel = run._panel
        if panel is not None:
            panel.observer = self._observer
        # A thread of its own: what it reads from the disk must not make a step wait.
        self._thread = threading.Thread(target=self._go, name="nbtrack-doctor", daemon=True)
        self._thread.start()

    def _go(self) -> None:
        wait_s = 1.0
        while not self._ended.wait(wait_s):
            if self._observer.changed:
                self._observer.changed = False
                self._try(at_end=False)
            wait_s = min(1.3 * wait_s, 30.0)

    def finish(self) -> Diagnosis | None:
        """The last word, once the run has ended; None if the doctor has failed."""
        self._ended.set()
        self._thread.join(timeout=5)
        found = self._try(at_end=True)
        self._observer.release()
        return found

    def _try(self, *, at_end: bool) -> Diagnosis | None:
        if self._failed:
            return None
        try:
            return self._judge(at_end=at_end)
        except OSError:  # the writer of the run has told of its disk
            self._failed = True
        except RuntimeError as error:
            if at_end or "changed size during iteration" not in str(error):
                self._fail(error)
        except Exception as error:
            self._fail(error)
        return None

    def _fail(self, error: Exception) -> None:
        self._failed = True  # the training goes on
        warnings.warn(
            f"nbtrack: the doctor of run {self._run.id} has stopped, "
            f"{type(error).__name__}: {error}",
            RuntimeWarning,
            stacklevel=2,
        )

    def _judge(self, *, at_end: bool) -> Diagnosis:
        facts = self._observer.facts()
        if at_end or facts["looks"]:
            write_facts(self._run.path, facts)
        found = judge(self._run, facts, at_end=at_end)
        codes = tuple(finding.code for finding in found)
        if codes != self._codes:
            write_findings(self._run.path, found)
            self._codes = codes
        return found


def watch(run: Run, namespace: Callable[[], Mapping[str, Any]]) -> Watching:
    """Have a doctor stand beside a run that has just started.

    Parameters
    ----------
    run : Run
        An active run of this process.
    namespace : callable
        The notebook's names.
    """
    return Watching(run, namespace)
