"""``run.json``: everything about a run but its points, outputs and blobs.

The file is written whole and renamed into place, so a reader sees the old or the new one. Fields
that this version does not know are kept and written back. Numbers that are not finite are written
as Python writes them (``NaN``, ``Infinity``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from nbtrack.errors import FormatTooNew, StoreError
from nbtrack.records import Cell, RunInfo
from nbtrack.store.edits import with_edits
from nbtrack.store.whole_file import write_whole

FORMAT = 1
FILE_NAME = "run.json"

_FIELDS = {field.name for field in fields(RunInfo)} - {"extra"}
_TUPLES = ("tags", "notes", "changed", "hidden")


def write_info(folder: Path, info: RunInfo) -> None:
    """Write a run's ``run.json``.

    Raises
    ------
    OSError
        If the folder cannot be written; the file is then as it was.
    """
    write_whole(folder / FILE_NAME, [to_json(info).encode()])


def read_info(folder: Path) -> RunInfo:
    """Read a run's ``run.json``, with what was edited since (``edits.json``).

    The id is the name of the folder, also if that was renamed.

    Raises
    ------
    FileNotFoundError
        If there is none.
    FormatTooNew
        If a newer nbtrack wrote it.
    StoreError
        If it is damaged.
    """
    return with_edits(folder, read_unedited(folder))


def read_unedited(folder: Path) -> RunInfo:
    """What ``run.json`` itself says; raises as `read_info` does."""
    path = folder / FILE_NAME
    info = from_json(path.read_bytes(), path)
    return info if info.id == folder.name else replace(info, id=folder.name)


def to_json(info: RunInfo) -> str:
    """The text of ``run.json``."""
    document: dict[str, Any] = {"format": FORMAT}
    document |= {name: getattr(info, name) for name in _FIELD_ORDER}
    document["cells"] = [asdict(cell) for cell in info.cells]
    document |= info.extra
    try:
        return json.dumps(document, indent=1, default=_plain)
    except (TypeError, ValueError):  # keys that are not str, or a value that contains itself
        return json.dumps(_plain_keys(document), indent=1, default=_plain)


_FIELD_ORDER = tuple(field.name for field in fields(RunInfo) if field.name != "extra")


def from_json(data: bytes, path: Path) -> RunInfo:
    """The run that a ``run.json`` describes.

    Parameters
    ----------
    path : Path
        Where the text is from, for errors.

    Raises
    ------
    FormatTooNew
        If a newer nbtrack wrote it.
    StoreError
        If it is damaged.
    """
    try:
        document = json.loads(data)
        version = document.pop("format")
        if not isinstance(version, int):
            raise TypeError(f"format is {version!r}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{path} is damaged ({error}): it is not a run.json of nbtrack") from error
    if version > FORMAT:
        raise FormatTooNew(
            f"{path} has format {version}, and this nbtrack reads up to format {FORMAT}. "
            "Upgrade nbtrack (pip install -U nbtrack); the file was left as it is."
        )
    known: dict[str, Any] = {name: document.pop(name) for name in _FIELDS & document.keys()}
    try:
        for name in _TUPLES:
            known[name] = tuple(known.get(name, ()))
        known["cells"] = tuple(
            Cell(cell["source"], cell.get("cell_id"), cell.get("count"), cell.get("is_part", False))
            for cell in known.get("cells", ())
        )
        return RunInfo(**known, extra=document)
    except (TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"{path} is damaged ({error}): a field is missing or wrong") from error


def _plain(value: Any) -> Any:
    """JSON for what json does not know: NumPy numbers, tuples' kin, and the repr of the rest."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if hasattr(value, "tolist") and getattr(value, "size", 2) == 1:
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return repr(value)


def _plain_keys(value: Any, depth: int = 0) -> Any:
    if depth > 32:
        return repr(value)
    if isinstance(value, Mapping):
        return {str(key): _plain_keys(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_keys(item, depth + 1) for item in value]
    return value
