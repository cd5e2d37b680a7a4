"""Whether a frame stands inside a for or while loop, read from its bytecode."""

from __future__ import annotations

import bisect
import dis
import sysconfig
from types import CodeType

from nbtrack.instruments.frames import calling_frame, outer_frames

_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
_LEAVE = frozenset({"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE"})
_JUMP = frozenset({"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_ABSOLUTE"})
_AWAIT = "JUMP_BACKWARD_NO_INTERRUPT"  # the loop of `await` and `yield from`, not the user's
_TO_HANDLER = frozenset({"SETUP_FINALLY", "SETUP_WITH", "SETUP_ASYNC_WITH"})  # Python 3.10
_MOST_KNOWN = 1000

_known: dict[int, tuple[CodeType, Loops]] = {}


def called_in_a_loop() -> bool:
    """Whether the calling code, or a caller of it up to the cell, stands in a loop.

    Code of the standard library and of installed packages does not count: that their functions
    loop says nothing about the user's.
    """
    for frame in outer_frames(calling_frame()):
        code = frame.f_code
        if is_library(code.co_filename):
            continue
        if loops_of(code).contain(frame.f_lasti):
            return True
    return False


def is_library(filename: str) -> bool:
    """Whether a file belongs to Python or to an installed package."""
    if "site-packages" in filename or "dist-packages" in filename:
        return True
    return filename.startswith(_LIBRARIES) or filename.startswith("<frozen")


def loops_of(code: CodeType) -> Loops:
    """The loops of a code object, worked out once."""
    known = _known.get(id(code))
    if known is None or known[0] is not code:
        if len(_known) > _MOST_KNOWN:
            _known.clear()
        known = _known[id(code)] = (code, Loops(code))
    return known[1]


class Loops:
    """Where the loops of a code object begin and end.

    A loop is what lies between a jump backwards and its target. Exception handlers are placed
    behind everything else, so they belong to the loop that they return into.
    """

    def __init__(self, code: CodeType) -> None:
        self._next: dict[int, list[int]] = {}
        jumps: list[tuple[int, int]] = []
        instructions = list(dis.get_instructions(code))
        for index, instruction in enumerate(instructions):
            name, offset = instruction.opname, instruction.offset
            following: list[int] = []
            if name not in _LEAVE and name not in _JUMP and index + 1 < len(instructions):
                following.append(instructions[index + 1].offset)
            jumps_to = instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs
            if jumps_to and name not in _TO_HANDLER:
                target = int(instruction.argval)
                if name == _AWAIT:
                    following = []
                elif target <= offset:
                    jumps.append((target, offset))
                following.append(target)
            self._next[offset] = following
        self._offsets = sorted(self._next)
        self._usual = self._reached(0)
        self._ranges = [(start, end) for start, end in jumps if end in self._usual]

    def contain(self, offset: int) -> bool:
        """Whether the instruction at `offset` lies in a loop."""
        if not self._ranges:
            return False
        # During a call, Python 3.11 and later stand on the call's inline cache, behind it.
        offset = self._offsets[bisect.bisect_right(self._offsets, offset) - 1]
        if offset in self._usual:
            return self._in_range(offset)
        reached = self._reached(offset) & self._usual
        return bool(reached) and self._in_range(self._entrance(offset))

    def _in_range(self, offset: int) -> bool:
        return any(start <= offset <= end for start, end in self._ranges)

    def _reached(self, start: int) -> set[int]:
        seen, waiting = {start}, [start]
        while waiting:
            for following in self._next.get(waiting.pop(), ()):
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
        return seen

    def _entrance(self, offset: int) -> int:
        """The first usual instruction that follows one in an exception handler."""
        seen, waiting = {offset}, [offset]
        while waiting:
            for following in self._next.get(waiting.pop(0), ()):
                if following in self._usual:
                    return following
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
        return -1
