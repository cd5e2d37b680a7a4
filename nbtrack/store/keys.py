r"""Key files: the names of the series of one record file, one a line.

The line number is the number in the records. A backslash, newline or tab in a key is written
``\\``, ``\n``, ``\t``. Lines of automatic readings end with a tab and ``auto``: a series logged by
hand and an automatic one of the same name are two series, and the automatic one is then shown as
``auto/NAME``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_PLAIN = {code: char for char, code in _ESCAPES.items()}
_AUTO = b"\tauto"


class Key(NamedTuple):
    """Name of a series, and whether an instrument logged it (True) or a person (False)."""

    name: str
    auto: bool


def key_lines(keys: Iterable[Key]) -> bytes:
    """The lines of a key file for these keys, each with its newline."""
    return b"".join(
        re.sub(r"[\\\n\t]", lambda found: _ESCAPES[found[0]], key.name).encode(
            "utf-8", "surrogatepass"
        )
        + (_AUTO if key.auto else b"")
        + b"\n"
        for key in keys
    )


def parse_keys(data: bytes) -> list[Key]:
    """The keys of a key file in the order of their numbers; a torn last line is left out."""
    return [_parse_line(line) for line in data.split(b"\n")[:-1]]


def _parse_line(line: bytes) -> Key:
    auto = line.endswith(_AUTO)
    if auto:
        line = line[: -len(_AUTO)]
    try:
        text = line.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = line.decode("utf-8", "replace")
    return Key(re.sub(r"\\[\\nt]", lambda found: _PLAIN[found[0]], text), auto)


def read_keys(path: Path) -> list[Key]:
    """The keys of one key file; none where the file is missing.

    Raises
    ------
    OSError
        If the file is there and cannot be read.
    """
    try:
        return parse_keys(path.read_bytes())
    except FileNotFoundError:
        return []


def shown_names(files: Sequence[Sequence[Key]]) -> list[list[str]]:
    """The name under which each key of each file of one run is shown.

    Examples
    --------
    >>> shown_names([[Key("loss", True), Key("acc", False)], [Key("loss", False)]])
    [['auto/loss', 'acc'], ['loss']]
    """
    by_hand = {key.name for keys in files for key in keys if not key.auto}
    return [
        ["auto/" + key.name if key.auto and key.name in by_hand else key.name for key in keys]
        for keys in files
    ]
