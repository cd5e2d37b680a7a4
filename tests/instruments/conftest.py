"""A recorder in place of the store, and a panel that writes to it."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict

import pytest
import torch

from nbtrack.instruments import Panel, hooks


class Record:
    """What a panel wrote: ``points[key]`` is a list of (step, value), in order."""

    def __init__(self) -> None:
        self.points = defaultdict(list)
        self.times = defaultdict(list)
        self.calls = []
        self.events = []
        self.warnings = []
        self.panel = None

    def emit(self, keys, values, step, time_s):
        found = values.tolist() if isinstance(values, torch.Tensor) else list(values)
        assert len(keys) == len(found)
        self.calls.append((tuple(keys), found, step))
        for key, value in zip(keys, found, strict=True):
            assert isinstance(value, (float, int)), (key, value)
            self.points[key].append((step, value))
            self.times[key].append(time_s)

    @contextlib.contextmanager
    def running(self, **options):
        """A panel that runs inside the with-statement."""
        options.setdefault("warn", self.warnings.append)
        self.panel = Panel(self.emit, time.time, event=self.events.append, **options)
        self.panel.start()
        try:
            yield self.panel
        finally:
            self.panel.stop()

    def steps(self, key):
        return [step for step, _ in self.points[key]]

    def values(self, key):
        return [value for _, value in self.points[key]]

    def keys(self, prefix=""):
        return sorted(key for key in self.points if key.startswith(prefix))


@contextlib.contextmanager
def routed(find):
    """Events go where `find` says, None: to the panel started last; as before afterwards."""
    before = hooks._find
    hooks.install_route(find)
    try:
        yield
    finally:
        hooks.install_route(before)


@pytest.fixture
def route():
    """The context manager `routed`, for tests of their own routes."""
    return routed


@pytest.fixture
def record():
    """A `Record`; at the end no instrument of its panel may have failed."""
    recorder = Record()
    with routed(None):
        yield recorder
    assert recorder.warnings == []
    assert recorder.panel is None or not recorder.panel.running


@pytest.fixture(autouse=True)
def _one_thread_and_one_seed():
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
