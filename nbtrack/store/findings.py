"""``findings.json``: what the doctor has found in a run, the likeliest cause first."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path

from nbtrack.errors import StoreError
from nbtrack.records import Finding
from nbtrack.store.whole_file import write_whole

FILE_NAME = "findings.json"

_KNOWN = {field.name for field in fields(Finding)}


def write_findings(folder: Path, findings: Iterable[Finding]) -> None:
    """Write a run's findings, in place of those before; the file is renamed into place.

    Raises
    ------
    OSError
        If the folder cannot be written; the file is then as it was.
    """
    document = {"format": 1, "findings": [asdict(finding) for finding in findings]}
    write_whole(folder / FILE_NAME, [json.dumps(document, indent=1, default=repr).encode()])


def read_findings(folder: Path) -> list[Finding]:
    """The findings of a run; none where nobody has looked.

    Raises
    ------
    StoreError
        If the file is damaged.
    """
    path = folder / FILE_NAME
    try:
        found = json.loads(path.read_bytes())["findings"]
        return [
            Finding(
                **{name: value for name, value in one.items() if name in _KNOWN and name != "keys"},
                keys=tuple(one.get("keys", ())),
            )
            for one in found
        ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{path} is damaged ({error}): delete it and run %doctor again") from error
