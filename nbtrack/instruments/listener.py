"""What a panel hears of a training, and how it is told of a backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch


class Listener(Protocol):
    """What a panel hears. None of these may raise, but for `before_backward` and `at_rest`."""

    running: bool

    def before_backward(self, call: BackwardCall) -> None:
        """Before a backward pass."""

    def after_backward(self, call: BackwardCall, result: Any) -> None:
        """After it, with what `torch.autograd.grad` returns."""

    def before_step(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        """Before an optimizer's step; `closure` when it computes the loss itself."""

    def after_step(self, optimizer: torch.optim.Optimizer) -> None:
        """After it."""

    def after_scale(self, scaler: torch.amp.GradScaler, outputs: Any, result: Any) -> None:
        """After ``scaler.scale(outputs)``."""

    def before_scaler_step(
        self, scaler: torch.amp.GradScaler, optimizer: torch.optim.Optimizer
    ) -> None:
        """Before ``scaler.step(optimizer)``."""

    def after_scaler_step(
        self, scaler: torch.amp.GradScaler, optimizer: torch.optim.Optimizer
    ) -> None:
        """After it, whether or not the optimizer has stepped."""

    def after_scaler_update(self, scaler: torch.amp.GradScaler) -> None:
        """After ``scaler.update()``."""

    def after_batch(self, waited_s: float, batch: Any, iterator: Any) -> None:
        """After a DataLoader's iterator gave a batch."""

    def after_eval(self, module: torch.nn.Module) -> None:
        """After ``module.eval()``."""

    def before_no_grad(self, context: Any) -> None:
        """Before ``with torch.no_grad():`` or ``torch.inference_mode()``."""

    def after_no_grad(self, context: Any) -> None:
        """After it."""

    def at_rest(self) -> None:
        """Between two steps: the one moment at which a panel may raise into the training."""


class BackwardCall:
    """One call of the autograd engine, with the arguments that matter to us.

    Attributes
    ----------
    roots : sequence of Tensor or GradientEdge
        What backward was called on.
    gradients : sequence of Tensor or None
        One a root; torch has already filled in ones for scalars.
    inputs : sequence of Tensor or GradientEdge
        Empty for a backward pass to all leaves.
    returns : bool
        `torch.autograd.grad`: the gradients are returned, not accumulated.
    create_graph : bool
        The gradients are a part of something larger.
    factor : Any
        The listener's: the gradients times this are the loss's own; None for 1.
    note : Any
        For the listener, from before to after the call; it is told of that only if it left one.
    """

    __slots__ = ("create_graph", "factor", "gradients", "inputs", "note", "returns", "roots")

    def __init__(
        self,
        roots: Sequence[Any],
        gradients: Sequence[torch.Tensor | None],
        create_graph: bool,
        inputs: Sequence[Any],
        returns: bool,
    ) -> None:
        self.roots = roots
        self.gradients = gradients
        self.create_graph = create_graph
        self.inputs = inputs
        self.returns = returns
        self.note: Any = None
        self.factor: Any = None


EVENTS = tuple(name for name in vars(Listener) if name.startswith(("before_", "after_", "at_")))
