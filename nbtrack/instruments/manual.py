"""Loops that step by hand (``p.data -= lr * p.grad``): a step is a backward pass."""

from __future__ import annotations

import gc
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from nbtrack.instruments.graph import leaves
from nbtrack.instruments.listener import BackwardCall
from nbtrack.instruments.plan import Plan
from nbtrack.instruments.points import Held, Points
from nbtrack.instruments.reader import Reader

if TYPE_CHECKING:
    from torch import Tensor


class ManualLoop:
    """Reads the leaves of the loss's graph, from one backward pass to the next.

    Parameters
    ----------
    plan : Plan
    name : callable
        Takes tensors, returns their names.

    Notes
    -----
    Leaves that are made anew for each step (``w = (w - lr * g).detach().requires_grad_()``) are
    followed by their place in the graph and their shape.
    """

    def __init__(self, plan: Plan, name: Callable[[Sequence[Tensor]], list[str]]) -> None:
        self._plan = plan
        self._name = name
        self.reader: Reader | None = None
        self._open: tuple[Held, int, float] | None = None

    def done(self, call: BackwardCall, result: Any, step: int, time_s: float) -> None:
        """After a backward pass: norms of the gradients, and of the weights before they move."""
        self._open = None
        if not self._plan.begin(step):
            return
        found = leaves_of(call)
        if not found:
            return
        self._bind(found)
        assert self.reader is not None
        held = Held()
        self.reader.read_gradients(held, step, list(result) if call.returns else None)
        self.reader.before_update()
        self._open = (held, step, time_s)

    def finish(self, points: Points, following: BackwardCall | None) -> None:
        """Hand on the readings of the step that is over.

        `following` is the backward pass about to run: its leaves are the weights after the step.
        """
        opened, self._open = self._open, None
        if opened is None or self.reader is None:
            return
        held, step, time_s = opened
        if self.reader.waits:
            now = leaves_of(following) if following is not None else []
            if [leaf.shape for leaf in now] == [leaf.shape for leaf in self.reader.parameters]:
                self.reader.after_update(held, step, now)
            else:
                self.reader.forget()
        held.release(points, step, time_s, str)

    def drop(self) -> None:
        """Forget what was read: an optimizer steps after all."""
        if self._open is not None:
            self._open = None
            self._plan.start_over()
        if self.reader is not None:
            self.reader.forget()

    def forget(self) -> None:
        """Let go of the parameters, which belong to an optimizer."""
        self.reader = None

    def accept(self) -> None:
        """The first step was taken by hand: nothing clips its gradients that we can see."""
        if self.reader is not None:
            self.reader.forget_clipping()

    def _bind(self, found: list[Tensor]) -> None:
        if self.reader is None:
            self.reader = Reader(self._plan, found, self._name(found))
            return
        known = self.reader.parameters
        if len(found) == len(known) and all(map(operator.is_, found, known)):
            return
        same = [leaf.shape for leaf in found] == [leaf.shape for leaf in known]
        self.reader.bind(found, self.reader.names if same else self._name(found))


def leaves_of(call: BackwardCall) -> list[Tensor]:
    """The parameters that a backward pass gives gradients to."""
    if call.inputs:
        return [leaf for leaf in call.inputs if getattr(leaf, "is_leaf", False)]
    return leaves(call.roots)


def held_by_an_optimizer(wanted: Iterable[Tensor], candidates: Iterable[Any]) -> bool:
    """Whether a live optimizer holds one of these tensors.

    `candidates` are looked through first; then, once, everything that Python's garbage collector
    knows: about 50 ms for a million objects, once in a run.
    """
    import torch

    ids = {id(tensor) for tensor in wanted}
    if not ids:
        return False
    if any(_holds(optimizer, ids) for optimizer in candidates):
        return True
    kind = torch.optim.Optimizer
    alive = [thing for thing in gc.get_objects() if issubclass(type(thing), kind)]
    return any(_holds(optimizer, ids) for optimizer in alive)


def _holds(optimizer: Any, ids: set[int]) -> bool:
    groups = getattr(optimizer, "param_groups", ())
    return any(id(parameter) in ids for group in groups for parameter in group["params"])
