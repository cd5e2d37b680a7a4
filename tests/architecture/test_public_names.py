"""What a user can reach: each public name is listed, importable, light to import, documented."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import nbtrack
from nbtrack import errors

# The contract, as far as it is built.
CONTRACT = ["start", "log", "get", "runs", "live", "compare", "set_seed", "Store"]
ERRORS = [
    name
    for name, value in vars(errors).items()
    if inspect.isclass(value) and value.__module__ == errors.__name__
]
IPYTHON_CALLS = {"load_ipython_extension", "unload_ipython_extension"}
HEAVY = ["torch", "pandas", "matplotlib", "anywidget"]


# ---- the front door -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONTRACT + ERRORS)
def test_a_name_of_the_contract_is_there(name: str) -> None:
    assert name in nbtrack.__all__
    assert getattr(nbtrack, name) is not None


def test_every_listed_name_can_be_had() -> None:
    missing = [name for name in nbtrack.__all__ if getattr(nbtrack, name, None) is None]
    assert missing == []


def test_every_name_that_can_be_had_is_listed() -> None:
    ours = {
        name
        for name in dir(nbtrack)
        if not name.startswith("_")
        and (getattr(getattr(nbtrack, name), "__module__", None) or "").startswith("nbtrack")
    }
    assert ours - IPYTHON_CALLS == set(nbtrack.__all__)


def test_the_list_is_sorted_and_names_nothing_twice() -> None:
    assert list(nbtrack.__all__) == sorted(set(nbtrack.__all__))


def test_a_name_that_is_not_there_is_an_attribute_error_that_says_so() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        nbtrack.no_such_name  # noqa: B018


# ---- light to import ----------------------------------------------------------------------------


def loaded_by(code: str) -> set[str]:
    """Heavy packages that a fresh Python holds after `code`."""
    report = f"import sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(ast.literal_eval(done.stdout.splitlines()[-1]))


SHELL = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
"""


def test_importing_nbtrack_loads_nothing_heavy() -> None:
    assert loaded_by("import nbtrack") == set()


def test_loading_the_extension_loads_nothing_heavy() -> None:
    assert loaded_by(SHELL + "shell.run_line_magic('load_ext', 'nbtrack')") == set()


def test_loading_the_extension_gives_the_magics() -> None:
    code = SHELL + textwrap.dedent(
        """
        shell.run_line_magic('load_ext', 'nbtrack')
        assert shell.find_cell_magic('track') and shell.find_line_magic('runs')
        """
    )
    loaded_by(code)  # a failed assertion there is a CalledProcessError here


def test_a_heavy_import_would_be_seen() -> None:
    assert loaded_by("import pandas") == {"pandas"}


# ---- documented ---------------------------------------------------------------------------------


def rooms() -> Iterator[ModuleType]:
    """The front door and every room with a list of public names."""
    yield nbtrack
    house = Path(nbtrack.__file__).parent
    for path in sorted(house.iterdir()):
        if path.stem.startswith("_") or not (
            path.suffix == ".py" or (path / "__init__.py").exists()
        ):
            continue
        room = importlib.import_module(f"nbtrack.{path.stem}")
        if hasattr(room, "__all__"):
            yield room


def public() -> dict[str, Any]:
    """Public functions, classes, and the public methods and properties of those classes."""
    found: dict[str, Any] = {}
    for room in rooms():
        for name in room.__all__:
            value = getattr(room, name)
            if not (inspect.isfunction(value) or inspect.isclass(value)):
                continue
            if not value.__module__.startswith("nbtrack"):
                continue
            full = f"{value.__module__}.{value.__qualname__}"
            found[full] = value
            if inspect.isclass(value):
                found |= {
                    f"{full}.{member}": inspect.unwrap(getattr(thing, "__func__", thing))
                    for member, thing in vars(value).items()
                    if not member.startswith("_")
                    and isinstance(thing, property | classmethod | staticmethod | Callable)
                    and getattr(thing, "__module__", "nbtrack").startswith("nbtrack")
                }
    return found


def errors_raised(value: Any) -> set[str]:
    """Names of our own errors in the ``raise`` statements of a function; a class means __init__."""
    if isinstance(value, property):
        value = value.fget
    if inspect.isclass(value):
        value = vars(value).get("__init__")
    if not inspect.isfunction(value) or value.__code__.co_filename == "<string>":
        return set()  # written by @dataclass: it raises nothing of ours
    tree = ast.parse(textwrap.dedent(inspect.getsource(value)))
    raised = {
        called.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(called := node.exc, ast.Call)
        if isinstance(called.func, ast.Name)
    }
    return raised & set(ERRORS)


def faults_of_docstring(value: Any) -> list[str]:
    doc = (
        inspect.getdoc(value)
        if not inspect.isclass(value)
        else inspect.cleandoc(value.__doc__ or "")
    )
    if not doc:
        return ["has no docstring"]
    first = doc.partition("\n")[0]
    faults = [] if first.endswith((".", "!", "?", ":")) else [f"no full stop after {first!r}"]
    section = re.search(r"^Raises\n-+\n(.*)", doc, re.MULTILINE | re.DOTALL)
    told = section.group(1) if section else ""
    return faults + [
        f"raises {name} and does not say so"
        for name in sorted(errors_raised(value))
        if name not in told
    ]


def test_every_public_name_is_documented_with_what_it_raises() -> None:
    faults = {
        name: faults for name, value in public().items() if (faults := faults_of_docstring(value))
    }
    assert faults == {}


def told() -> None:
    """Raise, and say so.

    Raises
    ------
    StoreError
        Always.
    """
    raise errors.StoreError("x")


def untold() -> None:
    """Raise, in silence."""
    from nbtrack.errors import StoreError

    raise StoreError("x")


def test_a_function_that_hides_what_it_raises_is_found() -> None:
    assert faults_of_docstring(untold) == ["raises StoreError and does not say so"]
    assert faults_of_docstring(told) == []
    assert faults_of_docstring(lambda: None) == ["has no docstring"]
