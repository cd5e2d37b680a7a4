"""What the machine does: processor and memory of this process, and the devices it may use."""

from __future__ import annotations

import os
from typing import Any

_GIB = 2**30


class System:
    """Samples of the machine.

    ``system/cpu_pct`` is this process alone, DataLoader workers not counted, in percent of one
    core (a process that keeps 4 cores busy shows 400); ``system/memory_gib`` its resident memory.
    ``system/gpu0/load_pct`` and ``system/gpu0/memory_gib`` are the whole device's, of all
    processes, as NVML tells them; the number counts the devices visible to this process.
    """

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()
        self._process.cpu_percent(None)  # the first call only starts the clock
        self._fresh = True
        self._nvml: Any = None
        self._devices = self._find_devices()

    def read(self) -> list[tuple[str, float]]:
        """One sample; costs about 0.1 ms, and no CUDA call."""
        found: list[tuple[str, float]] = []
        percent = self._process.cpu_percent(None)
        if not self._fresh:
            found.append(("system/cpu_pct", float(percent)))
        self._fresh = False
        found.append(("system/memory_gib", self._process.memory_info().rss / _GIB))
        for index, device in enumerate(self._devices):
            try:
                load = self._nvml.nvmlDeviceGetUtilizationRates(device).gpu
                memory = self._nvml.nvmlDeviceGetMemoryInfo(device).used
            except Exception:  # a device fell off the bus, or NVML was shut down by someone
                continue
            found.append((f"system/gpu{index}/load_pct", float(load)))
            found.append((f"system/gpu{index}/memory_gib", memory / _GIB))
        return found

    def _find_devices(self) -> list[Any]:
        try:
            import pynvml

            pynvml.nvmlInit()
        except Exception:  # no driver: the usual case on a laptop
            return []
        self._nvml = pynvml
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        try:
            if visible is None:
                count = pynvml.nvmlDeviceGetCount()
                return [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
            return [_by_name(pynvml, name.strip()) for name in visible.split(",") if name.strip()]
        except Exception:
            return []


def _by_name(nvml: Any, name: str) -> Any:
    """A device by its index or its UUID, the two forms CUDA_VISIBLE_DEVICES takes."""
    if name.lstrip("-").isdigit():
        return nvml.nvmlDeviceGetHandleByIndex(int(name))
    return nvml.nvmlDeviceGetHandleByUUID(name)
