"""How many notebooks are given back bit for bit, how small their slices are, and what it takes.

Run it with ``python tests/benchmarks/bench_reproduce.py [--only WORD] [--whole]``. The notebooks
are those of ``tests/replays``: whole ones of many styles, executed in kernels of their own, and the
small ones with one difficulty each, which ``--whole`` leaves out. Every newest run is
reproduced in a fresh kernel. What watching adds to an ordinary cell is told by ``bench_cells.py``.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "replays"))

from played import all_programs, execute, forgetful_shell, furnish, in_shell
from test_replays_small import NOTEBOOKS

import nbtrack
from nbtrack.versioning.repeating.reproduce import reproduce


def executed(folder: Path, only: str, small: bool) -> Iterator[tuple[str, float | None]]:
    """Executes one notebook after the other; its name, and the seconds that its cells took."""
    for program in all_programs():
        if only in program.name:
            yield program.name, execute(program, furnish(folder / program.name))
    for number, (name, cells) in enumerate(NOTEBOOKS.items() if small else ()):
        if only in name:
            with redirect_stdout(io.StringIO()), forgetful_shell(folder / str(number)) as shell:
                in_shell(shell, ["import random", *cells])
            yield name, None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="a part of the names of notebooks to take")
    parser.add_argument("--whole", action="store_true", help="leave out the small notebooks")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nbtrack-bench-"))
    os.environ["NBTRACK_DIR"] = str(folder / "store")
    os.environ["IPYTHONDIR"] = str(folder / "ipython")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load average {load:.1f}")
    print(f"{'notebook':<48}{'verdict':<11}{'slice':>9}{'run':>8}{'cells':>8}{'again':>8}")
    found: list[tuple[bool, Any]] = []
    for name, cells_s in executed(folder, options.only, not options.whole):
        run = nbtrack.get(-1)
        again = reproduce(run, say=lambda line: None)
        run_s = (run.info.ended_s or 0) - run.info.started_s
        needed = len(run.replay["cells"])
        of = run.replay["num_executed"]
        told = "" if cells_s is None else f"{cells_s:.1f} s"
        print(
            f"{name[:46]:<48}{again.verdict:<11}{f'{needed} of {of}':>9}{run_s:>6.1f} s{told:>8}",
            end="",
        )
        print(f"{again.duration_s:>6.1f} s", flush=True)
        if again.verdict != "identical":
            print(f"    {again.sentence.splitlines()[0]} {again.reason or ''}"[:200])
        found.append((cells_s is not None, (again, needed / of, run_s)))
    for title, is_whole in (("whole notebooks", True), ("small notebooks", False)):
        some = [each for whole, each in found if whole is is_whole]
        if some:
            same = sum(again.verdict == "identical" for again, _, _ in some)
            share = statistics.median(share for _, share, _ in some)
            took = statistics.median(again.duration_s for again, _, _ in some)
            run_s = statistics.median(run_s for _, _, run_s in some)
            print(
                f"{title}: identical {same} of {len(some)}; slice {share:.0%} of the executed "
                f"cells (median); reproduced in {took:.1f} s, the run took {run_s:.1f} s (medians)"
            )


if __name__ == "__main__":
    main()
