"""A store of one's own for every test, and runs in it."""

import subprocess
import sys
import time

import pytest

from nbtrack.records import RunInfo
from nbtrack.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def start(store):
    """Starts a run: ``writer = start(name="base", params={"lr": 0.1})``."""

    def start(name="run", **fields):
        fields.setdefault("started_s", time.time())
        return store.start(RunInfo(id=store.new_id(), name=name, **fields))

    return start


@pytest.fixture
def writer(start):
    return start()


@pytest.fixture
def points(store):
    """What is on the disk of a run: ``points(writer)`` gives rows (step, key, value)."""

    def points(writer):
        frame = store.get(writer.info.id).points()
        return list(zip(frame.step, frame.key, frame.value, strict=True))

    return points


PROGRAM = """
import os, sys, time
from nbtrack.records import RunInfo
from nbtrack.store import Store
store = Store(sys.argv[1])
def start(name="run", **fields):
    return store.start(RunInfo(id=store.new_id(), name=name, started_s=time.time(), **fields))
"""


@pytest.fixture
def program_start():
    return PROGRAM


@pytest.fixture
def program(store):
    """Starts another Python process on the same store, which has `store` and `start` too."""
    processes = []

    def program(source, *args):
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", PROGRAM + source, str(store.path), *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield program
    for process in processes:
        process.kill()
        process.communicate()
