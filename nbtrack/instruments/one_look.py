"""A hook on a module for one forward pass, which leaves nothing behind in copies of it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def may_hook(module: torch.nn.Module) -> bool:
    """Whether a hook would stay out of compiled code, where it would cause a recompilation."""
    if type(module).__name__ == "OptimizedModule":
        return True  # its own hooks run before the compiled part
    if getattr(module, "_compiled_call_impl", None) is not None:
        return False
    dynamo = sys.modules.get("torch._dynamo.utils")
    counters = getattr(dynamo, "counters", {})
    return not counters.get("frames")  # nothing was compiled yet


class OneLook:
    """The hook; a copy or pickle of it (with a saved model) is a function that does nothing."""

    def __init__(self, look: Callable[[Any, Any], None]) -> None:
        self._look = look

    def __call__(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """As torch calls a hook before a forward pass; never raises."""
        try:
            self._look(args, kwargs)
        except Exception:
            pass

    def __reduce__(self) -> tuple[Any, ...]:
        return (getattr, (contextlib.nullcontext(), "__exit__"))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return contextlib.nullcontext().__exit__
