"""The loss: what backward is called on, and whose it is when a run has several."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    Send = Callable[[str, Any, int, float], None]  # key, value, step, time

_HELD = 64  # points kept from the time before a second source was seen


def loss_value(roots: Sequence[Any], gradients: Sequence[Tensor | None]) -> Any:
    """The number that a backward pass from `roots` makes smaller.

    Parameters
    ----------
    roots : sequence of Tensor
        Each a scalar, or a vector with the weights it is summed with in `gradients`.
    gradients : sequence of Tensor or None

    Returns
    -------
    float, Tensor of shape () or None
        A float on the CPU, read at once; a detached tensor on a device; None when that is no
        loss: a root of two or more dimensions, or an edge of a graph in place of a tensor.
    """
    if len(roots) == 1:
        return _value(roots[0], gradients[0])
    sum_of_roots: Any = None
    for root, gradient in zip(roots, gradients, strict=True):
        value = _value(root, gradient)
        if value is None:
            return None
        sum_of_roots = value if sum_of_roots is None else sum_of_roots + value
    return sum_of_roots


def _value(root: Any, gradient: Tensor | None) -> Any:
    if not hasattr(root, "numel"):
        return None
    if root.numel() == 1:
        if root.is_cpu:
            value = root.item()
            return value if isinstance(value, (float, int)) else None
        return root.detach().reshape(()).clone()  # it may be changed in place before it is read
    if root.ndim != 1 or gradient is None or gradient.shape != root.shape:
        return None
    root = root.detach()
    dot = root.dot(gradient.detach().to(root.dtype))
    return dot.item() if dot.is_cpu else dot


class NonfiniteLosses:
    """Counts the losses that are NaN or infinite, on a device without looking at them."""

    def __init__(self) -> None:
        self._count = 0
        self._on_device: Any = None
        self._written = False

    def count(self, value: Any) -> Any:
        """The count so far when it is worth writing: at the first loss, and when it rises.

        On a device that cannot be known, so there it is always returned, as a tensor.
        """
        if isinstance(value, (float, int)):
            bad = not math.isfinite(value)
            self._count += bad
            if bad or not self._written:
                self._written = True
                return float(self._count)
            return None
        bad = (value - value).ne(0)
        if self._on_device is None:
            self._on_device = bad.to(value.dtype)
        else:
            self._on_device = self._on_device + bad.to(self._on_device.device)
        return self._on_device


class LossSources:
    """Gives each source of losses its own series once there is more than one.

    A source is a variable's name (the loss as it is called where backward is called) together
    with the optimizer that steps on it. The series is named after the variable; where one
    variable's name serves several optimizers, after the optimizer.

    Parameters
    ----------
    send : callable
        Takes key, value, step and time.

    Attributes
    ----------
    only : tuple of (str or None, str) or None
        The variable and the owner, once there has been but one source for a long time: as long as
        it is these, neither `add` nor `owned` need be called.
    """

    def __init__(self, send: Send, clock: Callable[[], float]) -> None:
        self._send = send
        self._clock = clock
        self._waiting: list[tuple[str | None, Any, int, float]] = []  # owner not known yet
        self._held: list[tuple[str | None, str, Any, int, float]] = []
        self._owners: dict[str | None, set[str]] = {}  # of each variable
        self._several = False
        self.only: tuple[str | None, str] | None = None

    def add(self, variable: str | None, value: Any, step: int) -> None:
        """Note a loss; its owner is whoever steps next."""
        self.only = None
        self._waiting.append((variable, value, step, self._clock()))
        if len(self._waiting) > _HELD:
            self.owned("")

    def owned(self, owner: str) -> None:
        """The optimizer called `owner` steps on the losses noted since the last step."""
        self.only = None
        for variable, value, step, time_s in self._waiting:
            self._owners.setdefault(variable, set()).add(owner)
            if len(self._owners) > 1 or len(self._owners[variable]) > 1:
                self._several = True
            self._held.append((variable, owner, value, step, time_s))
        self._waiting.clear()
        if self._several:
            for variable, whose, value, step, time_s in self._held:
                self._send(f"loss/{self._label(variable, whose)}", value, step, time_s)
            self._held.clear()
        elif len(self._held) >= _HELD:
            self.only = self._held[-1][:2]
            self._held.clear()

    def _label(self, variable: str | None, owner: str) -> str:
        if variable is not None and len(self._owners[variable]) == 1:
            return variable
        if variable is None or not owner:
            return owner or variable or "other"
        others = [name for name, owners in self._owners.items() if owner in owners]
        return owner if len(others) == 1 else f"{owner}/{variable}"
