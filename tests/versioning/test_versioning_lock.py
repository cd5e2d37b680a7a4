"""The lock file is one that pip reads, and says what it cannot hold."""

from __future__ import annotations

import json
import subprocess
import sys

from packaging.requirements import Requirement

from nbtrack.versioning.repeating.lock import lock_file

RECORDED = {
    "python": {"version": "3.11.7", "implementation": "CPython"},
    "os": {"name": "Linux", "machine": "x86_64", "libc": "glibc 2.36"},
    "packages": {
        "torch": "2.13.0+cpu",
        "torchvision": "0.28.0+cu130",
        "numpy": "2.4.6",
        "mine": "0.1",
        "theirs": "1.0",
        "pip": "23.2.1",
        "odd": "1.1ubuntu0.2-3",
    },
    "sources": {
        "mine": {"url": "file:///home/me/mine", "editable": True, "commit": "abc"},
        "theirs": {"url": "https://host.example/a.git", "editable": False, "commit": None},
    },
}


def test_the_lock_file_of_a_recorded_environment():
    assert lock_file(RECORDED).splitlines() == [
        "# The packages of a recorded run: pip install -r with this file",
        "# CPython 3.11.7, Linux x86_64, glibc 2.36",
        "",
        "# mine 0.1: editable, from file:///home/me/mine, commit abc",
        "numpy==2.4.6",
        "# odd 1.1ubuntu0.2-3: not a version that pip knows",
        "# pip 23.2.1: what installs the others",
        "# theirs 1.0: from https://host.example/a.git",
        "# the cpu build of torch: needs --extra-index-url with the index for CPU builds (cpu)",
        "torch==2.13.0+cpu",
        "# the cu130 build of torchvision: needs --extra-index-url with the index for CUDA 13.0 "
        "(cu130)",
        "torchvision==0.28.0+cu130",
    ]


def test_this_environment_satisfies_its_own_lock_file(tmp_path):
    # Of a process of its own: other tests put packages on the path of this one.
    code = (
        "import json; from nbtrack.capture.surroundings.environment import environment; "
        "print(json.dumps(environment()))"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    text = lock_file(json.loads(told.stdout))
    pinned = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(pinned) > 50
    assert all(Requirement(line).specifier for line in pinned)
    path = tmp_path / "requirements.lock"
    path.write_text(text, encoding="utf-8")
    # All is there in this very version: pip has nothing to fetch, and fails if it had.
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--dry-run", "-r"]
    subprocess.run([*command, str(path)], check=True, capture_output=True)
    path.write_text(text.replace("numpy==", "numpy==0."), encoding="utf-8")
    assert subprocess.run([*command, str(path)], check=False, capture_output=True).returncode


def test_an_environment_of_which_nothing_is_known_gives_an_empty_lock_file():
    assert [line for line in lock_file({}).splitlines() if not line.startswith("#")] == [""]
