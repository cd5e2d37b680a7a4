"""Which commit of which repository the code came from, and what had been changed since.

Asked of the ``git`` program; nothing in the repository is written, and no hook of it runs.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nbtrack.capture.surroundings.secrets import redact

MAX_DIFF_BYTES = 2**20
_TIMEOUT_S = 2.0
# Each can make git run a program of the repository, or look at another one.
_CALM = [
    "-c",
    f"core.hooksPath={os.devnull}",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.quotePath=false",
]
_NOT_OURS = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_EXTERNAL_DIFF"}


def git(folder: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The state of the git repository that a folder lies in.

    Parameters
    ----------
    folder : path
        Where the notebook is.

    Returns
    -------
    dict or None
        None without git or repository. Else

        ``commit``, ``branch``
            None before the first commit; ``branch`` also where none is checked out.
        ``remote``
            The URL of ``origin``, or of the first remote, without a login; or None.
        ``folder``
            The path of `folder` within the repository, ``""`` at its top.
        ``dirty``
            Whether tracked files were changed; None if git took too long.
        ``changed``
            Their names, those of notebooks too.
        ``diff``
            What was changed, without the notebooks, without credentials, and of 1 MiB at most.
        ``notes``
            What is missing in ``diff``, in words.
        ``untracked``
            The number of files that are neither tracked nor ignored; None as above.

    Notes
    -----
    About 25 ms: six short processes, each killed after 2 s. Filters that the repository sets for
    its files, such as git-lfs, run as they do in any ``git status``.
    """
    where = _git(folder, "rev-parse", "--show-toplevel", "--show-prefix")
    if where is None:
        return None
    top, prefix = [*where.decode("utf-8", "replace").split("\n"), ""][:2]
    changed = _changed(top)
    commit = _line(top, "rev-parse", "--verify", "--quiet", "HEAD")
    diff, notes = _diff(top, commit, changed) if changed else ("", [])
    untracked = _git(top, "ls-files", "--others", "--exclude-standard", "-z")
    return {
        "commit": commit,
        "branch": _line(top, "symbolic-ref", "--quiet", "--short", "HEAD"),
        "remote": _remote(top),
        "folder": prefix.rstrip("/"),
        "dirty": None if changed is None else bool(changed),
        "changed": changed or [],
        "diff": diff,
        "notes": notes,
        "untracked": None if untracked is None else untracked.count(b"\0"),
    }


def head_commit(folder: str | os.PathLike[str]) -> str | None:
    """The commit checked out in a folder's repository, read from its files in 0.1 ms."""
    here = Path(folder).absolute()
    for parent in (here, *here.parents):
        dot_git = parent / ".git"
        if dot_git.exists():
            try:
                return _read_head(dot_git)
            except (OSError, UnicodeDecodeError):
                return None
    return None


def _read_head(dot_git: Path) -> str | None:
    if dot_git.is_file():  # a worktree or a submodule
        dot_git = dot_git.parent / dot_git.read_text("utf-8").removeprefix("gitdir:").strip()
    head = (dot_git / "HEAD").read_text("utf-8").strip()
    if not head.startswith("ref:"):
        return head
    ref = head.removeprefix("ref:").strip()
    common = dot_git
    if (dot_git / "commondir").is_file():
        common = dot_git / (dot_git / "commondir").read_text("utf-8").strip()
    if (common / ref).is_file():
        return (common / ref).read_text("utf-8").strip()
    packed = common / "packed-refs"
    if packed.is_file():
        for line in packed.read_text("utf-8").splitlines():
            commit, _, name = line.partition(" ")
            if name == ref:
                return commit
    return None


# ---- the parts ----------------------------------------------------------------------------------


def _changed(top: str) -> list[str] | None:
    """Names of the tracked files that differ from the commit; None if git did not say."""
    status = _git(top, "status", "--porcelain=v2", "-z", "--untracked-files=no")
    if status is None:
        return None
    names = set()
    entries = iter(status.decode("utf-8", "replace").split("\0"))
    for entry in entries:
        # The number of fields before the name; that of a renamed file is followed by its old one.
        fields = {"1": 8, "2": 9, "u": 10}.get(entry[:1])
        if fields is not None:
            names.add(entry.split(" ", fields)[-1])
        if entry.startswith("2"):
            next(entries, None)
    return sorted(names)


def _diff(top: str, commit: str | None, changed: Iterable[str]) -> tuple[str, list[str]]:
    """The changes as a patch, and what is not in it, in words."""
    notebooks = [name for name in changed if name.endswith(".ipynb")]
    notes = []
    if notebooks:
        # Outputs are most of a notebook; the cells that ran are kept with the run.
        notes.append(f"without notebooks: {', '.join(notebooks)}")
    against = [commit] if commit else ["--cached"]
    patch = _git(
        top,
        "diff",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        *against,
        "--",
        ":(top)",
        ":(top,exclude)*.ipynb",
        max_bytes=MAX_DIFF_BYTES + 1,
    )
    if patch is None:
        return "", [*notes, f"git took longer than {_TIMEOUT_S:g} s to compare"]
    if len(patch) > MAX_DIFF_BYTES:
        patch = patch[: patch.rfind(b"\n", 0, MAX_DIFF_BYTES) + 1]
        notes.append(f"cut after {len(patch):,} bytes")
    text = patch.decode("utf-8", "replace")
    shown = redact(text)
    if shown != text:
        notes.append("credentials replaced by ***")
    return shown, notes


def _remote(top: str) -> str | None:
    lines = _git(top, "config", "--get-regexp", r"^remote\..*\.url$")
    if lines is None:
        return None
    urls: dict[str, str] = {}
    for line in lines.decode("utf-8", "replace").splitlines():
        key, _, url = line.partition(" ")
        urls.setdefault(key, redact(url))
    return urls.get("remote.origin.url") or next(iter(urls.values()), None)


def _line(top: str, *arguments: str) -> str | None:
    output = _git(top, *arguments)
    return None if output is None else output.decode("utf-8", "replace").strip() or None


def _git(
    folder: str | os.PathLike[str], *arguments: str, max_bytes: int | None = None
) -> bytes | None:
    """What git prints, or its first bytes; None if it fails, is missing or takes too long."""
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", "--no-pager", *_CALM, "-C", os.fspath(folder), *arguments]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
    except (OSError, ValueError):
        return None
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(_TIMEOUT_S, stop)
    timer.start()
    try:
        assert process.stdout is not None
        output = process.stdout.read(-1 if max_bytes is None else max_bytes)
        cut = max_bytes is not None and len(output) >= max_bytes
        if cut:
            process.kill()
        status = process.wait()
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()
        if process.stdout is not None:
            process.stdout.close()
    return None if late.is_set() or (status != 0 and not cut) else output
