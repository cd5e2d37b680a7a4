"""The slice: the earlier executions that one execution needs, and no more than that.

When in doubt an execution is kept: too much code still runs, too little does not.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbtrack.capture.slicing.effects import BUILTINS
from nbtrack.capture.slicing.lineage import Lineage, Step
from nbtrack.capture.slicing.magic_calls import INSTALL

__all__ = ["Slice", "Step", "slice_of"]

_GIVEN_BY_IPYTHON = re.compile(
    r"get_ipython|display|In|Out|exit|quit|open|_{1,3}|_\d+|_i{1,3}|_i\d+|_[iod]h|"
    r"__\w+__|__session__|__vsc_ipynb_file__"
)
_PLOTTING = re.compile(r"\b(matplotlib|seaborn|pylab)\b")
_PLOT_SETTING = "matplotlib.rc"


@dataclass(frozen=True)
class Slice:
    """What one execution needs.

    Attributes
    ----------
    positions : tuple of int
        Whole executions, ascending, the target last.
    parts : mapping of int to tuple of str
        Import statements lifted out of an execution that is otherwise not needed.
    missing : frozenset of str
        Needed names that no execution binds, and that are no builtins.
    opaque : mapping of int to tuple of str
        Executions of the slice whose names cannot all be known, and why.
    reasons : mapping of int to str
        Why an execution is in: ``binds model``, ``changes params in place``, ``writes data.csv``.
    """

    positions: tuple[int, ...]
    parts: Mapping[int, tuple[str, ...]]
    missing: frozenset[str]
    opaque: Mapping[int, tuple[str, ...]]
    reasons: Mapping[int, str]


def slice_of(steps: Sequence[Step], target: int, first: int | None = None) -> Slice:
    """Find the executions that one execution needs, or several in a row.

    Parameters
    ----------
    steps : sequence of Step
        Everything that the kernel executed, in order.
    target : int
        Position in `steps`.
    first : int, optional
        Where the target begins, if it is more than one execution.

    Returns
    -------
    Slice

    Examples
    --------
    >>> from nbtrack.capture.slicing.names import names_of
    >>> cells = ["a = 1", "b = 2", "a += 1", "print(a)"]
    >>> slice_of([Step(names_of(cell)) for cell in cells], 3).positions
    (0, 2, 3)
    """
    return _Slicer(steps[: target + 1]).run(target if first is None else first)


class _Slicer:
    """The search for one slice."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self.lineage = Lineage(steps)
        self.members: set[int] = set()
        self.parts: dict[int, dict[str, str]] = defaultdict(dict)  # statement -> name
        self.missing: set[str] = set()
        self.why: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.plots = False  # whether the slice has to do with matplotlib
        self._todo: list[int] = []
        self._looked_at: set[tuple[str, int, bool]] = set()
        self._writers: dict[str, list[int]] = defaultdict(list)
        self._setters: dict[str, list[int]] = defaultdict(list)
        for position, step in enumerate(steps):
            for path in step.files_written:
                if INSTALL not in step.names.opaque:
                    self._writers[path].append(position)
            for setting in step.settings:
                if not setting.startswith("warnings"):
                    self._setters[setting].append(position)
        self._unseen = [  # nobody watched, and the text does not tell what it bound
            at
            for at, step in enumerate(steps)
            if not step.is_watched and step.names.may_bind_anything
        ]

    def run(self, first: int) -> Slice:
        for target in range(first, len(self.steps)):
            self._take(target, "is", "the target")
        for position in self._unseen:
            reasons = [r for r in self.steps[position].names.opaque if not r.startswith("reads ")]
            self._take(position, "may bind any name:", *reasons)
        for position, step in enumerate(self.steps):
            for name, statements in step.names.imports.items():
                if statements.startswith("from __future__ "):
                    self.parts[position][statements] = name
        while self._todo:
            while self._todo:
                self._follow(self._todo.pop())
            if self.plots:
                self._follow_plot_settings()
        parts = {at: tuple(self.parts[at]) for at in sorted(self.parts) if at not in self.members}
        for at in parts:
            self.why[at] = {"imports": set(self.parts[at].values())}
        positions = tuple(sorted(self.members))
        return Slice(
            positions=positions,
            parts=parts,
            missing=frozenset(self.missing),
            opaque={at: self.steps[at].names.opaque for at in positions if self._is_opaque(at)},
            reasons={at: _in_words(self.why[at]) for at in sorted({*positions, *parts})},
        )

    def _is_opaque(self, position: int) -> bool:
        return bool(self.steps[position].names.opaque)

    def _take(self, position: int, verb: str, *what: str) -> None:
        self.why[position][verb].update(what)
        if position not in self.members:
            self.members.add(position)
            self._todo.append(position)

    def _follow(self, position: int) -> None:
        """Take what one whole execution needs."""
        step = self.steps[position]
        for name, surely in sorted(self._needs(position).items()):
            self._need(name, position, surely)
        for path in sorted(step.files_read):
            self._need_file(path, position)
        self.plots |= any(_PLOTTING.search(text) for text in step.names.imports.values())
        for setting in sorted(self._setters):
            if setting != _PLOT_SETTING:
                self._need_setting(setting, position)

    def _needs(self, position: int) -> dict[str, bool]:
        """Names that an execution needs; False for one that it can do without."""
        step = self.steps[position]
        names = step.names
        if step.needs is not None:
            own = (step.rebound or _EMPTY) | names.binds | names.optional
            return {name: name not in own for name in step.needs}
        needed = {name: name not in names.optional for name in names.reads}
        together: dict[tuple[frozenset[str], bool], list[str]] = defaultdict(list)
        for name, bound in names.reads.items():
            runs = name in names.calls - names.optional and self.lineage.is_function(name, position)
            together[bound, runs].append(name)
        for (bound, runs), readers in together.items():
            for called in self.lineage.called(readers, position, bound)[0]:
                surely = runs and called not in names.binds
                needed[called] = needed.get(called, False) or surely
        return needed

    def _need(self, name: str, position: int, surely: bool) -> None:
        """Take who bound a name before a position, and who has changed its object since."""
        events = self.lineage.events.get(name, [])
        imported = False
        for index in range(self.lineage.before(name, position) - 1, -1, -1):
            at, kind = events[index].position, events[index].kind
            if (name, index, imported) in self._looked_at:
                break
            if imported and kind in {"binds", "may bind", "deletes"}:
                break
            self._looked_at.add((name, index, imported))
            if kind == "imports":
                self._lift(name, at, again=imported)
                imported = True
            elif kind == "deletes":
                self._take(at, "deletes", name)
                break
            else:
                verb = "binds" if kind == "may bind" else kind
                self._take(at, verb, name)
                if kind == "binds":
                    break
        if surely and not self._is_bound(name, position):
            self.missing.add(name)

    def _is_bound(self, name: str, position: int) -> bool:
        """Whether a name had a value, as far as anybody can know."""
        if self.lineage.is_bound(name, position):
            return True
        if name in BUILTINS or _GIVEN_BY_IPYTHON.fullmatch(name):
            return True
        return bool(self._unseen) and self._unseen[0] < position

    def _lift(self, name: str, position: int, again: bool) -> None:
        """Take the import statements of a name alone; of an earlier import, only its parts."""
        for statement in self.lineage.import_of(name, position).splitlines():
            if not again or statement.startswith(f"import {name}."):
                self.parts[position][statement] = name
                self.plots |= bool(_PLOTTING.search(statement))
                for path in sorted(self.steps[position].files_read):
                    if _is_module_file(path, statement):
                        self._need_file(path, position)

    def _need_file(self, path: str, position: int) -> None:
        last = max(self._writers_of(path, position), default=None)
        if last is not None:
            self._take(last, "writes", Path(path).name)

    def _writers_of(self, path: str, position: int) -> Iterator[int]:
        """The last writer of the file, and of each folder above it."""
        for place in (path, *map(str, Path(path).parents)) if self._writers else ():
            writers = self._writers.get(place, [])
            index = bisect_left(writers, position)
            if index:
                yield writers[index - 1]

    def _need_setting(self, setting: str, position: int) -> None:
        setters = self._setters[setting]
        index = bisect_left(setters, position)
        if index and setting not in self.steps[position].settings:
            self._take(setters[index - 1], "sets", setting)

    def _follow_plot_settings(self) -> None:
        if _PLOT_SETTING in self._setters:
            for position in sorted(self.members):
                self._need_setting(_PLOT_SETTING, position)


_EMPTY: frozenset[str] = frozenset()


def _is_module_file(path: str, statement: str) -> bool:
    """Whether a file that was read holds a module of an import statement."""
    file = Path(path)
    module = file.parent.name if file.stem == "__init__" else file.stem
    return file.suffix == ".py" and module in re.findall(r"\w+", statement)


def _in_words(why: Mapping[str, set[str]]) -> str:
    """``binds a, b; changes c in place``."""
    said = []
    for verb in sorted(why):
        what = ", ".join(sorted(why[verb]))
        said.append(f"changes {what} in place" if verb == "changes" else f"{verb} {what}")
    return "; ".join(said)
