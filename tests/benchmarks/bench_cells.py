"""How much time watching adds to an ordinary cell: names, objects, settings and randomness.

Run it with ``python tests/benchmarks/bench_cells.py [--rounds N]``. The namespace is that of a long
afternoon: 200 names, among them 30 tensors of up to 4 MB, a module of 60 tensors with its
optimizer, 10 frames, 20 arrays of up to 8 MB, lists of 10,000 floats. The cells take turns; what
is timed is all that is done before and after each of them. A second table has a tensor of 2 GB
besides. The first cell, which sees everything for the first time, has a line of its own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from typing import Any

from nbtrack.capture.slicing.names import names_of
from nbtrack.capture.witnessing.witness import Watch

SETUP = """
import numpy as np, pandas as pd, torch, random
from torch import nn
torch.manual_seed(0)
class Block(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(n, n, 3, padding=1), nn.BatchNorm2d(n)
        self.conv2, self.bn2 = nn.Conv2d(n, n, 3, padding=1), nn.BatchNorm2d(n)
    def forward(self, x):
        return x + self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
class Config:
    def __init__(self):
        self.lr, self.sizes = 0.1, [8, 16]
model = nn.Sequential(nn.Conv2d(3, 16, 3), *[Block(16) for _ in range(4)], nn.Flatten())
optimizer = torch.optim.AdamW(model.parameters())
model(torch.zeros(2, 3, 8, 8)).sum().backward()
optimizer.step()
config, rng, g = Config(), np.random.default_rng(0), torch.Generator()
def loss_of(batch):
    return model(batch).square().mean() * config.lr
small = torch.randn(64)
rows = [1.0, 2.0]
"""

CELLS = [
    "total = small.sum()",
    "rows.append(3.0)",
    "last = loss0[-1]",
    "frame0.describe()",
    "small += 1",
    "config.lr = 0.2",
    "with torch.no_grad(): value = loss_of(torch.zeros(2, 3, 8, 8))",
    "array3.mean()",
    "shuffled = torch.randperm(10)",
    "optimizer.zero_grad(); loss_of(torch.ones(2, 3, 8, 8)).backward(); optimizer.step()",
    "t7 = t7 * 2",
    "def helper(x): return loss_of(x) + small.sum()",
]


def namespace() -> dict[str, Any]:
    """About 200 names such as a notebook has after some hours."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(SETUP, space)
    numpy, pandas, torch = space["np"], space["pd"], space["torch"]
    for n in range(30):
        space[f"t{n}"] = torch.randn(1000 * 1000 // (n + 1))
    for n in range(20):
        space[f"array{n}"] = numpy.random.rand(1000 * 1000 // (n + 1))
    for n in range(10):
        numbers = {f"c{k}": numpy.random.rand(5_000) for k in range(8)}
        space[f"frame{n}"] = pandas.DataFrame({**numbers, "word": ["a", "b"] * 2_500})
    for n in range(10):
        space[f"loss{n}"] = [float(x) for x in range(10_000)]
        exec(f"def f{n}(x, y={n}): return x + y + config.lr", space)
        exec(f"class C{n}:\n    def run(self): return f{n}(1)", space)
        space[f"thing{n}"] = space[f"C{n}"]()
        space[f"table{n}"] = {f"k{k}": [k] for k in range(50)}
    for n in range(200 - len(space)):
        space[f"number{n}"] = n
    return space


Times = list[tuple[float, float]]


def added_ms(space: dict[str, Any], rounds: int) -> tuple[Times, set[str]]:
    """Milliseconds per cell, by the clock and of this thread's work, and what was skipped."""
    watch = Watch(lambda: space)
    times: Times = []
    skipped: set[str] = set()
    for source in ["first = 1", *CELLS * rounds]:
        names = names_of(source)
        worked_s = -time.thread_time()
        watch.before(names)
        worked_s += time.thread_time()
        exec(compile(source, "cell", "exec"), space)
        worked_s -= time.thread_time()
        witness = watch.after()
        worked_s += time.thread_time()
        times.append((1e3 * witness.cost_s, 1e3 * worked_s))
        skipped.update(witness.skipped)
    return times, skipped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=50, help="times that all cells are run")
    rounds = parser.parse_args().rounds
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"Python {sys.version.split()[0]}, load average {load:.1f}, added time per cell")
    space = namespace()
    for title in (f"{len(space)} names", "and a tensor of 2 GB"):
        if "2 GB" in title:
            space["huge"] = space["torch"].empty(500_000_000)
        times, skipped = added_ms(space, rounds)
        print(f"{title}: {len(times) - 1} cells")
        for kind, column in (("clock", 0), ("work", 1)):
            first, *others = [row[column] for row in times]
            p99 = statistics.quantiles(others, n=100)[98]
            print(
                f"  {kind:<6} median {statistics.median(others):6.2f} ms  p99 {p99:6.2f} ms", end=""
            )
            print(f"  most {max(others):6.2f} ms  first cell {first:6.2f} ms")
        for words in sorted(skipped):
            print(f"    skipped: {words}")


if __name__ == "__main__":
    main()
