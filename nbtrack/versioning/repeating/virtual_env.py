"""A virtual environment made from the lock file of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from nbtrack.errors import NotReproducible


def make_environment(folder: Path, say: Callable[[str], None]) -> str:
    """Make ``.venv`` in a folder, with the packages of its ``requirements.lock``.

    Returns
    -------
    str
        Path of its interpreter.

    Raises
    ------
    NotReproducible
        If venv or pip fail; with the end of what they said.
    """
    target = folder / ".venv"
    say(f"making {target} from requirements.lock")
    _run([sys.executable, "-m", "venv", str(target)])
    python = target / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    _run([str(python), "-m", "pip", "install", "-q", "-r", str(folder / "requirements.lock")])
    return str(python)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        told = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise NotReproducible(
            f"{' '.join(command[:4])} failed, so there is no environment to run in:\n{told}\n"
            "Edit requirements.lock in the folder, or reproduce without --env"
        )
