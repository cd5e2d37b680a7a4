"""``edits.json``: the name, tags and notes that a person gave a run afterwards.

The process that trains holds ``run.json`` in memory and writes it whole, again and again. So what
is edited has a file of its own, that only those who edit write, and that is laid over ``run.json``
whenever that is read. Of two people who edit the same run in the same moment, the last one wins.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbtrack.errors import StoreError
from nbtrack.records import RunInfo
from nbtrack.store.whole_file import write_whole

FILE_NAME = "edits.json"
FORMAT = 1
_LISTS = ("tags", "notes")


def write_edits(
    folder: Path,
    as_written: RunInfo,
    *,
    name: str | None = None,
    tags: Iterable[str] | None = None,
    notes: str | Iterable[str] | None = None,
) -> None:
    """Give a run another name, tags or notes; what is None stays.

    Parameters
    ----------
    folder : Path
        The run's folder.
    as_written : RunInfo
        What its ``run.json`` says, without edits.

    Raises
    ------
    ValueError
        If the name is empty, or a tag is empty or no text.
    OSError
        If the folder cannot be written; nothing is changed then.

    Notes
    -----
    Together with what was set, the file keeps what was there before, so that a tag or note which
    the running training adds later is still seen, and one that was taken away stays away.
    """
    edits = _read(folder)
    if name is not None:
        edits["name"] = _one(name, "name")
    given = {"tags": _texts(tags, "tag"), "notes": _texts(notes, "note")}
    for field, wanted in given.items():
        if wanted is not None:
            old = edits.get(field, {})
            before = [*old.get("was", ()), *old.get("set", ()), *getattr(as_written, field)]
            edits[field] = {"set": wanted, "was": list(dict.fromkeys(before))}
    text = json.dumps({**edits, "format": FORMAT}, indent=1)
    write_whole(folder / FILE_NAME, [text.encode()])
    _touch(folder / "run.json")


def with_edits(folder: Path, info: RunInfo) -> RunInfo:
    """The run with what was edited; damaged edits are left out, as the run itself is whole."""
    try:
        edits = _read(folder)
    except OSError:
        return info
    if not edits:
        return info
    changes: dict[str, Any] = {}
    if isinstance(edits.get("name"), str):
        changes["name"] = edits["name"]
    for field in _LISTS:
        if field in edits:
            wanted, before = edits[field]["set"], set(edits[field]["was"])
            later = [text for text in getattr(info, field) if text not in before]
            changes[field] = (*wanted, *(text for text in later if text not in wanted))
    return replace(info, **changes)


def _read(folder: Path) -> dict[str, Any]:
    path = folder / FILE_NAME
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - most runs have none: no Path work for them
            edits = json.loads(file.read())
        for field in _LISTS:
            if field in edits and not _is_list_edit(edits[field]):
                raise TypeError(f"{field} is {edits[field]!r}")
        return dict(edits)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"{path} is damaged ({error}): delete it, the run itself is whole"
        ) from None


def _is_list_edit(edit: Any) -> bool:
    return isinstance(edit, Mapping) and all(isinstance(edit.get(k), list) for k in ("set", "was"))


def _touch(path: Path) -> None:
    """A new time on ``run.json``: by it the index and open views see that something changed."""
    now = time.time_ns()
    try:
        os.utime(path, ns=(now, now))
    except PermissionError:
        os.utime(path)  # not its owner, but allowed to write: the time is coarser


def _texts(given: str | Iterable[str] | None, what: str) -> list[str] | None:
    if given is None:
        return None
    if isinstance(given, str):
        if what == "tag":
            raise ValueError(
                f"tags are a list of texts, and {given!r} is one text: write [{given!r}]"
            )
        given = [given] if given.strip() else []
    return list(dict.fromkeys(_one(text, what) for text in given))


def _one(text: Any, what: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"a {what} is a text with something in it; got {text!r}")
    return text.strip()
