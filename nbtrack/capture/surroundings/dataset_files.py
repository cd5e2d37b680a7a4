"""The files that a data set will load, also where worker processes open them out of hearing."""

# Paths stay text: there may be 200,000 of them, and a Path costs 2 us.
# ruff: noqa: PTH100, PTH109, PTH112, PTH113, PTH118

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nbtrack.capture.surroundings.files import MAX_PATHS, is_ignored

_MAX_DEPTH = 8  # a DataLoader of a list of subsets of data sets with a list of tuples: 6
_MAX_OBJECTS = 10_000
_NUM_PROBES = 8
_PLAIN = (int, float, complex, bool, type(None), bytearray, memoryview, range)


def paths_of(data: Any) -> set[str]:
    """The existing files that the attributes of a data set name.

    Understood are paths and lists of paths, lists of tuples such as ``ImageFolder.samples``,
    columns of a DataFrame, arrays of strings, and data sets inside of data sets. A relative name is
    looked for in the working folder and in the folders that another attribute names.

    Parameters
    ----------
    data : object
        A data set, a DataLoader, a list of paths. Nothing of it is called.

    Returns
    -------
    set of str
        Absolute paths, 200,000 at most.

    Notes
    -----
    Of a list only some entries are looked at to see whether it is one of paths; then one ``stat``
    for each, about 1.5 us.
    """
    search = _Search()
    try:
        search.look_at(data, [os.getcwd()], 0)
    except Exception:  # an attribute of a foreign object may do anything
        pass
    return search.found


class _Search:
    def __init__(self) -> None:
        self.found: set[str] = set()
        self._seen: dict[int, Any] = {}  # keeps them alive, so that no id is used twice

    def look_at(self, value: Any, folders: list[str], depth: int) -> None:
        """Add the files that a value names, itself or in what it holds."""
        if isinstance(value, _PLAIN) or id(value) in self._seen or len(self._seen) > _MAX_OBJECTS:
            return
        if isinstance(value, str | bytes | os.PathLike):
            self._add_all([value], folders)
            return
        self._seen[id(value)] = value
        columns = _columns(value)
        if columns is not None:
            for column in columns:
                self._add_all(column, folders)
        elif depth <= _MAX_DEPTH:
            self._look_inside(value, folders, depth)

    def _look_inside(self, value: Any, folders: list[str], depth: int) -> None:
        if isinstance(value, Mapping):
            self._add_all(list(value), folders)
            self._add_all(list(value.values()), folders)
            inner = list(value.values())[:_NUM_PROBES]
        elif isinstance(value, list | tuple | set | frozenset):
            items = list(value)
            for column in _columns_of_rows(items):
                self._add_all(column, folders)
            # A list of objects of the same kind: of data sets there are few, of samples many.
            inner = [item for item in items[:64] if not isinstance(item, str | bytes | os.PathLike)]
        else:
            attributes = _attributes(value)
            folders = [*folders, *_folders_in(attributes, folders)]
            inner = attributes
        for item in inner:
            try:
                self.look_at(item, folders, depth + 1)
            except Exception:  # one attribute that misbehaves does not hide the others
                continue

    def _add_all(self, names: Any, folders: list[str]) -> None:
        """Add those of the names that exist; give up early where the first ones do not."""
        for folder in reversed(folders):
            if any(_existing(name, folder) for name in _some_of(names)):
                for name in names:
                    if len(self.found) >= MAX_PATHS:
                        return
                    path = _existing(name, folder)
                    if path is not None and not is_ignored(path):
                        self.found.add(path)
                return


def _existing(name: Any, folder: str) -> str | None:
    if not isinstance(name, str | bytes | os.PathLike):
        return None
    try:
        text = os.fsdecode(name)
        if not text or len(text) > 4096:
            return None
        path = os.path.abspath(os.path.join(folder, text))
        return path if os.path.isfile(path) else None
    except (OSError, ValueError, TypeError):
        return None


def _some_of(names: Any) -> list[Any]:
    """A few from the beginning, the middle and the end: one file may be missing, or one a label."""
    count = len(names)
    if count <= 2 * _NUM_PROBES:
        return list(names)
    chosen = [*range(_NUM_PROBES), count // 2, count - 1]
    return [names[number] for number in chosen]


def _columns_of_rows(items: list[Any]) -> Iterator[list[Any]]:
    """The list itself if it is one of names; its columns if it is one of tuples or records."""
    first = next((item for item in items if item is not None), None)
    if isinstance(first, str | bytes | os.PathLike):
        yield items
    elif isinstance(first, tuple | list) and len(first) <= 16:
        for number, cell in enumerate(first):
            if isinstance(cell, str | bytes | os.PathLike):
                rows = (item for item in items if isinstance(item, tuple | list))
                yield [row[number] for row in rows if len(row) > number]
    elif isinstance(first, Mapping) and len(first) <= 64:
        for key, cell in first.items():
            if isinstance(cell, str | bytes | os.PathLike):
                yield [item.get(key) for item in items if isinstance(item, Mapping)]


def _columns(value: Any) -> list[list[Any]] | None:
    """The columns of text of a frame, series or array; None for what is none of these."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if pandas is not None:
        if isinstance(value, pandas.DataFrame):
            series = [value.iloc[:, number] for number in range(value.shape[1])]
            return [one.tolist() for one in series if _holds_text(one)]
        if isinstance(value, pandas.Series | pandas.Index):
            return [value.tolist()] if _holds_text(value) else []
    if numpy is not None and isinstance(value, numpy.ndarray):
        return [value.ravel().tolist()] if value.dtype.kind in "OUST" else []
    return [] if _is_tensor_or_model(value) else None


def _holds_text(series: Any) -> bool:
    kind = getattr(series.dtype, "kind", "O")
    return kind in "OUST" or "str" in str(series.dtype)


def _is_tensor_or_model(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor | torch.nn.Module)


def _attributes(value: Any) -> list[Any]:
    """What an object holds, read without calling a property."""
    if isinstance(value, type) or (callable(value) and not hasattr(type(value), "__getitem__")):
        return []
    module = type(value).__module__
    if module.partition(".")[0] in sys.stdlib_module_names or module == "builtins":
        return []
    held = list(getattr(value, "__dict__", {}).values())
    for owner in type(value).__mro__:
        slots = vars(owner).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            held.append(getattr(value, name, None))
    return held


def _folders_in(attributes: Iterable[Any], known: list[str]) -> list[str]:
    """The folders that attributes name: ``root``, ``img_dir``."""
    folders = []
    for value in attributes:
        if isinstance(value, str | os.PathLike):
            try:
                text = os.fsdecode(value)
                folder = os.path.join(known[0], text)
                if text and len(text) <= 4096 and os.path.isdir(folder):
                    folders.append(os.path.abspath(folder))
            except (OSError, ValueError, TypeError):
                continue
    return folders
