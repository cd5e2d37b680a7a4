"""The Python files of the user's own that a notebook imports: from its folder, or a path added."""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from nbtrack.capture.surroundings.files import ignored_folders, is_ignored


def local_modules(folder: Path, before: Iterable[str] | None = None) -> dict[str, Path]:
    """The source files of imported modules that are not of an installed package.

    Parameters
    ----------
    folder : Path
        The notebook's working folder. Modules in it count, and those in folders that were added to
        `sys.path` by hand; not those of editable packages elsewhere, which the environment names.
    before : iterable of str, optional
        Names of modules to leave out, such as those loaded before a cell. The packages around a
        module that is not left out are always there.

    Returns
    -------
    dict of str to Path
        Path within the folder, with ``/``, to the absolute path of the file. A file from elsewhere
        gets the path that its import needs: ``"pack/part.py"``. One in a folder below that is on
        `sys.path` has both paths, so that it is found with that folder on the path and without.

    Notes
    -----
    The files as they are now: one edited after its import is not what was executed.
    """
    home = os.path.abspath(folder)  # noqa: PTH100 -- as modules have it: links are not followed
    known = {name: module for name, module in list(sys.modules.items()) if _is_wanted(name)}
    left_out = set(before or ())
    installed = ignored_folders()
    wanted = {
        name
        for name, module in known.items()
        if name not in left_out and not _is_in(module, installed)
    }
    wanted |= {parent for name in wanted for parent in _parents(name) if parent in known}
    found: dict[str, Path] = {}
    roots: set[str] | None = None
    for name in sorted(wanted):
        path = _source(known[name])
        if path is None or is_ignored(path):
            continue
        place = _place_of_import(name, path)
        inside = _within(path, home)
        if inside is not None:
            found[inside] = Path(path)
        if place is None:
            continue
        if roots is None:
            roots = {home, *_added_folders()}
        root = path[: -len(place) - 1]
        if root in roots or inside is not None:
            found.setdefault(place, Path(path))
    return dict(sorted(found.items()))


def _is_in(module: ModuleType | None, folders: tuple[str, ...]) -> bool:
    """Whether a module is plainly of one of these folders: most are, and a look costs 0.1 us."""
    file = getattr(module, "__file__", None)
    return not isinstance(file, str) or file.startswith(folders)


def _is_wanted(name: str) -> bool:
    return name not in ("__main__", "__mp_main__") and name.partition(".")[0] != "nbtrack"


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _source(module: ModuleType | None) -> str | None:
    """The absolute path of a module's ``.py`` file; None for all other modules."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py"):
        return None
    path = os.path.abspath(file)  # noqa: PTH100
    return path if Path(path).is_file() else None


def _within(path: str, home: str) -> str | None:
    """The path relative to the folder; None if it does not lie in it."""
    for start in (home, os.path.realpath(home)):
        if path.startswith(start.rstrip(os.sep) + os.sep):
            return Path(path).relative_to(start).as_posix()
    return None


def _place_of_import(name: str, path: str) -> str | None:
    """``pack/part.py`` for the module ``pack.part``; None if its file is called something else."""
    stem = name.replace(".", "/")
    for place in (f"{stem}.py", f"{stem}/__init__.py"):
        if Path(path).as_posix().endswith(f"/{place}"):
            return place
    return None


def _added_folders() -> set[str]:
    """Folders of `sys.path` that neither Python nor an editable package has put there."""
    folders = {os.path.abspath(entry) for entry in sys.path if isinstance(entry, str)}  # noqa: PTH100
    return {folder for folder in folders - _folders_of_packages() if not is_ignored(folder)}


def _folders_of_packages() -> set[str]:
    """Folders that the ``.pth`` files of installed packages add."""
    found = set()
    for packages in {*site.getsitepackages(), site.getusersitepackages()}:
        for path in Path(packages).glob("*.pth"):
            try:
                lines = path.read_text("utf-8", "replace").splitlines()
            except OSError:
                continue
            found |= {
                os.path.abspath(os.path.join(packages, line.strip()))  # noqa: PTH100, PTH118
                for line in lines
                if line.strip() and not line.startswith(("#", "import ", "import\t"))
            }
    return found
