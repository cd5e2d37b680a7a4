"""Who writes a run, and whether that process still lives.

A writer touches the file ``heartbeat`` in its run's folder every few seconds and leaves its own
description in ``run.json``. A process on this machine can be looked up; of one elsewhere only the
age of its heartbeat is known.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from nbtrack.records import RunInfo

FILE_NAME = "heartbeat"
SILENT_S = 120.0  # a writer that we cannot look up is shown as lost after this
SURELY_SILENT_S = 600.0  # and is written down as lost after this, even if its process still lives
_SAME_START_S = 2.0  # psutil's start times of one process differ a little when the clock is set

Writer = Literal["alive", "dead", "elsewhere"]


def describe_writer() -> dict[str, Any]:
    """The calling process, for others to find out whether it lives."""
    import psutil

    return {**_machine(), "pid": os.getpid(), "started_s": psutil.Process().create_time()}


def _machine() -> dict[str, Any]:
    """What must be equal for a pid to mean the same process here and there."""
    import platform

    return {
        "host": platform.node(),
        "boot_id": _first_line("/proc/sys/kernel/random/boot_id"),
        "pid_namespace": _link("/proc/self/ns/pid"),  # containers of one machine share the boot id
    }


def _first_line(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return None


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)  # noqa: PTH115 - not a path: "pid:[4026531836]"
    except OSError:
        return None


def state_of(writer: Mapping[str, Any]) -> Writer:
    """Whether the process that describes itself so is alive, dead, or not ours to see."""
    if any(writer.get(name) != value for name, value in _machine().items()):
        return "elsewhere"
    import psutil

    try:
        process = psutil.Process(int(writer["pid"]))
        if abs(process.create_time() - float(writer["started_s"])) > _SAME_START_S:
            return "dead"
        return "dead" if process.status() == psutil.STATUS_ZOMBIE else "alive"
    except psutil.NoSuchProcess:
        return "dead"
    except psutil.AccessDenied:
        return "alive"
    except (KeyError, TypeError, ValueError):
        return "elsewhere"


def beat(folder: Path) -> None:
    """Touch the heartbeat of a run.

    Raises
    ------
    OSError
        If the folder is gone or cannot be written.
    """
    (folder / FILE_NAME).touch()


def last_sign_s(folder: Path, info: RunInfo) -> float:
    """Unix time at which the run's writer last showed itself."""
    for name in (FILE_NAME, "run.json"):
        try:
            return max((folder / name).stat().st_mtime, info.started_s)
        except OSError:
            continue
    return info.started_s


def as_seen_now(folder: Path, info: RunInfo) -> RunInfo:
    """The run with status ``lost``, ended at its last sign of life, if its writer has died."""
    return _lost(folder, info, limit_s=SILENT_S)


def as_proven_now(folder: Path, info: RunInfo) -> RunInfo:
    """Like `as_seen_now`, but in doubt the run is left as it is: for writing the status down."""
    return _lost(folder, info, limit_s=SURELY_SILENT_S)


def _lost(folder: Path, info: RunInfo, limit_s: float) -> RunInfo:
    if info.status != "running":
        return info
    writer = state_of(info.writer)
    last_s = last_sign_s(folder, info)
    if writer == "alive":
        limit_s = SURELY_SILENT_S
    if writer == "dead" or time.time() - last_s > limit_s:
        return replace(info, status="lost", ended_s=last_s)
    return info
