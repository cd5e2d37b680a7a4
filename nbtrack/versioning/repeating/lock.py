"""The lock file of a run: its packages as requirements for pip, each at its version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# A version that pip takes after ==; Linux distributions have others.
_VERSION = re.compile(
    r"(?:\d+!)?\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?(?:\.post\d+)?(?:\.dev\d+)?"
    r"(?P<build>\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?",
    re.IGNORECASE,
)


def lock_file(environment: Mapping[str, Any]) -> str:
    """A requirements file for pip that names every package of a recorded environment.

    Parameters
    ----------
    environment : mapping
        As `nbtrack.capture.surroundings.environment.environment` gave it; a part that it lacks is
        left out.

    Returns
    -------
    str
        ``name==version`` for each package, sorted, with its build: ``torch==2.13.0+cpu``. A comment
        above says which index a build needs. Packages that came from a folder or a repository are
        comments with their commit, as pip would look for them on an index.
    """
    packages: Mapping[str, str] = environment.get("packages") or {}
    sources: Mapping[str, Any] = environment.get("sources") or {}
    lines = [*_header(environment), ""]
    for name in sorted(packages):
        lines += _lines(name, packages[name], sources.get(name))
    return "\n".join(lines) + "\n"


def _header(environment: Mapping[str, Any]) -> list[str]:
    python, system = environment.get("python") or {}, environment.get("os") or {}
    made_with = [
        f"{python.get('implementation') or 'Python'} {python.get('version') or '(unknown)'}",
        " ".join(filter(None, [system.get("name"), system.get("machine")])),
        system.get("libc") or "",
    ]
    lines = [
        "# The packages of a recorded run: pip install -r with this file",
        f"# {', '.join(filter(None, made_with))}",
    ]
    if conda := environment.get("conda"):
        lines.append(f"# Python came from conda, with {len(conda)} packages of its own")
    return lines


def _lines(name: str, version: str, source: Mapping[str, Any] | None) -> list[str]:
    if source is not None:
        return [f"# {name} {version}: {_origin(source)}"]
    if name == "pip":
        return [f"# {name} {version}: what installs the others"]
    found = _VERSION.fullmatch(version)
    if found is None:
        return [f"# {name} {version}: not a version that pip knows"]
    pinned = f"{name}=={version}"
    if found["build"] is None:
        return [pinned]
    build = found["build"].removeprefix("+")
    return [f"# the {build} build of {name}: needs --extra-index-url with {_index(build)}", pinned]


def _index(build: str) -> str:
    """Which index carries a build, in words: the address is not ours to choose."""
    cuda = re.fullmatch(r"cu(\d+)(\d)", build)
    if cuda:
        return f"the index for CUDA {cuda[1]}.{cuda[2]} ({build})"
    if build.startswith("rocm"):
        return f"the index for ROCm {build.removeprefix('rocm')} ({build})"
    if build == "cpu":
        return "the index for CPU builds (cpu)"
    return f"an index that has {build}"


def _origin(source: Mapping[str, Any]) -> str:
    commit = f", commit {source['commit']}" if source.get("commit") else ""
    kind = "editable, from" if source.get("editable") else "from"
    return f"{kind} {source.get('url')}{commit}"
