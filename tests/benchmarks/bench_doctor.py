"""How well the doctor does: ``python tests/benchmarks/bench_doctor.py [--half report]``.

Prints recall by code, precision, alarms on healthy programs and on fixed twins, the step at which
loop and optimizer faults were first seen, and what the observer adds to the time of a step.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))
from fault_programs import found_in, programs


def score(half: str) -> None:
    """Run the programs of one half, or all, and print the table."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "nbtrack")
    right, total = defaultdict(int), defaultdict(int)
    alarms = {"sick": 0, "healthy": 0, "fixed": 0}
    sizes = dict.fromkeys(alarms, 0)
    named, true = 0, 0
    for program in programs():
        if half != "all" and program.half != half:
            continue
        kind = "sick" if program.code != "healthy" else "healthy"
        kind = "fixed" if program.name.endswith(":fixed") else kind
        with contextlib.redirect_stdout(io.StringIO()):
            found = [f for f in found_in(shell, program.source) if f.severity != "info"]
        codes = [f.code for f in found]
        sizes[kind] += 1
        alarms[kind] += bool(codes)
        named += len(codes)
        true += codes.count(program.code)
        if kind == "sick":
            total[program.code] += 1
            right[program.code] += program.code in codes
        if (kind == "sick") != (program.code in codes or bool(codes)) or (
            kind == "sick" and program.code not in codes
        ):
            print(f"  {program.name} ({program.code}): {codes}")
    for code in sorted(total):
        print(f"{code:24} {right[code]} of {total[code]}")
    print(f"right code     {sum(right.values())} of {sum(total.values())}")
    print(f"some alarm     {alarms['sick']} of {sizes['sick']}")
    print(f"precision      {true} of {named} findings")
    print(f"healthy alarms {alarms['healthy']} of {sizes['healthy']}")
    print(f"fixed alarms   {alarms['fixed']} of {sizes['fixed']}")


def added_time(width: int, batch: int, blocks: int = 30, steps: int = 60) -> None:
    """Paired ratios of blocks of tracked steps, with and without the observer."""
    from nbtrack.doctor import watch
    from nbtrack.run import start

    torch.set_num_threads(1)
    net = torch.nn.Sequential(
        torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, width),
        torch.nn.ReLU(), torch.nn.Linear(width, 10),
    )  # fmt: skip
    x, y = torch.randn(batch, 64), torch.randint(0, 10, (batch,))
    opt = torch.optim.SGD(net.parameters(), lr=1e-3)

    def block() -> float:
        began = time.thread_time()
        for _ in range(steps):
            opt.zero_grad()
            torch.nn.functional.cross_entropy(net(x), y).backward()
            opt.step()
        return (time.thread_time() - began) / steps

    with start("bench") as run:
        doctor = watch(run, dict)
        panel = run._panel
        observer = panel.observer
        block()
        ratios, plain = [], []
        for _ in range(blocks):
            panel.observer = None
            without = block()
            panel.observer = observer
            ratios.append(block() / without)
            plain.append(without)
        panel.observer = observer
    doctor.finish()
    print(
        f"step of {1e3 * statistics.median(plain):.2f} ms: "
        f"{100 * (statistics.median(ratios) - 1):+.2f} % with the observer"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--half", choices=["build", "report", "all"], default="all")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NBTRACK_DIR"] = folder
        score(options.half)
        added_time(128, 64)
        added_time(512, 256)
