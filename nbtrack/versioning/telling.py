"""All that is known of one run, in words: what ``nbtrack show`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nbtrack.versioning.kept_run import KeptRun

_STYLES = {"bold": "1", "dim": "2", "accent": "36", "warn": "33"}


class _Pen:
    """Writes with the colours of a terminal, or with none."""

    def __init__(self, has_colour: bool) -> None:
        self._has_colour = has_colour

    def __call__(self, style: str, text: object) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._has_colour else str(text)


def tell_run(run: KeptRun, has_colour: bool = False) -> str:
    """What is known of a run: parameters, environment, data, and its code cell by cell.

    Parameters
    ----------
    run : KeptRun
    has_colour : bool
        With the colours of a terminal.

    Raises
    ------
    FormatTooNew
        If a newer nbtrack wrote the run.
    StoreError
        If it is damaged.
    """
    pen, replay = _Pen(has_colour), run.replay
    parts = [
        _section(pen, "", _about(run)),
        _section(pen, "parameters", _params(run)),
        _section(pen, "environment", _environment(replay)),
        _section(pen, "data", _data(replay)),
        *_warnings(pen, run, replay),
        *_cells(pen, run, replay),
    ]
    if run.error:
        parts.append(str(run.error["traceback"]))
    return "\n\n".join(part for part in parts if part)


def _section(pen: _Pen, title: str, rows: Iterator[tuple[str, str, str]]) -> str:
    """Name, value and a remark in columns; nothing where there are no rows."""
    listed = list(rows)
    if not listed:
        return ""
    names, values = (max(len(row[i]) for row in listed) for i in (0, 1))
    lines = [
        f"  {pen('dim', name.ljust(names))}  {value.ljust(values)}  {pen('dim', remark)}".rstrip()
        for name, value, remark in listed
    ]
    return "\n".join([pen("bold", title), *lines] if title else lines)


def _about(run: KeptRun) -> Iterator[tuple[str, str, str]]:
    info = run.info
    about = {
        "changed": "; ".join(run.changed),
        "seed": info.seed,
        "tags": ", ".join(run.tags),
        "notes": "; ".join(run.notes),
        "saved": ", ".join(run.saved),
        "repeats": info.reproduces,
        "goes on with": info.resumes,
        "notebook": info.notebook,
        "snapshot": info.snapshot,
        "folder": run.path,
    }
    for word, value in about.items():
        if value not in (None, ""):
            yield word, str(value), ""


def _params(run: KeptRun) -> Iterator[tuple[str, str, str]]:
    for name, value in run.params.items():
        yield name, str(value), str(run.info.origins.get(name, ""))


def _environment(replay: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    known = replay.get("environment") or {}
    python, packages = known.get("python") or {}, known.get("packages") or {}
    if python:
        yield "python", str(python.get("version")), f"{len(packages)} packages"
    for name in ("torch", "numpy"):
        if name in packages:
            yield name, str(packages[name]), ""
    threads = (known.get("threads") or {}).get("torch")
    if threads is not None:
        yield "threads", str(threads), ""
    for device in (known.get("gpu") or {}).get("devices") or ():
        yield "gpu", str(device.get("name")), ""
    git = replay.get("git") or {}
    if git.get("commit"):
        remark = "with changes that are not committed" if git.get("dirty") else ""
        yield "git", f"{str(git['commit'])[:12]} {git.get('branch') or ''}".strip(), remark


def _data(replay: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, about in (replay.get("data") or {}).items():
        shape = " x ".join(map(str, about.get("shape") or ()))
        told = f"{about.get('kind', '')} {shape}".strip()
        yield name, told, str(about.get("digest") or about.get("skipped") or "")[:12]
    for file in replay.get("files") or ():
        size = file.get("size")
        told = "" if size is None else f"{size:,} bytes"
        yield str(file["path"]), told, str(file.get("digest") or file.get("error") or "")[:12]


def _warnings(pen: _Pen, run: KeptRun, replay: Mapping[str, Any]) -> Iterator[str]:
    """What stands in the way of running it again from the notebook, or from what is kept."""
    told = [f"hidden state: {each}" for each in run.hidden]
    told += [f"no cell on record makes {name}" for name in replay.get("missing") or ()]
    told += [*(replay.get("notes") or ()), *(replay.get("failed") or ())]
    if told:
        yield "\n".join(pen("warn", f"! {each}") for each in told)


def _cells(pen: _Pen, run: KeptRun, replay: Mapping[str, Any]) -> Iterator[str]:
    reasons = [str(cell.get("reason") or "") for cell in replay.get("cells") or ()]
    for number, cell in enumerate(run.cells):
        reason = reasons[number] if number < len(reasons) else ""
        head = pen("accent", f"# {'from ' if cell.is_part else ''}cell {cell.count or '?'}")
        yield f"{head}  {pen('dim', reason)}".rstrip() + f"\n{cell.source}"
