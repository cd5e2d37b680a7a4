"""Every cell that a kernel executes, as executed, and the slice of them that a run needs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from blake3 import blake3

from nbtrack.capture.clock import clock_names
from nbtrack.capture.hidden import hidden_state
from nbtrack.capture.slicing.graph import Slice, Step, slice_of
from nbtrack.capture.slicing.names import EMPTY, CellNames, names_of
from nbtrack.capture.slicing.results import with_results
from nbtrack.capture.surroundings.files import (
    FilesSeen,
    FileWatch,
    literal_files,
    unheard,
    written_in,
)
from nbtrack.capture.surroundings.local_modules import local_modules
from nbtrack.capture.witnessing.moment import moment_of
from nbtrack.capture.witnessing.randomness import pack, read_random
from nbtrack.capture.witnessing.witness import Watch, Witness
from nbtrack.errors import RunStopped
from nbtrack.records import Capture, CapturedCell, Cell

_NOTHING: frozenset[str] = frozenset()
_NO_FILES = FilesSeen(_NOTHING, _NOTHING)


@dataclass
class Execution:
    """One execution of one cell.

    Attributes
    ----------
    code : str
        The plain Python that IPython made of the cell.
    witness : Witness or None
        What the kernel saw; None while it executes, and for cells from before nbtrack was loaded.
    needs : frozenset of str or None
        Outer names that it read, those that its functions read included; None where unknown.
    random : mapping
        States of all sources of randomness at its entry, while it executes.
    random_after : mapping
        A digest of each of them at its end.
    error : str or None
        The name of the exception that ended it.
    stopped_after : int or None
        The step after which its run was asked to stop.
    moment : mapping or None
        Where it was interrupted, and what its names held then.
    num_started : int
        Runs that it has started.
    is_adopted : bool
        It was executing already when nbtrack was loaded: what it did before that went unseen.
    """

    cell: Cell
    code: str
    names: CellNames = EMPTY
    started_ns: int = 0
    ended_ns: int = 0
    witness: Witness | None = None
    needs: frozenset[str] | None = None
    random: Mapping[str, Any] = field(default_factory=dict)
    random_after: Mapping[str, str] = field(default_factory=dict)
    files: FilesSeen = _NO_FILES
    folder: str = ""
    error: str | None = None
    stopped_after: int | None = None
    moment: Mapping[str, Any] | None = None
    num_started: int = 0
    is_adopted: bool = False


class CellLog:
    """The executions of one kernel, from its first cell on.

    Nothing here raises into a cell: what cannot be looked at is noted, and the cell kept.

    Parameters
    ----------
    namespace : callable
        Gives the user's namespace.
    transform : callable
        IPython's transformation of a cell into plain Python.
    """

    def __init__(
        self, namespace: Callable[[], Mapping[str, Any]], transform: Callable[[str], str]
    ) -> None:
        self.executions: list[Execution] = []
        self.notes: list[str] = []
        self._transform = transform
        self._namespace = namespace
        self._watch = Watch(namespace)
        self._files = FileWatch()
        self._running: Execution | None = None

    @property
    def running(self) -> Execution | None:
        """The outermost cell that is executing."""
        return self._running

    def recall(self, cells: Iterable[Cell]) -> None:
        """Add cells from before nbtrack was loaded, as the kernel's history has them."""
        for cell in cells:
            self.executions.append(Execution(cell, *self._read(cell.source)))

    def begin(self, cell: Cell, code: str | None = None, is_adopted: bool = False) -> None:
        """A cell starts; `code` where IPython tells what it made of it."""
        self._guard(self._begin, cell, code, is_adopted)

    def _begin(self, cell: Cell, code: str | None, is_adopted: bool) -> None:
        execution = Execution(cell, *self._read(cell.source, code), is_adopted=is_adopted)
        self.executions.append(execution)
        self._running = execution
        execution.folder = str(Path.cwd())
        execution.started_ns = time.time_ns()
        self._files.begin()
        self._watch.before(execution.names)
        execution.needs = self._watch.needs
        execution.random = self._watch.random()

    def end(self, error: BaseException | None = None) -> None:
        """The cell that was executing has ended, in whatever way."""
        execution, self._running = self._running, None
        if execution is not None:
            execution.error = None if error is None else type(error).__name__
            if isinstance(error, RunStopped):
                execution.stopped_after = error.step
            self._guard(self._end, execution, error)

    def _end(self, execution: Execution, error: BaseException | None) -> None:
        execution.files = self._files.end()
        execution.ended_ns = time.time_ns()
        witness = self._watch.after()
        execution.random_after = random_digests(read_random(self._namespace()))
        execution.random = {}
        if isinstance(error, KeyboardInterrupt) and not isinstance(error, RunStopped):
            changed = (witness.rebound | witness.mutated) - {*clock_names([execution.code])}
            drew = {k: v for k, v in execution.random_after.items() if k in witness.random}
            execution.moment = moment_of(error.__traceback__, self._namespace(), changed, drew)
        if execution.is_adopted:  # what it did before nbtrack was loaded: its text has to do
            names = execution.names
            witness = replace(
                witness,
                rebound=witness.rebound | names.binds,
                mutated=witness.mutated | names.mutates,
                needs=witness.needs | names.reads.keys(),
            )
        execution.witness = witness
        execution.needs = witness.needs

    def capture(
        self, target: Execution, notebook: str | None = None, nth_start: int = 0
    ) -> Capture:
        """What an execution needs, with all that followed it: asked during it, and again later.

        Parameters
        ----------
        target : Execution
            Of this log: the one that started the run. A run that ends with its cell is asked about
            before the next one begins.
        notebook : str, optional
            Path of the notebook, to tell whether it still holds the cells.
        nth_start : int
            Runs that it had started before the one that is asked about.
        """
        with unheard():
            return replace(self._capture(target, notebook), nth_start=nth_start)

    def _capture(self, target: Execution, notebook: str | None) -> Capture:
        log = self.executions[:]
        first = log.index(target)
        made = frozenset().union(*(execution.files.written for execution in log))
        read = [self._files_read(execution) | _imported(execution, made) for execution in log]
        steps = [
            _step(execution, files, self._files_written(execution, read))
            for execution, files in zip(log, read, strict=True)
        ]
        steps = with_results(steps, [(each.cell.count, each.code) for each in log])
        found = slice_of(steps, len(log) - 1, first)
        cells = tuple(_captured(log, found))
        written = frozenset().union(*(steps[at].files_written for at in found.positions))
        folder = _first_folder(log, found) or target.folder
        needs, binds = _own_names(steps[first:])
        return Capture(
            cells=cells,
            num_own=len(log) - first,
            num_executed=len(log),
            missing=tuple(sorted(found.missing)),
            hidden=hidden_state(
                [cell.cell for cell in cells], [each.cell for each in log], notebook
            ),
            notes=tuple(self._notes(log, found)),
            folder=folder,
            files=tuple(
                sorted(
                    frozenset().union(*(steps[at].files_read for at in found.positions)) - written
                )
            ),
            modules={name: str(path) for name, path in local_modules(Path(folder), None).items()},
            needs=tuple(sorted(needs)),
            binds=tuple(sorted(binds)),
            clock=tuple(sorted(clock_names(cell.code for cell in cells))),
        )

    def _read(self, source: str, code: str | None = None) -> tuple[str, CellNames]:
        try:
            code = self._transform(source) if code is None else code
        except Exception as error:  # a syntax error; IPython will say so
            self.notes.append(f"a cell was not read ({type(error).__name__}: {error})")
            return source, EMPTY
        return code, names_of(code)

    def _files_read(self, execution: Execution) -> frozenset[str]:
        named = literal_files(execution.names.strings, execution.folder or Path.cwd())
        return execution.files.read | (frozenset(named) - execution.files.written)

    def _files_written(
        self, execution: Execution, read: Iterable[frozenset[str]]
    ) -> frozenset[str]:
        """Also those that a shell command or a library in C wrote, told by their times."""
        if not execution.ended_ns or execution.is_adopted or "(" not in execution.code:
            return execution.files.written  # it calls nothing that could have written
        seen = frozenset().union(*(each.files.written for each in self.executions))
        by_time = {
            path
            for path in frozenset().union(*read) - seen
            if written_in(path, execution.started_ns, execution.ended_ns)
        }
        return execution.files.written | by_time

    def _notes(self, log: list[Execution], found: Slice) -> Iterable[str]:
        yield from dict.fromkeys(self.notes)
        unseen = [
            log[at]
            for at in found.positions
            if log[at].witness is None and log[at] is not self._running
        ]
        if unseen:
            numbers = ", ".join(str(each.cell.count or "?") for each in unseen)
            yield (
                f"cell {numbers} ran before nbtrack was loaded: its text was read, its random "
                "state is not known"
            )
        for at, reasons in found.opaque.items():
            yield f"cell {log[at].cell.count or '?'} is kept whole: {', '.join(reasons)}"
        for at in found.positions:
            witness = log[at].witness
            if witness is not None:
                yield from witness.skipped

    def _guard(self, body: Callable[..., None], *args: Any) -> None:
        try:
            body(*args)
        except Exception as error:
            self.notes.append(f"a cell was not looked at ({type(error).__name__}: {error})")


def _step(execution: Execution, read: frozenset[str], written: frozenset[str]) -> Step:
    witness = execution.witness
    if witness is None:
        return Step(execution.names, needs=execution.needs, files_read=read, files_written=written)
    return Step(
        execution.names,
        needs=execution.needs,
        rebound=witness.rebound,
        deleted=witness.deleted,
        mutated=witness.mutated,
        files_read=read,
        files_written=written,
        settings=witness.settings,
    )


def _own_names(steps: Iterable[Step]) -> tuple[set[str], set[str]]:
    """Names that executions in a row read before one of them has bound them, and those bound."""
    needs: set[str] = set()
    binds: set[str] = set()
    for step in steps:
        needs |= {*(step.needs or step.names.reads)} - binds
        binds |= step.names.binds
    return needs, binds


def _imported(execution: Execution, written: frozenset[str]) -> frozenset[str]:
    """Of the files that cells wrote, the modules that this one imports: an import is not heard."""
    found = set()
    for path in written - execution.files.written:
        file = Path(path)
        module = file.parent.name if file.stem == "__init__" else file.stem
        importing = rf"^\s*(import|from)\b.*\b{re.escape(module)}\b"
        if file.suffix == ".py" and re.search(importing, execution.code, re.MULTILINE):
            found.add(path)
    return frozenset(found)


def _first_folder(log: list[Execution], found: Slice) -> str:
    """Where the slice begins: a cell of it may change the folder for those that follow."""
    return next((log[at].folder for at in found.positions if log[at].folder), "")


def random_digests(states: Mapping[str, Any]) -> dict[str, str]:
    """A digest of the state of each source of randomness."""
    return {name: str(blake3(pack({name: state})).hexdigest()) for name, state in states.items()}


def _captured(log: list[Execution], found: Slice) -> Iterable[CapturedCell]:
    left: dict[str, str] = {}  # per source of randomness, the state in which the slice leaves it
    for at in sorted({*found.positions, *found.parts}):
        execution = log[at]
        cell = execution.cell
        if at in found.parts and at not in found.positions:
            text = "\n".join(found.parts[at])
            part = Cell(text, cell.cell_id, cell.count, is_part=True)
            yield CapturedCell(cell=part, code=text, reason="imports")
            continue
        witness = execution.witness
        random = execution.random if witness is None else witness.random
        continues = {
            name for name, digest in random_digests(random).items() if left.get(name) == digest
        }
        # a source that no cell of the slice has used yet is in no known state in a fresh process
        after = execution.random_after
        left.update({name: after[name] for name in random if name in after})
        yield CapturedCell(
            cell=cell,
            code=execution.code,
            random=random,
            continues=frozenset(continues),
            reason=found.reasons.get(at, ""),
            opaque=tuple(found.opaque.get(at, ())),
            error=execution.error,
            stopped_after=execution.stopped_after,
            moment=execution.moment,
        )
