"""What digests of data, weights and order cost: ``python tests/benchmarks/bench_fingerprint.py``.

Medians over repetitions of the CPU time of one thread: other processes count little, and waiting
for the disk not at all. Targets: a batch at most 15 us (small) or 30 us
(large); data with a digest for each sample 1 GB/s; weights 2 GB/s, which BLAKE3 alone bounds.
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
import pandas as pd
import torch
from blake3 import blake3

from nbtrack.instruments.order import SampleOrder
from nbtrack.store import Store
from nbtrack.versioning.contents.fingerprint import fingerprint, quick_key
from nbtrack.versioning.contents.row_digests import row_digests
from nbtrack.versioning.contents.state import give_back_state, keep_state
from nbtrack.versioning.contents.weights import weight_digests


def median_s(body: Callable[[], Any], repetitions: int) -> float:
    """CPU time of this thread for one call, after one that warms up."""
    body()
    times = []
    for _ in range(repetitions):
        began = time.thread_time()
        body()
        times.append(time.thread_time() - began)
    return statistics.median(times)


def batches() -> dict[str, tuple[float, Any]]:
    """Batches with the most microseconds that one may cost."""
    labels = torch.randint(0, 10, (128,))
    tokens = torch.randint(0, 50_000, (64, 512))
    image = torch.randn(128, 3, 32, 32)
    return {
        "32x10 and labels": (15, [torch.randn(32, 10), labels[:32]]),
        "128x784 and labels": (30, [torch.randn(128, 784), labels]),
        "128x3x32x32 and labels": (30, [image, labels]),
        "the same, channels last": (
            30,
            [image.contiguous(memory_format=torch.channels_last), labels],
        ),
        "64x512 tokens, mask, labels": (30, {"ids": tokens, "mask": tokens > 9, "y": labels[:64]}),
        "256x3x224x224 and labels": (30, [torch.randn(256, 3, 224, 224), labels.repeat(2)]),
    }


def order(repetitions: int) -> None:
    print(f"{'order: a batch of':34s} {'us':>8s} {'at most':>8s}")
    for name, (limit_us, batch) in batches().items():
        noted = SampleOrder()

        def hundred(noted: SampleOrder = noted, batch: Any = batch) -> None:
            for _ in range(100):
                noted.batch(batch)

        cost_us = median_s(hundred, repetitions) * 1e4
        assert noted.skipped == {}
        print(f"{name:34s} {cost_us:8.1f} {limit_us:8.0f}" + ("  OVER" * (cost_us > limit_us)))


def contents(repetitions: int) -> None:
    torch.manual_seed(0)
    images, raw = torch.randn(60_000, 784), np.zeros(2**28, np.uint8)
    half = images.bfloat16()
    texts = [f"a short text with the number {n}" for n in range(100_000)]
    frame = pd.DataFrame({"n": np.arange(1_000_000), "x": np.random.rand(1_000_000)})
    cases: dict[str, tuple[int, Callable[[], Any]]] = {
        "BLAKE3 alone": (raw.nbytes, lambda: blake3(raw).digest()),
        "tensor 60,000x784": (images.nbytes, lambda: fingerprint(images.view(60_000, 784))),
        "the same without rows": (
            images.nbytes,
            lambda: fingerprint(images.view(60_000, 784), rows=False),
        ),
        "the same as bfloat16": (
            images.nbytes // 2,
            lambda: fingerprint(half.view(60_000, 784)),
        ),
        "frame of 1,000,000x2 numbers": (frame.size * 8, lambda: fingerprint(frame.copy())),
        "list of 100,000 texts": (sum(map(len, texts)), lambda: fingerprint(texts)),
    }
    for row_bytes in (4, 8, 64, 784, 3136, 602_112):
        rows = np.random.default_rng(0).integers(0, 256, (2**26 // row_bytes, row_bytes), np.uint8)
        cases[f"rows alone, {row_bytes:,} bytes each"] = (
            rows.nbytes,
            lambda rows=rows: row_digests(rows),
        )
    print(f"\n{'contents':34s} {'ms':>8s} {'GB/s':>8s}")
    for name, (num_bytes, body) in cases.items():
        cost_s = median_s(body, max(3, repetitions // 5))
        print(f"{name:34s} {cost_s * 1e3:8.1f} {num_bytes / cost_s / 1e9:8.2f}")
    fingerprint(images)
    print(f"{'read before, unchanged':34s} {median_s(lambda: fingerprint(images), 50) * 1e3:8.3f}")
    print(f"{'quick_key':34s} {median_s(lambda: quick_key(images), 50) * 1e3:8.3f}")


def weights(repetitions: int) -> None:
    model = torch.nn.Sequential(*[torch.nn.Linear(1024, 1024) for _ in range(16)])
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 1024)).sum().backward()
    optimizer.step()
    values = {"model": model, "optimizer": optimizer}
    num_bytes = 3 * sum(parameter.nbytes for parameter in model.parameters())
    print(f"\n{f'model and Adam, {num_bytes / 2**20:,.0f} MiB':34s} {'ms':>8s} {'GB/s':>8s}")

    def line(name: str, body: Callable[[], Any], size: int = num_bytes) -> None:
        cost_s = median_s(body, max(3, repetitions // 10))
        print(f"{name:34s} {cost_s * 1e3:8.1f} {size / cost_s / 1e9:8.2f}")

    line("weight_digests", lambda: weight_digests(values))
    with tempfile.TemporaryDirectory() as folder:
        blobs = Store(Path(folder)).blobs
        began = time.thread_time()
        kept = keep_state(blobs, values)
        first_s = time.thread_time() - began
        print(
            f"{'keep_state, first time':34s} {first_s * 1e3:8.1f} {num_bytes / first_s / 1e9:8.2f}"
        )
        line("keep_state, all there already", lambda: keep_state(blobs, values))
        line("give_back_state", lambda: give_back_state(blobs, kept))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=31)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, NumPy {np.__version__}, medians of CPU time, 1 thread")
    order(options.repetitions)
    contents(options.repetitions)
    weights(options.repetitions)


if __name__ == "__main__":
    main()
