"""The lines of the magics, read as options; an error is one line and the cell does not run."""

from __future__ import annotations

import argparse
import difflib
import re
import shlex
from typing import NoReturn

from IPython.core.error import UsageError as IPythonUsageError

from nbtrack.capture.parameters.typed_pair import typed_pair

TRACK_USAGE = (
    "%%track [NAME] [--seed N] [--deterministic] [--tag T]... [--param K=V]... [--watch A,B] "
    "[--every N] [--note TEXT] [--save-weights] [--keep-data] [--checkpoint-every N] "
    "[--allow CODE]... [--no-live]"
)

REPRODUCE_USAGE = "%reproduce RUN [--with K=V]... [--steps N] [--env] [--folder F]"

COMPARE_USAGE = "%compare [RUN... | QUERY]"


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line in the notebook and never leave Python."""

    def error(self, message: str) -> NoReturn:
        raise IPythonUsageError(f"{self.prog}: {message}. Usage: {self.usage}")

    def read(self, line: str) -> argparse.Namespace:
        """The options of a line; a word that is none is named, with the nearest one."""
        try:
            words = shlex.split(line)
        except ValueError as error:
            self.error(f"{error} in {line!r}")
        known, unknown = self.parse_known_args(words)
        if unknown:
            options = re.findall(r"--[a-z-]+", str(self.usage))
            near = difflib.get_close_matches(unknown[0], options, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            self.error(f"cannot read {unknown[0]!r}{hint}")
        return known


def _whole(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 2**32 - 1")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def parse_track(line: str) -> argparse.Namespace:
    """The options of a ``%%track`` line.

    Raises
    ------
    IPython.core.error.UsageError
        One line that names the fault and shows the usage.
    """
    parser = _Parser(prog="%%track", usage=TRACK_USAGE, add_help=False, allow_abbrev=False)
    parser.add_argument("name", nargs="?")
    parser.add_argument("--seed", type=_whole)
    parser.add_argument("--deterministic", action="store_true")
    parser.add_argument("--tag", action="append", default=[])
    parser.add_argument("--param", action="append", default=[], type=typed_pair)
    parser.add_argument("--watch", type=lambda text: [n.strip() for n in text.split(",")])
    parser.add_argument("--every", type=_positive)
    parser.add_argument("--note")
    parser.add_argument("--save-weights", action="store_true")
    parser.add_argument("--keep-data", action="store_true")
    parser.add_argument("--checkpoint-every", type=_positive)
    parser.add_argument("--allow", action="append", default=[])
    parser.add_argument("--no-live", action="store_true")
    known = parser.read(line)
    if known.deterministic and known.seed is None:
        parser.error("--deterministic needs --seed N: without a seed nothing is repeated")
    return known


def parse_reproduce(line: str) -> argparse.Namespace:
    """The options of a ``%reproduce`` line.

    Raises
    ------
    IPython.core.error.UsageError
        One line that names the fault and shows the usage.
    """
    parser = _Parser(prog="%reproduce", usage=REPRODUCE_USAGE, add_help=False, allow_abbrev=False)
    parser.add_argument("run")
    parser.add_argument("--with", dest="changes", action="append", default=[], type=typed_pair)
    parser.add_argument("--steps", type=_positive)
    parser.add_argument("--env", action="store_true")
    parser.add_argument("--folder")
    return parser.read(line)


def parse_compare(line: str) -> list[str | int]:
    """The runs of a ``%compare`` line, or its query as the only word.

    A line that a query alone can be (an operator, ``tag:``, a bracket, and/or/not) is one.

    Raises
    ------
    IPython.core.error.UsageError
        If a quotation mark is not closed.
    """
    if re.search(r"[<>=~()]|\btag:|\b(and|or|not)\b", line):
        return [line.strip()]
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise IPythonUsageError(f"%compare: {error} in {line!r}. Usage: {COMPARE_USAGE}") from None
    return [int(word) if re.fullmatch(r"-\d+", word) else word for word in words]
