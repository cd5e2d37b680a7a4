"""Cost of the table of runs on Python's side: open, filter, sort, page, over 10,000 runs.

Run it with ``python tests/benchmarks/bench_runs.py``. Medians. TensorBoard is not beside it: its
list of runs has no columns, and no query or order by a value; hyper-parameters need
events of its HParams plugin in each run, which a training that logs scalars does not write.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable

from nbtrack.records import RunInfo
from nbtrack.store import Store
from nbtrack.store.runfile import write_info
from nbtrack.views.runs_feed import RunsFeed


def fill(store: Store, num_runs: int) -> None:
    for i in range(num_runs):
        folder = store.run_folder(f"a{i:05d}")
        folder.mkdir(parents=True)
        last = 1 / (i + 1)
        one = {"first": 1.0, "last": last, "min": last, "max": 1.0, "count": 9.0, "last_step": 8.0}
        info = RunInfo(
            id=folder.name,
            name=f"net-{i // 500}",
            started_s=1e9 + i,
            ended_s=1e9 + i + 60,
            status="done",
            params={f"p{k}": i % (k + 2) for k in range(10)} | {"lr": 0.1 / (1 + i % 50)},
            tags=("baseline",) if i % 2 else (),
            summary={f"{key}{k}": one for key in ("loss", "val/acc") for k in ("", 1, 2)},
        )
        write_info(folder, info)


def median_ms(do: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        do()
        took.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fill(Store(folder), options.runs)
        cold = median_ms(lambda: Store(folder).runs.rows(), 1)
        print(f"list, without index: {cold:.0f} ms")
        opened = median_ms(lambda: RunsFeed(Store(folder)).first(), options.times)
        print(f"open: {opened:.0f} ms")
        feed = RunsFeed(Store(folder))
        question = {"t": "query", "q": "lr < 0.01 and tag:baseline and loss.min < 0.2", "hi": 60}
        print(f"filter: {median_ms(lambda: feed.answer(question), options.times):.0f} ms")
        feed.answer({"t": "query", "q": ""})
        order = {"t": "sort", "id": "loss", "direction": "ascending", "hi": 60}
        print(f"sort: {median_ms(lambda: feed.answer(order), options.times):.0f} ms")
        page = {"t": "page", "lo": 5000, "hi": 5060}
        print(f"page of 60: {median_ms(lambda: feed.answer(page), options.times):.0f} ms")


if __name__ == "__main__":
    main()
