"""Which names a cell needs, as the objects behind the names that it reads tell it.

A cell that calls ``train()`` needs what the body of `train` reads; one that uses ``trainer`` needs
the methods of its class, also those added later. The text of the cell does not say so: the objects
do. Functions and classes of the notebook are followed, those of packages and files are not.
"""

from __future__ import annotations

import collections
import dis
import functools
import itertools
import sys
import time
import types
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nbtrack.capture.witnessing.kinds import (
    attributes,
    bases,
    is_a,
    is_machinery,
    is_main,
    is_plain,
    is_user_name,
    members,
)

if TYPE_CHECKING:
    from nbtrack.capture.slicing.names import CellNames

_MAX_OBJECTS = 2000  # looked at behind one name
_MAX_ELEMENTS = 256  # of one container: what is in the rest is most likely of the same classes
_TIME_S = 0.010
_GLOBAL_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})

_read_by_code: dict[int, tuple[types.CodeType, frozenset[str]]] = {}


def needs_of(names: CellNames, namespace: Mapping[str, Any]) -> frozenset[str]:
    """Names that must exist for the cell to run: those it reads, and those that they read.

    Parameters
    ----------
    names : CellNames
        What the text of the cell says.
    namespace : mapping of str to object
        The user's names at the start of the cell.

    Notes
    -----
    A name that the cell has surely bound itself by then is left out. Costs at most 10 ms.

    Examples
    --------
    >>> from nbtrack.capture.slicing.names import names_of
    >>> namespace = {"__name__": "__main__", "lr": 0.1}
    >>> exec("def step(): return lr", namespace)
    >>> sorted(needs_of(names_of("print(step())"), namespace) - {"print"})
    ['lr', 'step']
    """
    until_s = time.perf_counter() + _TIME_S
    found = set(names.reads)
    known: dict[str, set[str]] = {}
    for name, bound_before in names.reads.items():
        waiting, met = [name], {name, *bound_before}
        while waiting:
            current = waiting.pop()
            if current not in known:
                known[current] = _names_behind(current, namespace, until_s)
            new = known[current] - met
            met |= new
            found |= new
            waiting += new
    return frozenset(found)


def globals_read_by(code: types.CodeType) -> frozenset[str]:
    """Global names that the code reads, and the code of functions and classes inside it.

    Examples
    --------
    >>> sorted(globals_read_by(compile("x.y + f(lambda: z)", "", "eval")))
    ['f', 'x', 'z']
    """
    known = _read_by_code.get(id(code))
    if known is not None and known[0] is code:
        return known[1]
    found: set[str] = set()
    waiting = [code]
    while waiting:
        current = waiting.pop()
        found.update(
            step.argval for step in dis.get_instructions(current) if step.opname in _GLOBAL_READS
        )
        waiting += (part for part in current.co_consts if type(part) is types.CodeType)
    if len(_read_by_code) > 5000:  # a long day of redefined functions
        _read_by_code.clear()
    _read_by_code[id(code)] = (code, frozenset(found))
    return _read_by_code[id(code)][1]


def _names_behind(name: str, namespace: Mapping[str, Any], until_s: float) -> set[str]:
    """Global names read by what this one name leads to without going through another name."""
    if name not in namespace or _is_dull(namespace[name]):
        return set()
    found: set[str] = set()
    queue = collections.deque([namespace[name]])
    met: set[int] = set()
    while queue and len(met) < _MAX_OBJECTS and time.perf_counter() < until_s:
        thing = queue.popleft()
        if id(thing) in met:
            continue
        met.add(id(thing))
        try:
            read, inside = _refers_to(thing, namespace)
        except Exception:  # an object that cannot be looked into refers to nothing we could name
            continue
        found.update(read)
        queue.extend(x for x in inside if not _is_dull(x))
    return {x for x in found if x in namespace and is_user_name(x, namespace[x])}


def _is_dull(thing: Any) -> bool:
    """Whether it cannot lead to a function or class of the notebook."""
    kind = type(thing)
    if is_plain(kind) or kind is types.ModuleType or is_machinery(kind):
        return True
    for library, name in (("torch", "Tensor"), ("numpy", "ndarray"), ("pandas", "DataFrame")):
        base = getattr(sys.modules.get(library), name, None)
        if isinstance(base, type) and issubclass(kind, base) and not is_main(kind):
            return True
    return False


def _refers_to(thing: Any, namespace: Mapping[str, Any]) -> tuple[Iterable[str], list[Any]]:
    """Global names that `thing` reads itself, and the objects in which to look on."""
    kind = type(thing)
    if kind is types.FunctionType:
        return _of_function(thing)
    if kind is types.MethodType:
        return (), [thing.__self__, thing.__func__]
    if is_a(thing, functools.partial):
        return (), [thing.func, *thing.args, *thing.keywords.values()]
    if is_a(thing, (staticmethod, classmethod)):
        return (), [thing.__func__]
    if is_a(thing, property):
        return (), [thing.fget, thing.fset, thing.fdel]
    if is_a(thing, type):
        return _of_class(thing, namespace)
    if kind is types.GeneratorType or kind is types.CoroutineType:
        prefix = "gi" if kind is types.GeneratorType else "cr"
        code, frame = getattr(thing, f"{prefix}_code"), getattr(thing, f"{prefix}_frame")
        is_ours = frame is not None and frame.f_globals.get("__name__") == "__main__"
        return (globals_read_by(code) if is_ours else ()), []
    inside = _elements(thing)
    inside += attributes(thing).values()
    return (), [kind, *inside]


def _elements(thing: Any) -> list[Any]:
    bases: tuple[Any, ...] = (list, tuple, set, frozenset, collections.deque)
    elements: Any = ()
    for base in bases:
        if is_a(thing, base):
            elements = base.__iter__(thing)
    if is_a(thing, dict):
        elements = dict.values(thing)
    return list(itertools.islice(elements, _MAX_ELEMENTS))


def _of_function(function: types.FunctionType) -> tuple[Iterable[str], list[Any]]:
    """A function of the notebook reads globals; one of a package may wrap one of the notebook."""
    wrapped = function.__dict__.get("__wrapped__")
    inside: list[Any] = [] if wrapped is None else [wrapped]
    for cell in function.__closure__ or ():
        try:
            inside.append(cell.cell_contents)
        except ValueError:  # not bound yet
            continue
    if not is_main(function):
        return (), [x for x in inside if is_main(x) or type(x) is types.MethodType]
    inside += function.__defaults__ or ()
    inside += (function.__kwdefaults__ or {}).values()
    return globals_read_by(function.__code__), inside


def _of_class(kind: type, namespace: Mapping[str, Any]) -> tuple[Iterable[str], list[Any]]:
    """The class itself where a name stands for it, and its methods and bases."""
    if not is_main(kind):
        return (), []
    called: str = type.__dict__["__name__"].__get__(kind)
    inside = [*members(kind).values(), *bases(kind)[1:]]
    return ([called] if namespace.get(called) is kind else []), inside
