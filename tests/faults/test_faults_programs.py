"""Each sick program is called by its fault; its fixed twin and the look-alikes are left alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fault_programs import Program, found_in, programs

# The other half is looked at by tests/benchmarks/bench_doctor.py alone, for the report.
BUILD = [program for program in programs() if program.half == "build"]


@pytest.fixture
def shell(plain_shell: Any) -> Iterator[Any]:
    plain_shell.run_line_magic("load_ext", "nbtrack")
    yield plain_shell
    plain_shell.run_line_magic("unload_ext", "nbtrack")


def marked(program: Program) -> Any:
    slow = [pytest.mark.slow] if program.name.endswith(":fixed") else []
    return pytest.param(program, id=program.name, marks=slow)


@pytest.mark.parametrize("program", [marked(program) for program in BUILD])
def test_the_doctor_names_the_fault_and_nothing_else(shell: Any, program: Program) -> None:
    found = {finding.code for finding in found_in(shell, program.source)}
    assert found == ({program.code} - {"healthy"})
