"""The machine: system, processor and GPUs, without a call of CUDA."""

from __future__ import annotations

import functools
import io
import os
import platform
import re
import subprocess
import sys
from typing import Any


@functools.cache
def system() -> dict[str, Any]:
    """The operating system: ``{"name", "release", "distribution", "machine", "libc"}``."""
    return {
        "name": platform.system(),
        "release": platform.release(),
        "distribution": _distribution(),
        "machine": platform.machine(),
        "libc": _libc(),
    }


@functools.cache
def processor() -> dict[str, Any]:
    """The processor: ``{"model", "cores", "usable_cores"}``.

    ``usable_cores`` are those that this process may run on.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "model": _processor_model(),
        "cores": os.cpu_count(),
        "usable_cores": len(affinity(0)) if affinity else os.cpu_count(),
    }


@functools.cache
def gpus() -> dict[str, Any]:
    """NVIDIA devices of the machine, as NVML tells them.

    Returns
    -------
    dict
        ``{"driver", "devices"}``, each device ``{"name", "compute_capability", "memory_gib"}``;
        ``{"driver": None, "devices": []}`` where there is none.
    """
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no driver: the usual case on a laptop
        return {"driver": None, "devices": []}
    try:
        handles = [
            pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())
        ]
        return {
            "driver": _text(pynvml.nvmlSystemGetDriverVersion()),
            "devices": [_device(pynvml, handle) for handle in handles],
        }
    except Exception:  # a device fell off the bus
        return {"driver": None, "devices": []}
    finally:
        try:
            pynvml.nvmlShutdown()  # counted: others who have started it keep it
        except Exception:
            pass


def _device(nvml: Any, handle: Any) -> dict[str, Any]:
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
    return {
        "name": _text(nvml.nvmlDeviceGetName(handle)),
        "compute_capability": f"{major}.{minor}",
        "memory_gib": round(nvml.nvmlDeviceGetMemoryInfo(handle).total / 2**30, 1),
    }


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _distribution() -> str | None:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    if sys.platform == "win32":
        return f"Windows {platform.version()}"
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def _libc() -> str | None:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        return " ".join(platform.libc_ver()).strip() or None


def _processor_model() -> str | None:
    if sys.platform == "linux":
        try:
            with io.FileIO("/proc/cpuinfo") as file:
                head = file.read(4096).decode("utf-8", "replace")  # the first core is enough
        except OSError:
            head = ""
        named = re.search(r"^(?:model name|cpu model|Model)\s*:\s*(.+)$", head, re.MULTILINE)
        if named:
            return named[1].strip()
        part = re.findall(r"^CPU (?:implementer|part)\s*:\s*(\w+)", head, re.MULTILINE)
        if part:
            return f"{platform.machine()} {' '.join(part[:2])}"
    if sys.platform == "darwin":
        try:
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=2, check=False)
            return done.stdout.strip() or None
        except (OSError, subprocess.SubprocessError):
            return None
    return platform.processor() or None
