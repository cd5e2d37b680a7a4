"""What a comparison costs: 200 runs of 2,000 points, and 10,000 runs in a table.

Prints medians of a few repetitions in one process; the runs are written to a folder that is
removed afterwards. The first comparison reads all files, the later ones read them again where they
have changed: both are printed.

    python tests/benchmarks/bench_compare.py [--runs 200] [--points 2000] [--many 10000]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from nbtrack.evaluate import compare
from nbtrack.records import Cell, RunInfo
from nbtrack.versioning.kept_store import Store


def write(store: Store, number: int, points: int) -> None:
    """A sweep of ten learning rates, a seed each time round."""
    rng = np.random.default_rng(number)
    lr = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0][number % 10]
    started = 1_700_000_000.0 + number * 60
    info = RunInfo(
        id=store.new_id(),
        name="sweep",
        started_s=started,
        params={"lr": lr, "width": 64 + number % 3},
        seed=number // 10,
        cells=(Cell("train(lr, width)", "c1", 3),),
        notebook="sweep.ipynb",
    )
    writer = store.start(info)
    losses = np.exp(-np.arange(points) * lr / points) + rng.normal(0, 0.02, points)
    for step, loss in enumerate(losses.tolist()):
        writer.emit(["loss"], [loss], step, started + step / 100)
    writer.emit(["val/accuracy"], [0.9 + rng.normal(0, 0.01)], points, started + points / 100)
    writer.finish()


def median_s(do: Callable[[], Any], times: int = 5) -> float:
    """Seconds of the middle of several calls."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        do()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--many", type=int, default=10_000)
    chosen = parser.parse_args()
    compare_some(chosen.runs, chosen.points)
    compare_many(chosen.many)


def compare_some(runs: int, points: int) -> None:
    """Overlay, verdict and payload of some runs with many points."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        for number in range(runs):
            write(store, number, points)
        began = time.perf_counter()
        found = compare(store=store, metric="loss", group_by="lr")
        size = len(json.dumps(found.payload()))
        first = time.perf_counter() - began
        print(f"{runs} runs x {points:,} points, first: {first:.2f} s, {size / 1e3:,.0f} kB")
        again = median_s(lambda: found.choose({"statistic": "min"}).payload())
        print(f"  another choice, whole payload: {again:.2f} s")
        print(f"  verdict alone: {median_s(lambda: found.choose({'a': 'A', 'b': 'C'})):.3f} s")
        print(f"  zoomed curves: {median_s(lambda: found.overlay(lo=100, hi=300)):.3f} s")
        print(f"  picture: {median_s(found.static_bundle):.2f} s")


def compare_many(many: int) -> None:
    """The table of many runs of few points."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        for number in range(many):
            write(store, number, 3)
        store.runs.rows()  # the index
        compared = compare(store=store, group_by="lr")
        print(f"{many:,} runs: compare {median_s(lambda: compare(store=store), 3):.2f} s")
        by = median_s(lambda: compare(store=store, group_by="lr"), 3)
        print(f"  grouped by lr: {by:.2f} s")
        print(f"  table to payload: {median_s(lambda: compared.payload(['table']), 3):.2f} s")
        size = len(json.dumps(compared.payload(["table"])))
        print(f"  size of the table: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
