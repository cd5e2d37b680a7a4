"""The sick programs, their fixed twins and the healthy look-alikes; what the doctor says of them.

A line that ends in ``# sick`` is in the sick program only, ``# fixed: ...`` in its twin only.
Half of the files, by the hash of their names, are for building; the other half is for the report.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent / "programs"


class Program(NamedTuple):
    """One program, sick or healthy."""

    name: str
    code: str  # the fault, or "healthy"
    source: str
    half: str  # "build" or "report"


def programs() -> list[Program]:
    """All of them: of each fault the sick program and its twin, called ``NAME:fixed``."""
    found = []
    for path in sorted(FOLDER.glob("*.py")):
        first, _, text = path.read_text(encoding="utf-8").partition("\n")
        code = first.removeprefix("# code: ").strip()
        half = "report" if hashlib.sha256(path.stem.encode()).digest()[0] % 2 else "build"
        found.append(Program(path.stem, code, sick(text), half))
        if code != "healthy":
            found.append(Program(f"{path.stem}:fixed", "healthy", fixed(text), half))
    return found


def sick(text: str) -> str:
    """The program with its fault."""
    lines = [line for line in text.splitlines() if "# fixed: " not in line]
    return "\n".join(line.removesuffix("  # sick") for line in lines) + "\n"


def fixed(text: str) -> str:
    """The program without it."""
    lines = [line for line in text.splitlines() if not line.endswith("# sick")]
    return "\n".join(line.replace("# fixed: ", "") for line in lines) + "\n"


def found_in(shell: Any, source: str) -> list[Any]:
    """Run a program as a tracked cell of `shell`; what the doctor beside it has written."""
    import nbtrack

    result = shell.run_cell(f"%%track --no-live\n{source}", store_history=True)
    result.raise_error()
    return nbtrack.get(-1).findings
