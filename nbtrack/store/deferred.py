"""Values that are still on a device: copied without waiting, written when they have arrived.

Reading a CUDA tensor with ``.item()`` stops the Python thread until the device has caught up. Here
the copy into pinned memory is put in the device's queue, with an event behind it, and `ready` hands
out what has arrived. The copy is queued before anything that the caller queues later, so a tensor
that is changed in place afterwards is still logged with the value it had.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class Arrived(NamedTuple):
    """Points whose values have reached the CPU, with the step and time of their call."""

    keys: tuple[str, ...]
    auto: bool
    step: int
    time_s: float
    values: list[float]


class _Pending(NamedTuple):
    keys: tuple[str, ...]
    auto: bool
    step: int
    time_s: float
    copy: Tensor
    event: Any  # None: a device without events; reading the copy waits, in the thread that drains

    def has_arrived(self) -> bool:
        return self.event is None or bool(self.event.query())


class Deferred:
    """A queue of values on their way from a device.

    Responsibilities: to start copies without waiting, to keep the order of the calls, and to give
    each value back once. It knows no files.
    """

    def __init__(self) -> None:
        self._queue: deque[_Pending] = deque()
        self._draining = threading.Lock()  # so that two threads do not swap the order

    def __len__(self) -> int:
        return len(self._queue)

    def add(
        self, keys: tuple[str, ...], values: Tensor, auto: bool, step: int, time_s: float
    ) -> None:
        """Start to fetch the values of one call.

        Parameters
        ----------
        values : Tensor of shape (len(keys),)
            On one device, without gradient. Costs one small kernel and one copy; no sync.
        """
        import torch

        if values.device.type in ("cuda", "xpu"):
            device = torch.cuda if values.device.type == "cuda" else torch.xpu
            copy = torch.empty(values.shape, dtype=torch.float64, pin_memory=True)
            with device.device(values.device):
                copy.copy_(values.to(torch.float64), non_blocking=True)
                event = device.Event()
                event.record()
        else:
            copy, event = values.clone(), None
        self._queue.append(_Pending(keys, auto, step, time_s, copy, event))

    def add_each(
        self, keys: Sequence[str], values: Sequence[Tensor], step: int, time_s: float
    ) -> None:
        """Start to fetch 1-element tensors, each logged by hand, on any devices."""
        import torch

        by_device: dict[Any, list[int]] = {}
        for i, value in enumerate(values):
            by_device.setdefault(value.device, []).append(i)
        for device, places in by_device.items():
            dtype = torch.float32 if device.type == "mps" else torch.float64  # mps has no float64
            stacked = torch.stack([values[i].reshape(()).to(dtype) for i in places])
            self.add(tuple(keys[i] for i in places), stacked, False, step, time_s)

    def ready(self, wait: bool = False) -> list[Arrived]:
        """What has arrived, oldest first; each is given out once.

        Parameters
        ----------
        wait : bool
            Also wait for what is still on its way.

        Raises
        ------
        RuntimeError
            If the device has failed; `abandon` then says what is lost.
        """
        arrived: list[Arrived] = []
        with self._draining:
            while self._queue:
                oldest = self._queue[0]
                if wait and oldest.event is not None:
                    oldest.event.synchronize()
                elif not oldest.has_arrived():
                    break
                arrived.append(Arrived(*oldest[:4], oldest.copy.tolist()))
                self._queue.popleft()
        return arrived

    def abandon(self) -> list[Arrived]:
        """Everything still on its way, with NaN for the values; the queue is then empty."""
        with self._draining:
            given_up = [Arrived(*p[:4], [float("nan")] * len(p.keys)) for p in self._queue]
            self._queue.clear()
        return given_up

    def forget(self) -> None:
        """Drop everything: in a forked child, where it belongs to the parent."""
        self._queue = deque()
        self._draining = threading.Lock()
