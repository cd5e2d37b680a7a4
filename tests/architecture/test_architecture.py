"""The shape of the house: who may import whom, how long a file may be, what a drawer may be called.

Every rule is a function from a folder to a list of faults in words. The first half of the tests
asks for no fault in `nbtrack/`; the second half builds small crooked houses, one fault each, and
asks that the fault is found: a checker that finds nothing anywhere would pass the first half too.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2] / "nbtrack"

# Lowest floor first. A room may import from floors below it, never from its own floor or above.
FLOORS = [
    {"errors", "records"},
    {"capture", "store", "instruments"},
    {"versioning", "views"},
    {"evaluate"},
    {"run"},
    {"doctor", "dist", "interop"},
    {"recipes", "magics", "cli"},
    {"__init__"},  # the front door: nbtrack/__init__.py
]
# The eyes see the memory, and no other room above the words.
SEES_ONLY = {"views": {"store"}}
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

MAX_LINES = 400
DRAWERS = {"util", "utils", "helper", "helpers", "common", "misc"}
FRONTEND_SUFFIXES = {".js", ".mjs", ".ts", ".jsx", ".tsx", ".css"}

Rule = Callable[[Path], list[str]]


# ---- reading a house ----------------------------------------------------------------------------


def modules(house: Path) -> dict[str, Path]:
    """``nbtrack.store.runs`` for store/runs.py, ``nbtrack.store`` for store/__init__.py."""
    found = {}
    for path in sorted(house.rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        parts = ("nbtrack", *path.relative_to(house).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def room_of(module: str) -> str:
    """The room that a module lives in; ``nbtrack`` itself is the front door."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def is_ours(name: str) -> bool:
    return name.partition(".")[0] == "nbtrack"


def dynamic_import(node: ast.AST) -> str | None:
    """The name in ``import_module("nbtrack.store")`` or ``__import__("nbtrack.store")``."""
    if not isinstance(node, ast.Call) or not node.args:
        return None
    called = node.func.attr if isinstance(node.func, ast.Attribute) else None
    called = node.func.id if isinstance(node.func, ast.Name) else called
    first = node.args[0]
    if called not in {"import_module", "__import__"} or not isinstance(first, ast.Constant):
        return None
    return first.value if isinstance(first.value, str) else None


def imports(path: Path, known: dict[str, Path]) -> Iterator[tuple[str, int]]:
    """Modules of ours that a file imports, with the line: at its top, inside functions, lazily."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif dynamic := dynamic_import(node):
            names = [dynamic]
        for name in filter(is_ours, names):
            # `from nbtrack.errors import RunNotFound` names a thing inside the module.
            parent = name.rpartition(".")[0]
            inside = isinstance(node, ast.ImportFrom) and name not in known
            yield (parent if inside else name), node.lineno


# ---- the rules ----------------------------------------------------------------------------------


def imports_that_do_not_go_down(house: Path) -> list[str]:
    """A room imports only from floors below its own; views only from the store."""
    known, faults = modules(house), []
    for module, path in known.items():
        here = room_of(module)
        for imported, line in imports(path, known):
            there = room_of(imported)
            if there == here or here not in FLOOR or there not in FLOOR:
                continue  # a room without a floor is the fault of another rule
            if FLOOR[there] >= FLOOR[here]:
                faults.append(f"{module}:{line}: {here} may not import {there}: not a floor below")
            elif FLOOR[there] > 0 and there not in SEES_ONLY.get(here, {there}):
                allowed = " and ".join(sorted(SEES_ONLY[here]))
                faults.append(
                    f"{module}:{line}: {here} may not import {there}: sees only {allowed}"
                )
    return faults


def relative_imports(house: Path) -> list[str]:
    """``from .points import x`` hides the room; ``from nbtrack.store.points import x`` names it."""
    return [
        f"{module}:{node.lineno}: write 'from nbtrack.room import name'"
        for module, path in modules(house).items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]


def circles(house: Path) -> list[str]:
    """No module reaches itself through its imports, also not inside one room."""
    known = modules(house)
    graph = {
        module: {imported for imported, _ in imports(path, known)} - {module}
        for module, path in known.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" <- ".join(error.args[1])]
    return []


def rooms_without_a_floor(house: Path) -> list[str]:
    """Every file and folder directly under nbtrack/ is a room of the plan; some are not built."""
    rooms = {room_of(module) for module in modules(house)}
    return [f"{room}: give it a floor in FLOORS" for room in sorted(rooms - set(FLOOR))]


def files_too_long(house: Path) -> list[str]:
    """A file that needs more than 400 lines holds two ideas."""
    frontend = [
        path
        for path in (house / "views" / "frontend").rglob("*")
        if path.suffix in FRONTEND_SUFFIXES and "node_modules" not in path.parts
    ]
    lengths = {
        path.relative_to(house): len(path.read_text(encoding="utf-8").splitlines())
        for path in [*modules(house).values(), *frontend]
    }
    return [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > MAX_LINES]


def drawers(house: Path) -> list[str]:
    """A file called ``utils`` says nothing; the thing in it has a name of its own."""
    return [
        f"{module}: name it by what is in it"
        for module in modules(house)
        if DRAWERS & {part.strip("_") for part in module.split(".")}
    ]


RULES: list[Rule] = [
    imports_that_do_not_go_down,
    relative_imports,
    circles,
    rooms_without_a_floor,
    files_too_long,
    drawers,
]


# ---- the house ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rules(rule: Rule) -> None:
    assert rule(HOUSE) == []


def test_the_house_has_been_read() -> None:
    known = modules(HOUSE)
    assert {"nbtrack", "nbtrack.errors", "nbtrack.records"} <= set(known)
    assert any(True for path in known.values() for _ in imports(path, known))


# ---- crooked houses: the opposite ---------------------------------------------------------------


def build(tmp_path: Path, files: dict[str, str]) -> Path:
    """A small house: file names to their sources."""
    house = tmp_path / "nbtrack"
    for name, source in {"__init__.py": "", "errors.py": "", **files}.items():
        path = house / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return house


STRAIGHT = {
    "store/__init__.py": "from nbtrack.store.store import Store\n",
    "store/store.py": "from nbtrack.errors import StoreError\nimport numpy\n",
    "views/live.py": "from nbtrack.store import Store\nfrom nbtrack import errors\n",
    "run.py": "def start():\n    from nbtrack.store import Store\n",
    "magics.py": "import nbtrack.run\n",
    "__init__.py": "def __getattr__(n):\n    return __import__('nbtrack.run')\n",
    "views/frontend/chart.js": "export {}\n" * MAX_LINES,
    "views/static/widget.js": "x\n" * 9_000,  # a built bundle is nobody's desk
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_straight_house_has_no_fault(tmp_path: Path, rule: Rule) -> None:
    assert rule(build(tmp_path, STRAIGHT)) == []


CROOKED: dict[str, tuple[Rule, dict[str, str], str]] = {
    "upward": (
        imports_that_do_not_go_down,
        {"store/points.py": "from nbtrack.run import start\n"},
        "nbtrack.store.points:1: store may not import run",
    ),
    "upward, inside a function": (
        imports_that_do_not_go_down,
        {"store/points.py": "def f():\n    import nbtrack.views.live\n"},
        "nbtrack.store.points:2: store may not import views",
    ),
    "upward, by a string": (
        imports_that_do_not_go_down,
        {"run.py": "import importlib\nimportlib.import_module('nbtrack.magics')\n"},
        "nbtrack.run:2: run may not import magics",
    ),
    "upward, for types only": (
        imports_that_do_not_go_down,
        {"run.py": "if TYPE_CHECKING:\n    from nbtrack.doctor import Finding\n"},
        "nbtrack.run:2: run may not import doctor",
    ),
    "sideways": (
        imports_that_do_not_go_down,
        {"capture/cells.py": "from nbtrack.store import Store\n"},
        "nbtrack.capture.cells:1: capture may not import store",
    ),
    "through the front door": (
        imports_that_do_not_go_down,
        {"cli.py": "from nbtrack import start\n"},
        "nbtrack.cli:1: cli may not import __init__",
    ),
    "an eye on an organ": (
        imports_that_do_not_go_down,
        {"views/live.py": "from nbtrack.instruments import Panel\n"},
        "nbtrack.views.live:1: views may not import instruments: sees only store",
    ),
    "relative": (
        relative_imports,
        {"store/store.py": "import os\nfrom .points import Points\n"},
        "nbtrack.store.store:2: write",
    ),
    "circle inside a room": (
        circles,
        {
            "store/blobs.py": "from nbtrack.store.points import Points\n",
            "store/points.py": "def f():\n    from nbtrack.store import blobs\n",
        },
        "nbtrack.store.points <- nbtrack.store.blobs",
    ),
    "circle through a room's own door": (
        circles,
        {
            "store/__init__.py": "from nbtrack.store.store import Store\n",
            "store/store.py": "from nbtrack.store import Store\n",
        },
        "nbtrack.store <- nbtrack.store.store",
    ),
    "room without a floor": (
        rooms_without_a_floor,
        {"server/app.py": ""},
        "server: give it a floor",
    ),
    "long Python file": (
        files_too_long,
        {"run.py": "x = 1\n" * (MAX_LINES + 1)},
        "run.py: 401 lines",
    ),
    "long style sheet": (
        files_too_long,
        {"views/frontend/src/live.css": "\n" * (MAX_LINES + 1)},
        "views/frontend/src/live.css: 401 lines",
    ),
    "drawer": (drawers, {"store/_utils.py": ""}, "nbtrack.store._utils: name it"),
    "drawer of drawers": (drawers, {"views/common/a.py": ""}, "nbtrack.views.common.a: name it"),
}


@pytest.mark.parametrize("kind", CROOKED)
def test_a_crooked_house_is_caught(tmp_path: Path, kind: str) -> None:
    rule, files, fault = CROOKED[kind]
    found = rule(build(tmp_path, files))
    assert any(fault in words for words in found), found
