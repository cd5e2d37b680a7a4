"""Runs to look at, and a page that is told about one: a slow twin of the JavaScript."""

import math
import time

import numpy as np
import pytest

from nbtrack.records import RunInfo
from nbtrack.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def start(store):
    """Start a run; returns its writer."""

    def _start(name="digits", **fields):
        fields.setdefault("started_s", time.time())
        return store.start(RunInfo(id=store.new_id(), name=name, **fields))

    return _start


@pytest.fixture
def finished(start, store):
    """A run of `n` steps that has ended; returns its reading side."""

    def _finished(n=120, status="done", name="digits", error=None, losses=None, **fields):
        writer = start(name, **fields)
        for step in range(n):
            loss = losses[step] if losses else 2.0 * math.exp(-step / 30) + 0.1
            writer.emit(
                ["loss", "lr/group0", "grad_norm/total"],
                [loss, 0.01, 1.0 / (step + 1)],
                step,
                writer.info.started_s + step / 10,
            )
            if step % 10 == 9:
                writer.log({"val/loss": loss * 1.1, "val/accuracy": 1 - loss / 3}, step)
        writer.finish(status, error=error, steps=n)
        return store.get(writer.info.id)

    return _finished


class Page:
    """What a page holds of a run, by the rules of the protocol and in the plainest way."""

    def __init__(self):
        self.have = {}
        self.steps = {}
        self.values = {}
        self.rows = {}
        self.missed = set()

    def take(self, message, buffer):
        total, at_byte = sum(message["n"]), 0
        steps = np.frombuffer(buffer, "<f8", total)
        values = np.frombuffer(buffer, "<f4", total, total * 12)
        counts = np.ones(total)
        if "w" in message:
            counts = np.frombuffer(buffer, "<f4", total, total * 20)
        for j, (number, n) in enumerate(zip(message["k"], message["n"], strict=True)):
            part = slice(at_byte, at_byte + n)
            at_byte += n
            if message["t"] == "snap":
                if number in self.missed or number not in self.have:
                    self._set(number, steps[part], values[part], counts[part].sum())
                    self.have[number] = message["upto"][j]
                    self.missed.discard(number)
                continue
            start = message["at"][j]
            if start > self.have.get(number, 0):
                self.missed.add(number)
            if number in self.missed:
                continue
            assert start == self.have.get(number, 0), "pieces follow each other"
            old = self.steps.get(number, np.empty(0)), self.values.get(number, np.empty(0))
            self._set(
                number,
                np.concatenate([old[0], steps[part]]),
                np.concatenate([old[1], values[part]]),
                self.rows.get(number, 0) + counts[part].sum(),
            )
            self.have[number] = start + n

    def _set(self, number, steps, values, rows):
        self.steps[number], self.values[number], self.rows[number] = steps, values, int(rows)


@pytest.fixture
def page():
    return Page()
