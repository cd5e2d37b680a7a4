"""Kinds of objects in a notebook's namespace: which are the user's, which cannot change.

Everything here looks at types and at `vars`, never at properties, `len` or ``==`` of a class
that the user wrote: looking at an object must not run the user's code.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import pathlib
import re
import sys
import types
import uuid
import weakref
from collections.abc import Mapping
from typing import Any

# Immutable, with an == of their own that is fast and has no effect.
_PLAIN: frozenset[type] = frozenset(
    {
        type(None),
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        type(...),
        type(NotImplemented),
        range,
        datetime.date,
        datetime.datetime,
        datetime.time,
        datetime.timedelta,
        datetime.timezone,
        decimal.Decimal,
        fractions.Fraction,
        uuid.UUID,
        re.Pattern,
        pathlib.PurePosixPath,
        pathlib.PureWindowsPath,
        pathlib.PosixPath,
        pathlib.WindowsPath,
        types.BuiltinFunctionType,
        types.CodeType,
    }
)

# Machinery whose inside is no state of a notebook; a shell would lead to everything else.
_NOT_LOOKED_INTO = frozenset(
    {
        "IPython",
        "_asyncio",
        "_thread",
        "asyncio",
        "comm",
        "concurrent",
        "importlib",
        "ipykernel",
        "ipywidgets",
        "jupyter_client",
        "logging",
        "multiprocessing",
        "nbtrack",
        "threading",
        "tornado",
        "traitlets",
        "typing",
        "zmq",
    }
)

# What IPython and Jupyter keep in the user's namespace for themselves.
_SHELL_NAME = re.compile(r"_{1,3}|_i{1,3}|_\d+|_i\d+|_[iod]h|_exit_code|In|Out|__\w*__")
_SHELL_VALUES = frozenset({"get_ipython", "exit", "quit", "open", "display"})

# Of types outside the notebook, which live on anyway; those of the notebook come and go.
_plain_types: dict[type, bool] = {}


_members_of: Any = type.__dict__["__dict__"].__get__
_bases_of: Any = type.__dict__["__mro__"].__get__


def is_a(thing: Any, base: Any) -> bool:
    """Like `isinstance`, which would ask the object's ``__class__``, a property at times."""
    return issubclass(type(thing), base)


def members(kind: type) -> Mapping[str, Any]:
    """What a class holds itself, whatever its metaclass says."""
    found: Mapping[str, Any] = _members_of(kind)
    return found


def bases(kind: type) -> tuple[type, ...]:
    """The class and all that it inherits from."""
    found: tuple[type, ...] = _bases_of(kind)
    return found


def has_member(kind: type, name: str) -> bool:
    """Whether the class or one that it inherits from has it."""
    return any(name in members(base) for base in bases(kind))


def is_plain(kind: type) -> bool:
    """Whether objects of exactly this type can never change in place."""
    if kind in _PLAIN:
        return True
    known = _plain_types.get(kind)
    if known is None:
        known = _is_plain_elsewhere(kind)
        if not is_main(kind):
            _plain_types[kind] = known
    return known


def _is_plain_elsewhere(kind: type) -> bool:
    """NumPy's scalars, and torch's words for kinds of tensors."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    generic = getattr(numpy, "generic", None)
    if generic is not None and issubclass(kind, generic):
        return kind.__module__ == "numpy" and kind.__name__ not in {"void", "object_", "record"}
    words = [getattr(torch, name, None) for name in ("dtype", "device", "layout", "memory_format")]
    return any(kind is word for word in words) or (
        members(kind).get("__module__") == "torch" and kind.__name__ == "Size"
    )


def all_plain(elements: Any) -> bool:
    """Whether every element is plain; `elements` is a built-in container."""
    kinds = set(map(type, elements))
    return all(kind in _PLAIN or is_plain(kind) for kind in kinds)


def is_main(thing: Any, home: str = "__main__") -> bool:
    """Whether a class or function was defined in the notebook."""
    if is_a(thing, type):
        return members(thing).get("__module__") == home
    return type(thing) is types.FunctionType and thing.__module__ == home


def is_machinery(kind: type) -> bool:
    """Whether the type belongs to a package whose objects hold no state of a notebook."""
    module = members(kind).get("__module__")
    return isinstance(module, str) and module.partition(".")[0] in _NOT_LOOKED_INTO


def is_user_name(name: str, value: Any) -> bool:
    """Whether the user made this name, and not IPython or Jupyter.

    Examples
    --------
    >>> is_user_name("model", 1), is_user_name("_hidden", 1), is_user_name("_12", 1)
    (True, True, False)
    """
    if name[:1] in "_IO" and _SHELL_NAME.fullmatch(name):
        return False
    if name in _SHELL_VALUES:
        module: Any
        if type(value) is types.FunctionType:
            module = value.__module__
        else:
            module = members(value if is_a(value, type) else type(value)).get("__module__")
        root = str(module).partition(".")[0]
        return root not in {"IPython", "ipykernel"} and type(value) is not types.MethodType
    return True


def user_names(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Names that the user made, with what they stand for, in the order of the namespace."""
    return {
        name: value
        for name, value in list(namespace.items())
        if type(name) is str and is_user_name(name, value)
    }


def attributes(thing: Any) -> dict[str, Any]:
    """Attributes that are kept in the object itself: its ``__dict__`` and slots, no properties."""
    found: dict[str, Any] = {}
    try:
        own = object.__getattribute__(thing, "__dict__")
        if type(own) in (dict, collections.OrderedDict):
            found.update(own)
    except AttributeError:
        pass
    for slot in _slots(type(thing)):
        try:
            found[slot.__name__] = slot.__get__(thing)
        except AttributeError:
            pass  # declared and not set
    return found


_slots_of: weakref.WeakKeyDictionary[type, tuple[Any, ...]] = weakref.WeakKeyDictionary()


def _slots(kind: type) -> tuple[Any, ...]:
    known = _slots_of.get(kind)
    if known is None:
        known = _slots_of[kind] = tuple(
            member
            for base in bases(kind)
            if "__slots__" in members(base)
            for member in members(base).values()
            if type(member) is types.MemberDescriptorType
        )
    return known
