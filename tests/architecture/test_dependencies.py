"""What the package imports, it asks for: nothing works because a test tool brought it along."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(pyproject: str) -> dict[str, str]:
    """Name of each requirement of the package itself, and the rest of its line."""
    # By hand, as tomllib comes with Python 3.11: a list, one requirement and its reason per line.
    [block] = re.findall(r"^dependencies = \[\n(.*?)^\]", pyproject, re.MULTILINE | re.DOTALL)
    lines = re.findall(r'^\s*"([\w.-]+)(.*)$', block, re.MULTILINE)
    return {canonical(name): rest for name, rest in lines}


def imported(source: str) -> set[str]:
    """Top-level names of the packages that are not Python's and not ours."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {"nbtrack"}


USES = {
    name
    for path in (ROOT / "nbtrack").rglob("*.py")
    if "node_modules" not in path.parts
    for name in imported(path.read_text(encoding="utf-8"))
}


@pytest.mark.parametrize("name", sorted(USES))
def test_a_package_that_is_imported_is_asked_for(name: str) -> None:
    providers = {canonical(dist) for dist in packages_distributions().get(name, [name])}
    assert providers & declared(PYPROJECT).keys()


@pytest.mark.parametrize("name", sorted(declared(PYPROJECT)))
def test_a_requirement_has_a_lower_bound_and_a_reason(name: str) -> None:
    assert re.match(r'>=[\d.]+",\s+# \S', declared(PYPROJECT)[name])


def test_imports_and_requirements_are_read() -> None:
    source = (
        "import os, torch.nn\ndef f():\n    from blake3 import blake3\n    import nbtrack.run\n"
    )
    assert imported(source) == {"torch", "blake3"}
    assert declared('dependencies = [\n  "A_b>=1.0",  # why\n]\n') == {"a-b": '>=1.0",  # why'}
