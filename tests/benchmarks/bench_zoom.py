"""How long a long run takes to open and to zoom in Python, and the same by TensorBoard's reader.

Run it with ``python tests/benchmarks/bench_zoom.py [--steps N] [--rounds N] [--tb-steps N]``.

A run of so many steps and 10 series, with a spike of one step, is opened as a view opens it (from
the call to the bytes of the first picture) and zoomed to ranges of several widths; each answer must
hold the spike. TensorBoard's ``EventAccumulator`` then reads event files of the same points, fewer
of them, as its Python takes long: with its usual limit of 1,000 points a series, drawn by lot, and
with none. It has no zoom: a range is cut from what it has loaded.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nbtrack.records import RunInfo
from nbtrack.store import Store
from nbtrack.store.points import RECORD_FIELDS
from nbtrack.views.feed import Feed
from nbtrack.views.wire import Allowance

KEYS = [
    *("loss", "grad_norm/total", "weight_norm/total", "update_ratio/total", "lr/group0"),
    *("throughput/steps_per_s", "throughput/data_wait", "system/memory_gib", "system/cpu_pct"),
    "accuracy",
]
SPIKE = 99.0
LIMITS = {"open": 1.0, "zoom": 0.1}  # seconds


def values_of(steps: Any) -> Any:
    """Values of all series at some steps, shape (steps, series); the spike is in the loss."""
    noise = np.random.default_rng(int(steps[0])).random((len(steps), len(KEYS)))
    return 1.0 + noise


def write_run(folder: Path, num_steps: int, spike_at: int) -> Any:
    """A run as its writer would leave it, its records written in large pieces."""
    store = Store(folder)
    writer = store.start(RunInfo(id=store.new_id(), name="long", started_s=1e9))
    writer.emit(KEYS, [1.0] * len(KEYS), 0, 1e9)
    with (writer.path / "points-r0.bin").open("wb") as file:
        for at in range(0, num_steps, 100_000):
            steps = np.arange(at, min(at + 100_000, num_steps))
            records = np.empty(len(steps) * len(KEYS), list(RECORD_FIELDS))
            records["key"] = np.tile(np.arange(len(KEYS)), len(steps))
            records["step"] = np.repeat(steps, len(KEYS))
            records["time"] = 1e9 + records["step"] / 100
            values = values_of(steps)
            values[steps == spike_at, 0] = SPIKE
            records["value"] = values.ravel()
            records.tofile(file)
    writer.finish("done", steps=num_steps)
    return store.get(-1)


def median_s(do: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """Median seconds of some calls, and what the last of them gave."""
    times, result = [], None
    for _ in range(rounds):
        began = time.perf_counter()
        result = do()
        times.append(time.perf_counter() - began)
    return statistics.median(times), result


def opened(run: Any) -> tuple[Feed, int]:
    """A feed of a run, and the bytes of its first picture."""
    feed = Feed(run)
    feed.look()
    dict(feed.changed_traits())
    return feed, sum(len(buffer) for _, buffer in feed.messages())


def zoomed(feed: Feed, low: int, high: int) -> tuple[dict[str, Any], bytes]:
    """The answer to a page that has zoomed."""
    feed.allowance = Allowance(2_000_000)
    ids = [series["id"] for panel in feed.panels() for series in panel["series"]]
    feed.ask_range({"me": "page", "n": 1, "x": "step", "lo": low, "hi": high, "k": ids})
    return next(each for each in feed.messages() if each[0]["t"] == "range")


def has_spike(message: dict[str, Any], buffer: bytes) -> bool:
    """Whether the spike is among the points of an answer."""
    total = sum(message["n"])
    return bool((np.frombuffer(buffer, "<f4", total, total * 12) == SPIKE).any())


def report(name: str, seconds: float, more: str, limit: float | None = None) -> None:
    """One line, and a complaint if it took too long."""
    print(f"{name:44} {seconds * 1e3:9.1f} ms   {more}", flush=True)
    if limit is not None and seconds > limit:
        print(f"  over the limit: at most {limit * 1e3:.0f} ms")


def tensorboard(folder: Path, num_steps: int, spike_at: int) -> None:
    """Event files of the same points, read as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder), max_queue_size=10_000)
    for at in range(0, num_steps, 10_000):
        steps = np.arange(at, min(at + 10_000, num_steps))
        values = values_of(steps)
        values[steps == spike_at, 0] = SPIKE
        for step, row in zip(steps.tolist(), values.tolist(), strict=True):
            parts = [
                Summary.Value(tag=key, simple_value=value)
                for key, value in zip(KEYS, row, strict=True)
            ]
            event = Event(step=step, wall_time=1e9 + step / 100, summary=Summary(value=parts))
            writer.add_event(event)
    writer.close()
    for name, size in (("as TensorBoard does, 1,000 a series", 1000), ("without a limit", 0)):
        began = time.perf_counter()
        accumulator = EventAccumulator(str(folder), size_guidance={"scalars": size})
        accumulator.Reload()
        seconds = time.perf_counter() - began
        loss = accumulator.Scalars("loss")
        kept = any(scalar.value == SPIKE for scalar in loss)
        report(
            f"TensorBoard, {num_steps:,} steps: {name}",
            seconds,
            f"{len(loss):,} of {num_steps:,} points, the spike is {'there' if kept else 'LOST'}",
        )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=1_000_000, help="of 10 series")
    parser.add_argument("--rounds", type=int, default=5, help="medians count")
    parser.add_argument("--tb-steps", type=int, default=50_000, help="for TensorBoard; 0: without")
    options = parser.parse_args()
    num, spike = options.steps, options.steps * 13 // 20 + 321
    with tempfile.TemporaryDirectory() as folder:
        run = write_run(Path(folder) / "store", num, spike)
        seconds, (feed, size) = median_s(lambda: opened(run), options.rounds)
        report(f"nbtrack, {num:,} steps: open", seconds, f"{size:,} bytes", LIMITS["open"])
        for width in (num, num // 2, num // 15, num // 100, 1000, 10):
            low = max(spike - width // 3, 0)
            seconds, answer = median_s(
                lambda low=low, width=width: zoomed(feed, low, low + width), options.rounds
            )
            assert has_spike(*answer), "the spike was lost"
            kept, logged = answer[0]["n"][0], answer[0]["total"][0]
            report(
                f"  zoom to {width:,} steps",
                seconds,
                f"{kept:,} points of {logged:,}, the spike is there, {len(answer[1]):,} bytes",
                LIMITS["zoom"],
            )
        held = sum(
            pyramid.leaves().nbytes for each in feed.shelf.pyramids() for pyramid in each.values()
        )
        print(f"  {held / 2**20:.1f} MiB held for the {len(KEYS)} series")
        if options.tb_steps:
            steps = min(options.tb_steps, num)
            tensorboard(Path(folder) / "events", steps, steps * 13 // 20 + 321)


if __name__ == "__main__":
    main()
