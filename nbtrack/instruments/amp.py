"""Mixed precision: the loss before `GradScaler` scaled it, its scale, and the skipped steps."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nbtrack.instruments.points import Points

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Scaling:
    """What the gradient scalers of a run are doing.

    Attributes
    ----------
    active : bool
        Whether a scaler was used at all.
    unfinished : bool
        From ``scaler.step`` until ``scaler.update``: a raise in between would leave the scaler in
        a state in which it refuses to go on.

    Notes
    -----
    Keeps no graph alive: scaled losses are held weakly, unscaled ones detached.
    """

    def __init__(self) -> None:
        self._unscaled: dict[int, tuple[weakref.ref[Tensor], Tensor, weakref.ref[Tensor]]] = {}
        self._scaler: torch.amp.GradScaler | None = None  # of a scale() not yet run backward
        self._last_scale: float | None = None
        self._skipped: Any = 0  # a tensor once a fused optimizer on a device keeps it there
        self._inside: torch.optim.Optimizer | None = None
        self._stepped = False
        self.unfinished = False
        self.active = False

    def scaled(self, scaler: torch.amp.GradScaler, outputs: Any, result: Any) -> None:
        """Remember that `result` is `outputs`, scaled."""
        self.active = True
        self._scaler = scaler
        for key in [key for key, held in self._unscaled.items() if held[0]() is None]:
            del self._unscaled[key]
        for before, after in zip(_tensors(outputs), _tensors(result), strict=True):
            held = (weakref.ref(after), before.detach(), weakref.ref(before))
            self._unscaled[id(after)] = held

    def unscaled(self, root: Any) -> tuple[Tensor, Tensor | None] | None:
        """The loss that `root` is a scaled version of, detached, and as the user's own object."""
        held = self._unscaled.get(id(root))
        if held is None or held[0]() is not root:
            return None
        return held[1], held[2]()

    def scale_of_backward(self) -> Any:
        """The factor in the gradients of the backward pass about to run; None without one.

        A float on the CPU, a tensor on a device.
        """
        scaler = self._scaler
        if scaler is None:
            return None
        self._scaler = None
        return _scale(scaler)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """``scaler.step(optimizer)`` begins."""
        self._inside, self._stepped = optimizer, False
        self.active = self.unfinished = True

    def stepping(self, optimizer: torch.optim.Optimizer) -> None:
        """The optimizer itself steps."""
        if self._inside is optimizer:
            self._stepped = True

    def step_done(self) -> bool:
        """``scaler.step`` is over; True when it has skipped the optimizer's step."""
        self._inside = None
        if not self._stepped:
            self._skipped = self._skipped + 1
        return not self._stepped

    def read(self, scaler: torch.amp.GradScaler, skipped: bool, points: Points, step: int) -> None:
        """Put the scale (when it changed) and the count of skipped steps (when it rose)."""
        scale = _scale(scaler)
        first = self._last_scale is None
        if isinstance(scale, float):
            if scale != self._last_scale:
                self._last_scale = scale
                points.put("amp/scale", scale, step)
        elif scale is not None:
            # whether it changed cannot be known without a sync, so it is written at each step
            points.put("amp/scale", scale.clone(), step)
            self._last_scale = -1.0
        if first or skipped or not isinstance(self._skipped, (int, float)):
            points.put("amp/skipped_steps", self._skipped, step)

    def read_fused(self, optimizer: torch.optim.Optimizer) -> tuple[Any, bool]:
        """Of a fused optimizer that unscales by itself: ``1 / scale``, and whether it will skip.

        The factor is None when the gradients are unscaled already. On a device the skipped steps
        are counted there, and the second value is False.
        """
        scale = getattr(optimizer, "grad_scale", None)
        found_inf = getattr(optimizer, "found_inf", None)
        skips = False
        if found_inf is not None:
            if found_inf.is_cpu:
                skips = bool(found_inf.item())
                self._skipped = self._skipped + int(skips)
            else:
                self._skipped = self._skipped + found_inf.detach().reshape(())
        if scale is None:
            return None, skips
        return (1.0 / scale.item() if scale.is_cpu else scale.reciprocal()), skips


def _scale(scaler: torch.amp.GradScaler) -> Any:
    scale = scaler._scale
    if scale is None:
        return None
    return scale.item() if scale.is_cpu else scale


def _tensors(outputs: Any) -> Iterator[Tensor]:
    if hasattr(outputs, "detach"):
        yield outputs
    elif isinstance(outputs, (list, tuple)):  # a generator would be used up by looking
        for output in outputs:
            yield from _tensors(output)
