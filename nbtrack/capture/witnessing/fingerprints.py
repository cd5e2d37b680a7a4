"""The fingerprint of one object: what it holds itself, and which objects it refers to.

Two fingerprints of the same object, taken before and after a cell, say whether the cell changed
it in place. What the objects *inside* hold is not part of it: `nbtrack.capture.witnessing.scan`
follows the references. Tensors, arrays and frames are fingerprinted in
`nbtrack.capture.witnessing.numeric`.
"""

from __future__ import annotations

import collections
import functools
import gc
import io
import itertools
import sys
import types
import weakref
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from nbtrack.capture.witnessing.contents import Budget
from nbtrack.capture.witnessing.kinds import (
    all_plain,
    attributes,
    has_member,
    is_a,
    is_machinery,
    is_main,
    is_plain,
    members,
)
from nbtrack.capture.witnessing.numeric import numeric_look

MAX_ELEMENTS = 1000  # of one container that are followed when they can change themselves
_WHOLE_LENGTH = 100_000  # elements of a container of plain values that are all compared
_SAMPLE_LENGTH = 256  # elements compared when the cell cannot touch the container


class Look(NamedTuple):
    """What one look at one object found.

    Attributes
    ----------
    quick : tuple
        Compared with ``==``: sizes, versions, identities, samples. Plain values only.
    full : object or None
        A digest or copy of all contents; None when that was not made.
    inside : sequence of object
        The objects that it refers to and that may change themselves.
    spans : tuple of (int, int)
        Addresses of the memory in which its contents lie, from and to.
    unseen : {"read", "hint", "part"} or None
        Its state cannot be seen, or only in part: then it has changed if the cell reads it
        (``read``), or if the text of the cell looks as if it changed it (``hint``, ``part``).
    """

    quick: tuple[Any, ...]
    full: Any = None
    inside: Any = ()
    spans: tuple[tuple[int, int], ...] = ()
    unseen: Literal["read", "hint", "part"] | None = None


Looker = Callable[[Any, bool, Budget], Look | None]


def look_at(thing: Any, is_deep: bool, budget: Budget) -> Look | None:
    """The fingerprint of `thing`; None when it cannot change or is none of our business.

    Parameters
    ----------
    is_deep : bool
        The cell may touch it: also make a digest of all contents, within the budget.
    budget : Budget
    """
    kind = type(thing)
    looker = _lookers.get(kind, _UNKNOWN)
    if looker is _UNKNOWN:
        looker = _lookers_of_notebook.get(kind, _UNKNOWN)
        if looker is _UNKNOWN:
            looker = _find_looker(kind)
            known = _lookers_of_notebook if is_main(kind) else _lookers
            known[kind] = looker
    return looker(thing, is_deep, budget) if looker is not None else None


# ---- containers ---------------------------------------------------------------------------------


def _sequence(thing: Any, elements: Any, is_deep: bool, extra: dict[str, Any]) -> Look:
    """Elements of a list, tuple, set or deque; `elements` is a plain list or tuple of them."""
    length = len(elements)
    step = max(1, length // _SAMPLE_LENGTH)
    part = [*elements[::step], *elements[-1:]]
    kinds = set(map(type, part))
    are_plain = all(map(is_plain, kinds))
    values = tuple(part) if are_plain else _marks(part)
    quick: tuple[Any, ...] = (length, frozenset(kinds) if are_plain else None, values)
    full: Any = () if step == 1 else None  # the part is all of it
    inside: list[Any] = [] if are_plain else [x for x in part if not is_plain(type(x))]
    if is_deep and step > 1 and length <= _WHOLE_LENGTH:
        if are_plain and all_plain(elements):
            full = tuple(elements)
        else:
            full = _marks(elements)
            inside = [x for x in elements[:MAX_ELEMENTS] if not is_plain(type(x))]
    if extra:
        own = _attributes(extra)
        return Look((quick, own.quick), full, [*inside, *own.inside])
    return Look(quick, full, inside, (), "part" if is_deep and full is None else None)


def _marks(elements: Any) -> tuple[Any, ...]:
    """Values of what cannot change, identities of the rest."""
    return tuple(x if is_plain(type(x)) else id(x) for x in elements)


def _few(elements: Any, length: int) -> list[Any]:
    """All elements, or the first ones of very many: a copy of millions would take too long."""
    if length <= _WHOLE_LENGTH:
        return list(elements)
    return list(itertools.islice(elements, _SAMPLE_LENGTH))


def _list(thing: Any, is_deep: bool, budget: Budget) -> Look:
    exact = type(thing) is list
    return _sequence(
        thing,
        thing if exact else list(list.__iter__(thing)),
        is_deep,
        {} if exact else attributes(thing),
    )


def _tuple(thing: Any, is_deep: bool, budget: Budget) -> Look | None:
    exact = type(thing) is tuple
    elements = thing if exact else tuple(tuple.__iter__(thing))
    return _sequence(thing, elements, is_deep, {} if exact else attributes(thing))


def _set(thing: Any, is_deep: bool, budget: Budget) -> Look:
    base = set if is_a(thing, set) else frozenset
    length = base.__len__(thing)
    extra = {} if type(thing) is base else attributes(thing)
    look = _sequence(thing, _few(base.__iter__(thing), length), is_deep, extra)
    return look._replace(quick=(length, look.quick))


def _deque(thing: Any, is_deep: bool, budget: Budget) -> Look:
    base = collections.deque
    length = base.__len__(thing)
    extra = {} if type(thing) is base else attributes(thing)
    look = _sequence(thing, _few(base.__iter__(thing), length), is_deep, extra)
    return look._replace(quick=(length, look.quick))


def _dict(thing: Any, is_deep: bool, budget: Budget) -> Look:
    length = dict.__len__(thing)
    extra = {} if type(thing) in (dict, collections.OrderedDict) else attributes(thing)
    keyed = _sequence(thing, _few(dict.keys(thing), length), is_deep, {})
    valued = _sequence(thing, _few(dict.values(thing), length), is_deep, extra)
    whole = None
    if keyed.full is not None and valued.full is not None:
        whole = (keyed.full, valued.full)
    quick = (length, keyed.quick, valued.quick)
    unseen: Any = "part" if is_deep and whole is None else None
    return Look(quick, whole, [*keyed.inside, *valued.inside], (), unseen)


# ---- code ---------------------------------------------------------------------------------------


def _function(thing: Any, is_deep: bool, budget: Budget) -> Look:
    if not is_main(thing) and "__wrapped__" not in thing.__dict__:
        return Look((id(thing.__code__),), ())  # of a package
    defaults, keyword = thing.__defaults__ or (), thing.__kwdefaults__ or {}
    held = [*defaults, *keyword.values(), *thing.__dict__.values()]
    for cell in thing.__closure__ or ():
        try:
            held.append(cell.cell_contents)
        except ValueError:  # not bound yet
            held.append(None)
    names = (*keyword, *thing.__dict__)
    quick = (id(thing.__code__), names, *_marks(held))
    return Look(quick, (), [x for x in held if not is_plain(type(x))])


def _method(thing: Any, is_deep: bool, budget: Budget) -> Look:
    return Look((), (), [thing.__self__, thing.__func__])


def _partial(thing: Any, is_deep: bool, budget: Budget) -> Look:
    held = [thing.func, *thing.args, *thing.keywords.values()]
    own = _attributes(dict(enumerate(held)))
    return Look((tuple(thing.keywords), *own.quick), (), own.inside)


def _cached(thing: Any, is_deep: bool, budget: Budget) -> Look:
    """A function with `functools.lru_cache`: how often it has kept and found a value."""
    return Look(tuple(thing.cache_info()), (), [thing.__wrapped__])


def _wrapped(thing: Any, is_deep: bool, budget: Budget) -> Look:
    """Static and class methods."""
    return Look((id(thing.__func__),), (), [thing.__func__])


def _property(thing: Any, is_deep: bool, budget: Budget) -> Look:
    parts = [part for part in (thing.fget, thing.fset, thing.fdel) if part is not None]
    return Look(tuple(map(id, parts)), (), parts)


_OF_PYTHON = frozenset(
    {
        "__dict__",
        "__weakref__",
        "__doc__",
        "__module__",
        "__annotations__",
        "__annotations_cache__",
        "__annotate_func__",
        "__firstlineno__",
        "__static_attributes__",
        "_abc_impl",
    }
)


def _class(thing: Any, is_deep: bool, budget: Budget) -> Look | None:
    if not is_main(thing):
        return None
    return _attributes({k: v for k, v in members(thing).items() if k not in _OF_PYTHON})


# ---- iterators and files ------------------------------------------------------------------------


def _counted(thing: Any, is_deep: bool, budget: Budget) -> Look:
    """Iterators that know how much is left."""
    try:
        left = type(thing).__length_hint__(thing)
    except TypeError:  # itertools.repeat without an end
        left = -1
    return Look((left,), ())


def _counting(thing: Any, is_deep: bool, budget: Budget) -> Look:
    """``itertools.count``: its text is its state."""
    return Look((repr(thing),), ())


def _built_on(thing: Any, is_deep: bool, budget: Budget) -> Look:
    """Iterators whose state is that of the iterators inside, which the collector knows."""
    inside = gc.get_referents(thing)
    return Look(
        tuple(map(id, inside)),
        (),
        [x for x in inside if type(x) is tuple or has_member(type(x), "__next__")],
    )


def _generator(thing: Any, is_deep: bool, budget: Budget) -> Look:
    """A suspended frame: where it stands, and its local values as the collector knows them.

    ``gi_frame.f_locals`` would keep the values alive for longer than the program does.
    """
    frame = getattr(thing, "gi_frame", None) or getattr(thing, "cr_frame", None)
    if frame is None:
        return Look((-2,), ())
    position = frame.f_lasti
    del frame
    held = [x for x in gc.get_referents(thing) if type(x) is not types.FrameType]
    quick = (position, *_marks(held))
    followed = [x for x in held if not is_plain(type(x)) and not is_a(x, type)]
    return Look(quick, (), followed)


def _iterator(thing: Any, is_deep: bool, budget: Budget) -> Look:
    return Look((), None, (), (), "read")


def _file(thing: Any, is_deep: bool, budget: Budget) -> Look | None:
    """Binary files know where they stand; asking a text file may write or forbid reading on."""
    if any(thing is stream for stream in (sys.stdin, sys.stdout, sys.stderr)):
        return None
    if thing.closed:
        return Look(("closed",), ())
    if is_a(thing, io.TextIOWrapper):
        return Look(("open",), None, (), (), "read")
    try:
        position = thing.tell()
    except (OSError, ValueError):  # a pipe
        return Look(("open",), None, (), (), "read")
    full: tuple[bytes, ...] = ()
    if type(thing) is io.BytesIO and sys.getsizeof(thing) <= 1 << 20:
        full = (thing.getvalue(),)
    return Look((position,), full)


# ---- everything else ----------------------------------------------------------------------------


def _attributes(held: dict[Any, Any]) -> Look:
    values = held.values()
    quick = (tuple(held), _marks(values))
    return Look(quick, (), [x for x in values if not is_plain(type(x))])


def _instance(thing: Any, is_deep: bool, budget: Budget) -> Look:
    return _attributes(attributes(thing))


def _opaque(thing: Any, is_deep: bool, budget: Budget) -> Look:
    return Look((), None, (), (), "hint")


_UNKNOWN: Any = object()
_ITERATORS: dict[Any, Looker] = {
    type(iter([])): _counted,
    type(iter(())): _counted,
    type(iter("")): _counted,
    type(iter("é")): _counted,
    type(iter(b"")): _counted,
    type(iter(set())): _counted,
    type(iter(range(0))): _counted,
    type(iter(range(1 << 70))): _counted,
    type(iter({})): _counted,
    type(iter({}.values())): _counted,
    type(iter({}.items())): _counted,
    type(reversed([])): _counted,
    type(reversed(())): _counted,
    itertools.repeat: _counted,
    itertools.count: _counting,
    enumerate: _built_on,
    zip: _built_on,
    map: _built_on,
    filter: _built_on,
    itertools.chain: _built_on,
    itertools.islice: _built_on,
    itertools.takewhile: _built_on,
    itertools.dropwhile: _built_on,
    itertools.starmap: _built_on,
    itertools.accumulate: _built_on,
    itertools.zip_longest: _built_on,
    types.GeneratorType: _generator,
    types.CoroutineType: _generator,
}
_lookers: dict[Any, Looker | None] = {
    list: _list,
    tuple: _tuple,
    set: _set,
    frozenset: _set,
    dict: _dict,
    collections.deque: _deque,
    types.FunctionType: _function,
    types.MethodType: _method,
    functools.partial: _partial,
    functools._lru_cache_wrapper: _cached,
    staticmethod: _wrapped,
    classmethod: _wrapped,
    property: _property,
    types.ModuleType: None,
    **_ITERATORS,
}
# Classes of the notebook are defined again and again: they are held weakly.
_lookers_of_notebook: weakref.WeakKeyDictionary[type, Looker | None] = weakref.WeakKeyDictionary()


def _find_looker(kind: type) -> Looker | None:
    """The looker for a type that is none of Python's own containers."""
    if is_plain(kind) or is_machinery(kind) or issubclass(kind, types.ModuleType):
        return None
    numeric = numeric_look(kind)
    if numeric is not None:
        return lambda thing, is_deep, budget: Look(*numeric(thing, is_deep, budget))
    for base, looker in (
        (list, _list),
        (tuple, _tuple),
        ((set, frozenset), _set),
        (dict, _dict),
        (collections.deque, _deque),
        (functools.partial, _partial),
        (type, _class),
        (io.IOBase, _file),
    ):
        if issubclass(kind, base):
            return looker
    has_own = has_member(kind, "__dict__") or has_member(kind, "__slots__")
    if has_own:
        return _instance
    return _iterator if has_member(kind, "__next__") else _opaque
