"""``facts.json``: what was seen of a training, kept with its run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE_NAME = "facts.json"


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write a run's facts, in place of those before; the file is renamed into place.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    temporary = folder / f".{FILE_NAME}.{os.getpid():x}{os.urandom(2).hex()}"
    try:
        temporary.write_text(json.dumps(facts), encoding="utf-8")
        temporary.replace(folder / FILE_NAME)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def read_facts(folder: Path) -> dict[str, Any] | None:
    """The facts of a run; None where no doctor stood beside it, or the file is damaged."""
    try:
        facts = json.loads((folder / FILE_NAME).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return facts if isinstance(facts, dict) and facts.get("format") == 1 else None
