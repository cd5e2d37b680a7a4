"""Which names one cell reads, binds, deletes and may change, told from its text alone."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbtrack.capture.slicing.flow import CellWalk
from nbtrack.capture.slicing.magic_calls import INSTALL, SCRIPTS

_MAX_FILE_NAME = 1_000  # characters
_CANNOT_BIND = {INSTALL, "!shell", *(f"%%{script}" for script in SCRIPTS)}
_NOTHING: frozenset[str] = frozenset()
_Names = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class CellNames:
    """The names of one cell.

    Attributes
    ----------
    reads : mapping of str to frozenset of str
        Each name of the namespace that the cell reads when it executes, and the names that it
        had surely bound itself when it first read it.
    binds : frozenset of str
        Names that it binds: also by imports, ``for``, ``with``, ``:=`` and ``global`` in a
        function that it calls; not those that it deletes again.
    deletes : frozenset of str
        Names that are gone at its end.
    mutates : frozenset of str
        Names whose objects it may change in place. A guess, for cells that nobody watched.
    functions : mapping of str to frozenset of str
        Global names that calling a function, or using a class, of the cell reads then. Also for
        names of other cells that are given a lambda: ``hooks.append(lambda: scale)``.
    classes : frozenset of str
        Those of `functions` that are no functions: calling them may call what reads the names.
    imports : mapping of str to str
        Names bound by nothing but import statements that surely execute: those statements, one
        a line.
    opaque : tuple of str
        Why its names cannot all be known, in words.
    strings : frozenset of str
        String constants, which may be names of files.
    surely_binds : frozenset of str
        Those of `binds` that do not depend on the branch that an ``if`` takes.
    optional : frozenset of str
        Those of `reads` that the cell can do without: it may bind them itself before, or they
        are in a function that it does not call itself.
    calls : frozenset of str
        Names that it calls, or a method of which it calls.
    stores : frozenset of str
        Those of `mutates` with an item or attribute set on them, or a call that sets something.
        The others are no guess for a module: ``plt.plot()`` leaves ``plt`` as it is.
    holds : mapping of str to frozenset of str
        Names whose objects the object of a name may be, hold or come from: ``a`` and ``B`` for
        ``x = B(a)``.
    effects : mapping of str to frozenset of str
        Global names that calling a function of `functions` may bind or change in place.
    """

    reads: _Names = field(default_factory=dict)
    binds: frozenset[str] = _NOTHING
    deletes: frozenset[str] = _NOTHING
    mutates: frozenset[str] = _NOTHING
    functions: _Names = field(default_factory=dict)
    imports: Mapping[str, str] = field(default_factory=dict)
    opaque: tuple[str, ...] = ()
    strings: frozenset[str] = _NOTHING
    surely_binds: frozenset[str] = _NOTHING
    optional: frozenset[str] = _NOTHING
    classes: frozenset[str] = _NOTHING
    calls: frozenset[str] = _NOTHING
    stores: frozenset[str] = _NOTHING
    holds: _Names = field(default_factory=dict)
    effects: _Names = field(default_factory=dict)

    @property
    def may_bind_anything(self) -> bool:
        """Whether what makes the cell opaque could bind or change any name."""
        return any(
            reason not in _CANNOT_BIND and not reason.startswith("reads ") for reason in self.opaque
        )


EMPTY = CellNames()


def _read_text(path: str) -> str | None:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError):
        return None


def names_of(code: str, read_file: Callable[[str], str | None] = _read_text) -> CellNames:
    """Read the names of a cell from its text.

    Parameters
    ----------
    code : str
        Plain Python, after IPython's transformation.
    read_file : callable, optional
        Gives the text of a file that ``%run`` names; None where there is none.

    Returns
    -------
    CellNames
        Opaque (``not Python``) where the code does not parse. Never raises.

    Examples
    --------
    >>> names = names_of("y = [x * n for x in data]; y.append(0)")
    >>> sorted(names.reads), sorted(names.binds)
    (['data', 'n'], ['y'])
    """
    try:
        walk = CellWalk(read_file)
        walk.block(ast.parse(code).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return CellNames(opaque=("not Python",))
    return _gather(walk)


def _gather(walk: CellWalk) -> CellNames:
    state = walk.state
    bodies = {name: walk.definitions[name] for name in state.functions}
    binds = frozenset(walk.ever_bound - state.gone)
    return CellNames(
        reads=dict(walk.reads),
        binds=binds,
        deletes=frozenset(state.gone),
        mutates=frozenset(walk.changes.guessed),
        functions={name: body.reads for name, body in bodies.items()},
        imports={
            name: "\n".join(statements)
            for name, statements in walk.imports.items()
            if name in state.bound and name not in walk.other_binds
        },
        opaque=tuple(walk.opaque),
        strings=frozenset(
            text for text in walk.strings if len(text) <= _MAX_FILE_NAME and "\n" not in text
        ),
        surely_binds=frozenset(state.bound),
        optional=walk.optional,
        classes=frozenset(name for name, body in bodies.items() if body.is_method),
        calls=frozenset(walk.calls),
        stores=frozenset(walk.changes.stored),
        holds={name: frozenset(held) for name, held in walk.holds.items() if held},
        effects={
            name: body.binds | body.changes
            for name, body in bodies.items()
            if body.binds or body.changes
        },
    )
