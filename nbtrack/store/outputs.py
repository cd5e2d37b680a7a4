"""``outputs.jsonl``: what a run showed, one JSON object a line, in order.

Streams and displays are kept up to a size; one line of kind ``note`` then says what is left out.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nbtrack.records import Output

MIB = 2**20
# kind -> (what shares one limit, bytes); other kinds are few and small
LIMITS = {
    "stdout": ("stdout", 1 * MIB),
    "stderr": ("stderr", 1 * MIB),
    "display": ("displays", 16 * MIB),
    "result": ("displays", 16 * MIB),
    "error": ("errors", 1 * MIB),
}


class OutputWriter:
    """Appends to ``outputs.jsonl``, or to ``outputs-<suffix>.jsonl`` for an extra writer."""

    def __init__(self, folder: Path, suffix: str = "") -> None:
        self._path = folder / f"outputs{suffix and '-' + suffix}.jsonl"
        self._fd = -1
        self._is_torn = False  # a line was cut by a full disk: the next one begins below it
        self._used: dict[str, int] = {}

    def write(self, kind: str, data: Mapping[str, Any], time_s: float) -> None:
        """Append one output, or what the limits leave of it.

        Parameters
        ----------
        time_s : float
            Unix time in seconds.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        line = _line(kind, data, time_s)
        share, limit = LIMITS.get(kind, ("", 0))
        if share:
            left = limit - self._used.get(share, 0)
            if left < 0:
                return  # the note has been written
            self._used[share] = limit - left + len(line)
            if len(line) > left:
                self._append(_beginning(kind, data, time_s, left))
                text = f"more {share} than {limit / MIB:.0f} MiB: the rest was not kept"
                line = _line("note", {"text": text}, time_s)
        self._append(line)

    def _append(self, line: bytes) -> None:
        if self._fd < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._fd = os.open(self._path, flags, 0o644)
        if self._is_torn:
            line = b"\n" + line
        self._is_torn = True
        while line:
            line = line[os.write(self._fd, line) :]
        self._is_torn = False

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


def _line(kind: str, data: Mapping[str, Any], time_s: float) -> bytes:
    record = {"time": time_s, "kind": kind, "data": data}
    return json.dumps(record, default=repr).encode() + b"\n"


def _beginning(kind: str, data: Mapping[str, Any], time_s: float, num_bytes: int) -> bytes:
    """A line with the beginning of the text alone, in at most so many bytes; empty if none fits."""
    name = "text" if "text" in data else "text/plain"
    text = str(data.get(name, ""))[:num_bytes]
    while text:
        line = _line(kind, {name: text}, time_s)
        if len(line) <= num_bytes:
            return line
        text = text[: len(text) // 2]  # a character takes 1 to 12 bytes of JSON
    return b""


def read_outputs(folder: Path, started_s: float) -> list[Output]:
    """What a run showed, in order; lines that are torn or damaged are left out.

    Parameters
    ----------
    started_s : float
        Unix time at which the run started.

    Raises
    ------
    OSError
        If a file is there and cannot be read.
    """
    outputs = [
        output
        for path in sorted(folder.glob("outputs*.jsonl"))
        for output in _read_file(path, started_s)
    ]
    outputs.sort(key=lambda output: output.time_s)  # stable: within a file the order stays
    return outputs


def _read_file(path: Path, started_s: float) -> Iterator[Output]:
    return _outputs(path.read_bytes().split(b"\n"), started_s)


def _outputs(lines: Iterable[bytes], started_s: float) -> Iterator[Output]:
    latest = 0.0
    for line in lines:
        try:
            record = json.loads(line)
            # a clock never goes back within a file, so the order of the lines is kept
            latest = max(latest, float(record["time"]) - started_s)
            yield Output(latest, str(record["kind"]), dict(record["data"]))
        except (ValueError, KeyError, TypeError):
            continue


class OutputTail:
    """Reads what a run shows while it is being written: streams, events and notes alone.

    Parameters
    ----------
    folder : Path
        The run's folder.
    started_s : float
        Unix time at which the run started.
    """

    def __init__(self, folder: Path, started_s: float) -> None:
        self._folder = folder
        self._started_s = started_s
        self._read: dict[Path, int] = {}

    def read(self) -> list[Output]:
        """What came since the last read; displays, which may be large, are left out.

        Raises
        ------
        OSError
            If a file is there and cannot be read.
        """
        found: list[Output] = []
        for path in sorted(self._folder.glob("outputs*.jsonl")):
            at = self._read.get(path, 0)
            if path.stat().st_size == at:
                continue
            with path.open("rb") as file:
                file.seek(at)
                data = file.read()
            lines = data[: data.rfind(b"\n") + 1]
            self._read[path] = at + len(lines)
            found += _outputs(
                [line for line in lines.split(b"\n") if not _DISPLAY.match(line)], self._started_s
            )
        return found


_DISPLAY = re.compile(rb'\{"time": [^,]*, "kind": "(display|result)"')
