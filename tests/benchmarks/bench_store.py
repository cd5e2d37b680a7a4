"""Cost of writing and reading points and of listing runs, beside what else one could use.

Run it with ``python tests/benchmarks/bench_store.py``. All contenders of a table run in one
process, taking turns, so that a busy machine slows all of them alike. Medians and 99th percentiles.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nbtrack.records import Cell, RunInfo
from nbtrack.store import RunWriter, Store

VALUES = {f"train/metric_{i}": 0.1234567 * i + 0.01 for i in range(10)}


def start(store: Store, name: str = "bench") -> RunWriter:
    return store.start(RunInfo(id=store.new_id(), name=name, started_s=time.time()))


def take_turns(
    contenders: dict[str, Callable[[int], None]], calls: int, burst: int = 100
) -> dict[str, list[float]]:
    """Microseconds of every call, the contenders taking turns in bursts."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for call in contenders.values():
        call(-1)  # first call: opens files
    for first in range(0, calls, burst):
        for name, call in contenders.items():
            for i in range(first, first + burst):
                begin = time.perf_counter_ns()
                call(i)
                times[name].append((time.perf_counter_ns() - begin) / 1e3)
    return times


def show(title: str, rows: list[tuple[str, ...]]) -> None:
    print(f"\n{title}")
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  " + "   ".join(cells))


def bench_log(folder: Path, calls: int) -> None:
    """`log()` of 10 floats."""
    writer = start(Store(folder / "store"))
    emitter = start(Store(folder / "store"))
    keys, numbers = tuple(VALUES), list(VALUES.values())
    file = (folder / "values.jsonl").open("a", encoding="utf-8")
    nested = {"train": {f"metric_{i}": v for i, v in enumerate(VALUES.values())}}
    scalars = {key: np.float32(value) for key, value in VALUES.items()}

    def json_line(step: int) -> None:
        file.write(json.dumps({"step": step, **VALUES}) + "\n")
        file.flush()

    contenders: dict[str, Callable[[int], None]] = {
        "json.dumps + write + flush": json_line,
        "RunWriter.log, 10 floats": lambda step: writer.log(VALUES, step),
        "RunWriter.log, no step given": lambda step: writer.log(VALUES),
        "RunWriter.log, 10 np.float32": lambda step: writer.log(scalars, step),
        "RunWriter.log, nested dict": lambda step: writer.log(nested, step),
        "RunWriter.emit, 10 readings": lambda step: emitter.emit(keys, numbers, step, 0.0),
    }
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        print(f"tensorboard's row is left out: {error}")
    else:
        board = SummaryWriter(str(folder / "board"))

        def add_scalars(step: int) -> None:
            for key, value in VALUES.items():
                board.add_scalar(key, value, step)

        contenders["tensorboard add_scalar x 10"] = add_scalars
    times = take_turns(contenders, calls)
    base = statistics.median(times["json.dumps + write + flush"])
    rows: list[tuple[str, ...]] = [("", "p50 us", "p99 us", "of json")]
    for name, taken in times.items():
        p50, p99 = np.percentile(taken, [50, 99])
        rows.append((name, f"{p50:.1f}", f"{p99:.1f}", f"{p50 / base:.2f}"))
    show(f"Logging 10 values, {calls:,} calls each (aim: 0.70 of json, below tensorboard)", rows)
    writer.finish()
    emitter.finish()
    file.close()


def bench_points(folder: Path, num_points: int, repeats: int) -> None:
    """Read points back, and look for new ones."""
    store = Store(folder / "points")
    writer = start(store)
    keys = tuple(f"key_{i}" for i in range(100))
    numbers = np.random.default_rng(0).normal(size=100).tolist()
    for step in range(num_points // len(keys)):
        writer.emit(keys, numbers, step, writer.now())
    run = store.get(-1)
    assert len(run.points()) == num_points
    tail = run.tail()
    tail.read()

    def tail_some() -> None:
        writer.emit(keys[:10], numbers[:10], 0, writer.now())
        assert len(tail.read()) == 10

    def tail_none() -> None:
        assert not tail.read()

    contenders: dict[str, Callable[[], object]] = {
        f"points(): {num_points:,} to a DataFrame": run.points,
        "points([3 of 100 keys])": lambda: run.points(keys[:3]),
        "series(key)": lambda: run.series("key_7"),
        "summary()": run.summary,
        "tail().read(), nothing new": tail_none,
        "emit and tail().read(), 10 new points": tail_some,
    }
    rows: list[tuple[str, ...]] = [("", "median ms", "worst ms")]
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, call in contenders.items():
            begin = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - begin) * 1e3)
    for name, taken in times.items():
        rows.append((name, f"{statistics.median(taken):.2f}", f"{max(taken):.2f}"))
    show(f"Reading, {repeats} times (aim: 1,000,000 points under 200 ms)", rows)
    writer.finish()


def bench_runs(folder: Path, num_runs: int) -> None:
    """List many runs: each with 10 parameters, 40 series and 2 kB of cells."""
    store = Store(folder / "runs")
    cells = tuple(Cell("x = 1  # a line of the cell\n" * 35, f"cell{i}", i) for i in range(2))
    one = {"first": 1.0, "last": 0.123, "min": 0.1, "max": 1.5, "count": 100, "last_step": 99}
    names = ["loss", "val/acc", "lr/group0", *(f"grad_norm/layer.{i}" for i in range(37))]
    from nbtrack.store.runfile import write_info

    for i in range(num_runs):
        info = RunInfo(
            id=store.new_id(),
            name=f"run {i}",
            started_s=1.7e9 + i,
            ended_s=1.7e9 + i + 60,
            status="done",
            params={f"param_{k}": k * i for k in range(10)},
            cells=cells,
            steps=100,
            summary=dict.fromkeys(names, one),
        )
        write_info(store.run_folder(info.id), info)

    def listing(fresh: Store) -> float:
        begin = time.perf_counter()
        assert len(fresh.runs()) == num_runs
        return time.perf_counter() - begin

    rows: list[tuple[str, ...]] = [("", "s")]
    rows.append(("cold: no index yet", f"{listing(store):.2f}"))
    fresh = [Store(store.path) for _ in range(3)]
    warm = [listing(each) for each in fresh]
    again = [listing(fresh[0]) for _ in range(3)]
    begin = time.perf_counter()
    fresh[0].runs("param_3 < 300 and not status = failed")
    chosen = time.perf_counter() - begin
    begin = time.perf_counter()
    fresh[0].runs.infos(limit=50)
    infos = time.perf_counter() - begin
    rows.append(("warm: index read by a new process", f"{statistics.median(warm):.2f}"))
    rows.append(("again in the same process", f"{statistics.median(again):.2f}"))
    rows.append(("again, with a query", f"{chosen:.2f}"))
    rows.append(("infos(limit=50)", f"{infos:.2f}"))
    show(f"store.runs() over {num_runs:,} runs (aim: under 1 s)", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=10_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        bench_log(Path(name), chosen.calls)
        bench_points(Path(name), chosen.points, repeats=15)
        bench_runs(Path(name), chosen.runs)


if __name__ == "__main__":
    main()
