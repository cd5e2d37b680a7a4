"""How long ``import nbtrack`` takes: over a bare Python, and inside an IPython shell.

Run it with ``python tests/benchmarks/bench_import.py [--rounds N]``. The programs take turns, so
that a busy moment of the machine hits all of them; medians are printed, with the difference to
the program each is compared with.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

SHELL = "from IPython.core.interactiveshell import InteractiveShell as S; s = S.instance()"

# What is timed: the name, the program, and the program that it is compared with.
PROGRAMS = {
    "pass": ("pass", None),
    "import nbtrack": ("import nbtrack", "pass"),
    "IPython shell": (SHELL, None),
    "%load_ext nbtrack": (f"{SHELL}; s.run_line_magic('load_ext', 'nbtrack')", "IPython shell"),
}


def time_s(program: str) -> float:
    """Seconds from the start of a fresh Python to its end."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="runs of each program")
    rounds = parser.parse_args().rounds

    for program, _ in PROGRAMS.values():  # one round to fill the disk cache and write .pyc files
        time_s(program)
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, (program, _) in PROGRAMS.items():
            times[name].append(time_s(program))

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"Python {sys.version.split()[0]}, {rounds} interleaved rounds, load average {load:.1f}")
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, (_, base) in PROGRAMS.items():
        over = f"  {medians[name] - medians[base]:+.3f} s over {base!r}" if base else ""
        print(f"{name:<18} median {medians[name]:.3f} s  min {min(times[name]):.3f} s{over}")


if __name__ == "__main__":
    main()
