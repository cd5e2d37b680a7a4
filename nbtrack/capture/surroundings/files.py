"""Which files a cell read and wrote: heard at Python's ``open``, or named in it.

Readers and writers in C++ (``torch.save`` to a path, ``safetensors``, ``pyarrow``) and programs
of a shell open no file through Python: for them there are `literal_files` and `written_in`.
"""

# Paths stay text: there may be 200,000 of them, and a Path costs 2 us.
# ruff: noqa: PTH100, PTH109, PTH111, PTH113, PTH115, PTH116, PTH117, PTH118

from __future__ import annotations

import builtins
import functools
import io
import os
import pathlib
import pkgutil
import site
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_PATHS = 200_000
_LONGEST_PATH = 4096


@dataclass(frozen=True)
class FilesSeen:
    """The files that were opened during a watch.

    Attributes
    ----------
    read, written : frozenset of str
        Absolute paths. A file that was made anew and read back counts as written only.
    left_out : int
        Openings of further files beyond the first 200,000.
    """

    read: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    left_out: int = 0


class FileWatch:
    """Hears which files are opened between `begin` and `end`, by all threads of this process.

    Watches nest: what an inner one hears, the outer hears too. ``open`` is as it was when no watch
    is left. Costs 1 to 2 us for each opening, and nothing while no file is opened.
    """

    def __init__(self) -> None:
        self._read: set[str] = set()
        self._written: set[str] = set()
        self._made: set[str] = set()
        self._left_out = 0

    def begin(self) -> None:
        """Start to hear, with nothing heard so far."""
        global _watches
        self.__init__()  # type: ignore[misc]
        with _lock:
            if not _watches:
                _patch()
            _watches = (*(watch for watch in _watches if watch is not self), self)

    def end(self) -> FilesSeen:
        """Stop to hear; gives what was heard since `begin`, but for Python's and Jupyter's own."""
        global _watches
        with _lock:
            was_open = self in _watches
            _watches = tuple(watch for watch in _watches if watch is not self)
            if was_open and not _watches:
                _restore()
        return FilesSeen(_kept(self._read), _kept(self._written), self._left_out)

    def _hear(self, path: str, mode: str) -> None:
        if "r" in mode:
            if path not in self._made and path not in self._read and self._has_room():
                self._read.add(path)
            if "+" in mode and path not in self._written and self._has_room():
                self._written.add(path)
            return
        if path not in self._written and self._has_room():
            self._written.add(path)
        if "a" not in mode and path in self._written:
            self._made.add(path)

    def _has_room(self) -> bool:
        room = len(self._read) + len(self._written) < MAX_PATHS
        self._left_out += not room
        return room


# ---- Python's open ------------------------------------------------------------------------------

_lock = threading.Lock()
_watches: tuple[FileWatch, ...] = ()
_quiet = threading.local()


@contextmanager
def unheard() -> Iterator[None]:
    """What this thread opens in the block is ours, and no watch hears it."""
    before = getattr(_quiet, "is_on", False)
    _quiet.is_on = True
    try:
        yield
    finally:
        _quiet.is_on = before


class _HeardOpen:
    """``open``, told to all watches.

    An object and no function: stored in a class, it does not become a method, as the built-in
    ``open`` does not.
    """

    def __init__(self, plain: Callable[..., Any]) -> None:
        functools.update_wrapper(self, plain)
        self._plain = plain

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        try:
            file = self._plain(*args, **kwargs)
        except BaseException as error:
            # A bare `raise` adds no entry for its frame, so none of ours is in the traceback (from
            # Python 3.11 on): FileNotFoundError is the commonest error of a notebook.
            error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
            raise
        if _watches:
            try:
                _tell(file, args, kwargs)
            except Exception:  # hearing must not disturb the program
                pass
        return file

    def __repr__(self) -> str:
        return repr(self._plain)

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickled as the built-in that it stands for, so that it can be read without nbtrack.
        return pkgutil.resolve_name, ("builtins:open",)


def _tell(file: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if getattr(_quiet, "is_on", False):
        return
    path = args[0] if args else kwargs["file"]
    if type(path) is not str:
        if isinstance(path, int):
            return
        path = os.fsdecode(path)
    mode = args[1] if len(args) > 1 else kwargs.get("mode", "r")
    # By hand where a separator comes first, as os.path would take a third of the time allowed.
    if path[:1] != "/" and (os.sep == "/" or not os.path.isabs(path)):
        if kwargs.get("opener") or len(args) > 7:
            # An opener may look from another folder than this one.
            path = os.readlink(f"/proc/self/fd/{file.fileno()}")
        else:
            path = f"{os.getcwd()}{os.sep}{path}"
    for watch in _watches:
        watch._hear(path, mode)


def _places() -> Iterator[tuple[MutableMapping[Any, Any], Any]]:
    """Where ``open`` is looked up: a mapping and the key. Only modules that are loaded."""
    yield vars(builtins), "open"
    yield vars(io), "open"
    # These took it by name when they were imported.
    for module, name in (
        ("IPython.core.interactiveshell", "io_open"),  # the `open` of a notebook
        ("tarfile", "bltn_open"),
        ("bz2", "_builtin_open"),
    ):
        if module in sys.modules:
            yield vars(sys.modules[module]), name
    numpy_files = getattr(sys.modules.get("numpy.lib._datasource"), "_file_openers", None)
    openers = getattr(numpy_files, "_file_openers", None)  # np.loadtxt
    if isinstance(openers, dict):
        yield openers, None


_patched: list[tuple[MutableMapping[Any, Any], Any, Any, _HeardOpen]] = []
# Up to Python 3.10, Path.open() is one that pathlib took when it was imported.
_accessor: Any = getattr(pathlib, "_NormalAccessor", None)
_accessor_open: Any = None if _accessor is None else _accessor.open


@functools.cache
def _heard(plain: Callable[..., Any]) -> _HeardOpen:
    """One stand-in for each ``open``, so that whoever keeps it is heard by later watches too."""
    return _HeardOpen(plain)


def _patch() -> None:
    for mapping, key in _places():
        plain = mapping.get(key)
        if callable(plain) and not isinstance(plain, _HeardOpen):
            mapping[key] = _heard(plain)
            _patched.append((mapping, key, plain, mapping[key]))
    if _accessor is not None:
        _accessor.open = _heard(_accessor_open)


def _restore() -> None:
    while _patched:
        mapping, key, plain, ours = _patched.pop()
        if mapping.get(key) is ours:  # not if someone has put another one over it
            mapping[key] = plain
    if _accessor is not None:
        _accessor.open = _accessor_open


# ---- files that are no input or output of a cell ------------------------------------------------


def _kept(paths: Iterable[str]) -> frozenset[str]:
    return frozenset(path for path in map(os.path.abspath, paths) if not is_ignored(path))


_IGNORED_NAMES = (
    ".git",
    ".ipynb_checkpoints",
    ".nbtrack",
    "__pycache__",
    "dist-packages",
    "site-packages",
)


def ignored_folders() -> tuple[str, ...]:
    """Folders of Python, Jupyter, the system and caches, each with a separator at its end."""
    return _ignored_folders(_settings())


def is_ignored(path: str) -> bool:
    """Whether an absolute path belongs to Python, Jupyter, the system, a cache or a store."""
    parts = f"{path}{os.sep}"
    return parts.startswith(ignored_folders()) or any(
        f"{os.sep}{name}{os.sep}" in parts for name in _IGNORED_NAMES
    )


_FOLDER_SETTINGS = (
    "HOME",
    "NBTRACK_DIR",
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "MPLCONFIGDIR",
    "XDG_CACHE_HOME",
)


def _settings() -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in _FOLDER_SETTINGS)


@functools.lru_cache(maxsize=4)
def _ignored_folders(settings: tuple[str | None, ...]) -> tuple[str, ...]:
    """The folders, each with a separator at its end: for ``str.startswith``."""
    folders = ["/proc", "/sys", "/dev", "/etc", str(Path(__file__).parents[2])]
    folders += [f"/usr/share/{name}" for name in ("zoneinfo", "fonts", "mime", "locale")]
    folders += [folder for folder in settings[1:] if folder]
    home = os.path.expanduser("~")
    folders += [
        f"{home}/{name}"
        for name in (
            ".cache",
            ".config/matplotlib",
            ".ipython",
            ".jupyter",
            ".local/share/jupyter",
            ".matplotlib",
            "Library/Caches",
            "Library/Jupyter",
        )
    ]
    # Not all of a prefix: a notebook may lie in /usr/local/src, and /usr/local may be Python's.
    folders += [
        os.path.join(prefix, name)
        for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix}
        for name in (
            "bin",
            "conda-meta",
            "DLLs",
            "etc",
            "include",
            "lib",
            "Lib",
            "lib64",
            "pkgs",
            "Scripts",
            "share",
        )
    ]
    folders += [*sysconfig.get_paths().values(), site.getusersitepackages()]
    folders.remove(sysconfig.get_paths()["data"])  # the prefix itself
    both = {os.path.abspath(folder) for folder in folders}
    both |= {os.path.realpath(folder) for folder in both}
    return tuple(sorted(f"{folder.rstrip(os.sep)}{os.sep}" for folder in both))


# ---- files that are named -----------------------------------------------------------------------


def literal_files(strings: Iterable[str], cwd: str | os.PathLike[str]) -> set[str]:
    """Those of the strings that name a regular file, as absolute paths.

    Parameters
    ----------
    strings : iterable of str
        String constants of a cell.
    cwd : path
        The folder that relative ones are looked for in. ``~`` is understood.
    """
    found = set()
    for string in strings:
        path = _file_at(string, os.fspath(cwd))
        if path is not None and not is_ignored(path):
            found.add(path)
    return found


def _file_at(name: str, folder: str) -> str | None:
    """The absolute path of a regular file of that name; None if there is none."""
    if not name or len(name) > _LONGEST_PATH or "\n" in name or "\0" in name:
        return None
    if name.startswith("~"):
        name = os.path.expanduser(name)
    path = os.path.abspath(os.path.join(folder, name))
    try:
        return path if os.path.isfile(path) else None
    except (OSError, ValueError):
        return None


def written_in(path: str | os.PathLike[str], started_ns: int, ended_ns: int) -> bool:
    """Whether a file was last written between two times of ``time.time_ns()``.

    File times lag by up to a tick of the kernel, so that a write in the first milliseconds may be
    missed: such a file is then kept as data that went in, which costs its bytes. One taken for a
    cell's own work that is not would be missing when the cell is executed again.
    """
    try:
        modified_ns = os.stat(path).st_mtime_ns
    except (OSError, ValueError):
        return False
    return started_ns < modified_ns <= ended_ns
