"""Keeping a compiler's hands off our own code, where a graph of the user's breaks at it."""

from __future__ import annotations

from types import CodeType
from typing import Any


def keep_from_compiler(code: CodeType, callees_too: bool) -> None:
    """Let torch.compile run this code as it is, where a graph of the user's breaks at it.

    Else it would be compiled by itself, with "a compiler is tracing" as a constant in it.
    """
    import torch

    try:
        frames: Any = torch._C._dynamo.eval_frame
        if hasattr(frames, "set_code_exec_strategy"):
            action = frames._FrameAction
            callees = action.SKIP if callees_too else action.DEFAULT
            frames.set_code_exec_strategy(code, frames._FrameExecStrategy(action.SKIP, callees))
        else:  # before torch 2.7
            frames.skip_code(code)
    except Exception:  # private names: without them, compiled loops show less
        pass
