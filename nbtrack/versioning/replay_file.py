"""``replay.json`` in a run's folder: what it takes, beside the code, to run it again.

The cells with their reasons and random states, the environment, the files and data that went in,
the weights that came out. Large contents are blobs, named by their digests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbtrack.errors import FormatTooNew, StoreError
from nbtrack.store.whole_file import write_whole

FORMAT = 1
FILE_NAME = "replay.json"


def write_replay(folder: Path, replay: Mapping[str, Any]) -> None:
    """Write it whole, beside the old one, and rename it into place.

    Raises
    ------
    OSError
        If the folder cannot be written; the file is then as it was.
    """
    text = json.dumps({"format": FORMAT, **replay}, indent=1, default=repr)
    write_whole(folder / FILE_NAME, [text.encode()])


def read_replay(folder: Path) -> dict[str, Any]:
    """What `write_replay` wrote; empty for a run that has none.

    Raises
    ------
    FormatTooNew
        If a newer nbtrack wrote it.
    StoreError
        If it is damaged.
    """
    path = folder / FILE_NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        version = document.pop("format")
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{path} is damaged ({error}): it is not a replay.json of nbtrack"
        ) from error
    if not isinstance(version, int) or version > FORMAT:
        raise FormatTooNew(
            f"{path} has format {version}, and this nbtrack reads up to format {FORMAT}. "
            "Upgrade nbtrack (pip install -U nbtrack); the file was left as it is."
        )
    return dict(document)
