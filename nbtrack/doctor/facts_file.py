"""``facts.json``: what was seen of a training, kept with its run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbtrack.store.whole_file import write_whole

FILE_NAME = "facts.json"


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write a run's facts, in place of those before; the file is renamed into place.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    write_whole(folder / FILE_NAME, [json.dumps(facts).encode()])


def read_facts(folder: Path) -> dict[str, Any] | None:
    """The facts of a run; None where no doctor stood beside it, or the file is damaged."""
    try:
        facts = json.loads((folder / FILE_NAME).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return facts if isinstance(facts, dict) and facts.get("format") == 1 else None
