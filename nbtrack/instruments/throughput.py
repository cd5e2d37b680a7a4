"""How fast the loop runs: steps and samples a second, and the share of time it waits for data."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbtrack.instruments.one_look import OneLook, may_hook

if TYPE_CHECKING:
    import torch

_SHORTEST_S = 0.05  # a window below that says nothing, unless it is the only one
_MAX_LOOKED_AT = 64


def leading_dimension(value: Any, depth: int = 4) -> int | None:
    """The length of the first dimension of the first tensor or array in a batch.

    Searched through lists, tuples, dicts and objects with fields, a few levels deep.
    """
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtype"):
        return int(shape[0]) if len(shape) else None
    if depth == 0:
        return None
    if isinstance(value, dict):
        members = list(value.values())[:_MAX_LOOKED_AT]
    elif isinstance(value, (list, tuple)):
        members = list(value[:_MAX_LOOKED_AT])
    elif hasattr(value, "items") and hasattr(value, "keys"):  # a BatchEncoding, a TensorDict
        members = [member for _, member in list(value.items())[:_MAX_LOOKED_AT]]
    else:
        members = list(getattr(value, "__dict__", {}).values())[:_MAX_LOOKED_AT]
    for member in members:
        size = leading_dimension(member, depth - 1)
        if size is not None:
            return size
    return None


class Throughput:
    """Counts in the training's thread, reads from the pulse.

    Samples are those of batches that a backward pass follows: a validation pass is not training.
    """

    def __init__(self) -> None:
        self._batch_size: int | None = None
        self._from_loader = False
        self._fresh = False
        self._samples = 0
        self._waited_s = 0.0
        self._began: float | None = None
        self._read_at: tuple[float, int, int, float] | None = None
        self._written = False

    def batch(self, waited_s: float, batch: Any) -> None:
        """Note a DataLoader's batch."""
        now = time.perf_counter()
        self._start(now - waited_s)
        self._waited_s += waited_s
        size = leading_dimension(batch)
        if size is not None:
            self._from_loader = True
            self._batch_size, self._fresh = size, True

    def seen(self, size: int | None) -> None:
        """Note the leading dimension of a model's input, where no DataLoader is used."""
        if not self._from_loader and size is not None:
            self._batch_size = size

    def backward(self) -> None:
        """Note a backward pass."""
        if self._began is None:
            self._start(time.perf_counter())
        if self._batch_size is not None and (self._fresh or not self._from_loader):
            self._samples += self._batch_size
            self._fresh = False

    @property
    def wants_input(self) -> bool:
        """Whether the batch size is not known from a DataLoader."""
        return not self._from_loader

    def _start(self, now: float) -> None:
        if self._began is None:
            self._began = now
            self._read_at = (now, 0, 0, 0.0)

    def read(self, num_steps: int) -> list[tuple[str, float]]:
        """The rates since the last reading; empty when no step ended meanwhile."""
        found: list[tuple[str, float]] = []
        if self._read_at is None:
            return found
        now = time.perf_counter()
        then, steps, samples, waited_s = self._read_at
        window_s = now - then
        if num_steps <= steps or window_s <= 0.0 or (self._written and window_s < _SHORTEST_S):
            return found
        self._read_at = (now, num_steps, self._samples, self._waited_s)
        self._written = True
        found.append(("throughput/steps_per_s", (num_steps - steps) / window_s))
        if self._samples > samples:
            found.append(("throughput/samples_per_s", (self._samples - samples) / window_s))
        if self._from_loader:
            share = (self._waited_s - waited_s) / window_s
            found.append(("throughput/data_wait", min(1.0, max(0.0, share))))
        return found


class InputSize:
    """Looks at the input of a root module at one forward pass now and then.

    A hook that stays would slow the module down, be traced by a compiler and be saved with the
    model; this one leaves at the next forward pass, and a copy or pickle of it does nothing.

    Attributes
    ----------
    next : int
        The number of steps after which it looks again: 1, 2, 4, 8 ...
    """

    def __init__(self, seen: Callable[[int | None], None]) -> None:
        self._seen = seen
        self._handle: Any = None
        self.next = 1

    def step(self, num_steps: int, modules: dict[str, torch.nn.Module]) -> None:
        """After that many steps, look at the next forward pass of the first of these."""
        if not modules:
            return
        self.next = 2 * num_steps
        self.remove()
        module = next(iter(modules.values()))
        if may_hook(module):
            hook = OneLook(self.look)
            self._handle = module.register_forward_pre_hook(hook, with_kwargs=True)

    def look(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """The module is called with these."""
        self.remove()
        size = leading_dimension(args)
        self._seen(leading_dimension(kwargs) if size is None else size)

    def remove(self) -> None:
        """Look no more."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.remove()
