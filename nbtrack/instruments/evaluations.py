"""When an evaluation begins between two steps, and when the training goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from nbtrack.instruments.one_look import OneLook, may_hook

if TYPE_CHECKING:
    import torch

_MOST_IN_A_ROW = 20  # that follow a single step each: from then on they are a part of the step


class Evaluations:
    """Tells evaluations from trainings.

    One begins when a trained module is put into eval mode, is called with gradients off between
    two steps, or a DataLoader gives a batch with gradients off there.

    Parameters
    ----------
    mark : callable
        Told of 1 when an evaluation begins, of 0 when the training goes on.
    modules : callable
        The modules that are trained.
    num_steps : callable
        How many steps are complete.
    between : callable
        Whether the last step is complete and nothing of the next one has been seen.

    Attributes
    ----------
    is_on : bool
        Whether one was seen since the last backward pass.
    readings : dict of str to str
        In words, what was left out.
    """

    def __init__(
        self,
        mark: Callable[[float], None],
        modules: Callable[[], Iterable[torch.nn.Module]],
        num_steps: Callable[[], int],
        between: Callable[[], bool],
    ) -> None:
        self.is_on = False
        self.readings: dict[str, str] = {}
        self._mark = mark
        self._modules = modules
        self._num_steps = num_steps
        self._between = between
        self._last_at = -2
        self._in_a_row = 0
        self._is_told = False
        self._context: Any = None  # the one at whose end nobody looks at the modules any more
        self._handles: list[Any] = []

    def eval_mode(self, module: torch.nn.Module) -> None:
        """Begin, if the module put into eval mode is what is trained or a wrapper of that."""
        if self.is_on:
            return
        children = list(module._modules.values())
        for trained in self._modules():
            if trained is module or any(trained is child for child in children):
                self._begin()
                return

    def batch(self) -> None:
        """A DataLoader gave a batch with gradients off."""
        if not self.is_on and self._between():
            self._begin()

    def entering(self, context: Any) -> None:
        """Gradients are put off: look at whether what is trained is called meanwhile."""
        if self.is_on or self._context is not None or not self._between():
            return
        for module in self._modules():
            if may_hook(module):
                hook = OneLook(self._called)
                handle = module.register_forward_pre_hook(hook, with_kwargs=True)
                self._handles.append(handle)
        self._context = context

    def leaving(self, context: Any) -> None:
        """They are as before."""
        if context is self._context:
            self.disarm()

    def disarm(self) -> None:
        """Take the hooks away."""
        self._context = None
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _called(self, args: Any, kwargs: Any) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        if not self.is_on and self._between():
            self._begin()

    def _begin(self) -> None:
        self.is_on = True
        at = self._num_steps()
        if at == 0:
            return
        if at - self._last_at <= 1:
            self._in_a_row += 1
        else:
            self._in_a_row = 0
        self._last_at = at
        self._is_told = self._in_a_row < _MOST_IN_A_ROW
        if self._is_told:
            self._mark(1.0)
        else:
            self.readings["mark/eval"] = (
                f"the first {_MOST_IN_A_ROW} of those that follow every single step"
            )

    def end(self) -> None:
        """The training goes on."""
        self.is_on = False
        if self._is_told:
            self._is_told = False
            self._mark(0.0)
