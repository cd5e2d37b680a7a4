"""`Printed`: the last lines that a run has printed, as a terminal would leave them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtrack.records import Output

MOST_LINES = 20
MOST_LETTERS = 200
MOST_UNFINISHED = 4096  # letters of a line without an end, as progress bars write


class Printed:
    """The last lines of both streams, in the order of their coming."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._num_lines = 0
        self._open = ""

    def note(self, output: Output) -> None:
        """Take in a piece of a stream; other outputs are left alone."""
        if output.kind not in ("stdout", "stderr"):
            return
        *whole, self._open = (self._open + str(output.data.get("text", ""))).split("\n")
        self._open = self._open[-MOST_UNFINISHED:]
        lines = [line for line in map(_shown, whole) if line]
        self._num_lines += len(lines)
        self._lines = [*self._lines, *lines][-MOST_LINES:]

    def as_json(self) -> dict[str, Any]:
        """The last line, the number of all, and the last few as one text; empty without any."""
        rest = _shown(self._open)
        shown = [*self._lines, rest][-MOST_LINES:] if rest else self._lines
        if not shown:
            return {}
        num = self._num_lines + bool(rest)
        return {"last": shown[-1], "lines": num, "tail": "\n".join(shown)}


def _shown(line: str) -> str:
    """A line as a terminal leaves it: what comes after a carriage return stands over it."""
    return line.rstrip("\r").rpartition("\r")[2].rstrip()[:MOST_LETTERS]
