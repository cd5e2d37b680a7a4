"""The few places in torch that we listen at, patched while a panel runs and restored after.

Loss: the one function that both ``Tensor.backward`` and ``torch.autograd.grad`` look up when
called. Steps: the global optimizer hooks. Mixed precision: `GradScaler`. Data: the iterator of
`DataLoader`. Evaluation: ``Module.eval``, ``no_grad``, ``inference_mode``. Each event goes to the
panel that `install_route`'s function names for the calling context. Nothing here reads a value;
that is what the panel's instruments do.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from nbtrack.instruments.compiler import keep_from_compiler
from nbtrack.instruments.listener import EVENTS, BackwardCall, Listener
from nbtrack.instruments.torch_import import TorchImport, torch_is_ready

_lock = threading.RLock()
_live: list[Listener] = []
_undo: list[Callable[[], None]] = []
_loading = threading.local()  # a DataLoader inside a data set waits inside another's wait
_find: Callable[[], Listener | None] | None = None


def _never() -> bool:
    return False


# Once torch is there. They stay after a run: a compiler guards on what it has traced.
compiling: Callable[[], bool] = _never  # is a compiler tracing us?
_capturing: Callable[[], bool] | None = None  # is a CUDA graph being captured?
Tensor: Any = None


def install_route(find: Callable[[], Any] | None) -> None:
    """Give the function that finds the panel of the innermost active run of the calling context.

    Parameters
    ----------
    find : callable or None
        Called at each event, in the thread of the training; None lets the event pass unseen.
        Without one, events go to the panel started last.
    """
    global _find
    _find = find


def current() -> Listener | None:
    """The running panel that an event happening here and now belongs to.

    None also while a CUDA graph is captured: what we would launch then would be replayed with it.
    """
    if not _live or (_capturing is not None and _capturing()):
        return None
    try:
        listener = _find() if _find is not None else _live[-1]
    except Exception:
        return None
    return listener if listener is not None and listener.running else None


def attach(listener: Listener) -> None:
    """Let `listener` hear; the first one patches torch, now or when it is imported."""
    with _lock:
        first = not _live
        _live.append(listener)
        if not first:
            if _undo:
                _keep_methods_from_compiler(listener)
        elif torch_is_ready():
            _patch()
        else:
            _waiting.install()


def detach(listener: Listener) -> None:
    """Let `listener` hear no more; the last one restores torch exactly."""
    with _lock:
        if listener in _live:
            _live.remove(listener)
        if not _live:
            _waiting.remove()
            _restore()


def attach_late() -> None:
    """Patch torch if it came in on a way that the import hook could not see."""
    if torch_is_ready():
        _attach_now()


def _attach_now() -> None:
    with _lock:
        if _live and not _undo:
            _waiting.remove()
            _patch()


def _forget_in_child() -> None:
    """A forked child (a DataLoader worker) is not the run's process: it is not listened to."""
    _live.clear()


_waiting = TorchImport(_attach_now)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


def _patch() -> None:
    import torch
    import torch.utils.data.dataloader
    from torch.optim.optimizer import (
        register_optimizer_step_post_hook,
        register_optimizer_step_pre_hook,
    )

    global Tensor, _capturing, compiling
    compiling, Tensor = torch.compiler.is_dynamo_compiling, torch.Tensor
    if torch.version.cuda is not None or torch.version.hip is not None:
        _capturing = torch.cuda.is_current_stream_capturing
    for listener in _live:
        _keep_methods_from_compiler(listener)
    if hasattr(torch.autograd, "_engine_run_backward"):
        _replace(torch.autograd, "_engine_run_backward", _listening_engine)
    else:  # a torch that renamed it: calls through torch.autograd are still heard
        _replace(torch.autograd, "backward", _listening_backward)
        _replace(torch.autograd, "grad", _listening_grad)
    _undo.append(register_optimizer_step_pre_hook(_before_step).remove)
    _undo.append(register_optimizer_step_post_hook(_after_step).remove)
    _replace(torch.amp.GradScaler, "scale", _listening_scale)
    _replace(torch.amp.GradScaler, "step", _listening_scaler_step)
    _replace(torch.amp.GradScaler, "update", _listening_scaler_update)
    iterator = torch.utils.data.dataloader._BaseDataLoaderIter
    _replace(iterator, "__next__", _listening_next)
    _replace(torch.nn.Module, "eval", _listening_eval)
    for context in (torch.no_grad, torch.inference_mode):
        _replace(context, "__enter__", _listening_enter)
        _replace(context, "__exit__", _listening_exit)


def _restore() -> None:
    while _undo:
        _undo.pop()()


def _replace(owner: Any, name: str, listening: Callable[[Any], Any]) -> None:
    original = owner.__dict__[name]
    ours = listening(original)
    keep_from_compiler(ours.__code__, False)
    functools.update_wrapper(ours, original)
    setattr(owner, name, ours)

    def undo() -> None:
        if owner.__dict__.get(name) is ours:  # else somebody patched over us: theirs to undo
            setattr(owner, name, original)

    _undo.append(undo)


def _keep_methods_from_compiler(listener: Listener) -> None:
    for name in EVENTS:
        code = getattr(getattr(listener, name, None), "__code__", None)
        if code is not None:
            keep_from_compiler(code, True)


def _listening_engine(original: Callable[..., Any]) -> Callable[..., Any]:
    import torch

    compiling = torch.compiler.is_compiling
    running_graph_task = torch._C._current_graph_task_id

    def run_backward(t_outputs: Any, *args: Any, **kwargs: Any) -> Any:
        # A backward inside a backward (recomputing a checkpoint) is a part of the outer one.
        if compiling() or running_graph_task() != -1 or (listener := current()) is None:
            return original(t_outputs, *args, **kwargs)
        returns = not kwargs.get("accumulate_grad", True)
        call = BackwardCall(t_outputs, args[0], bool(args[2]), args[3], returns)
        listener.before_backward(call)
        result = original(t_outputs, *args, **kwargs)
        if call.note is not None:
            listener.after_backward(call, result)
        return result

    return run_backward


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _heard(
    original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], returns: bool
) -> Any:
    """Call the public function `original` with its listener told before and after."""
    import inspect

    import torch

    listener = current()
    inside = torch._C._current_graph_task_id() != -1
    if listener is None or inside or torch.compiler.is_compiling():
        return original(*args, **kwargs)
    given = inspect.signature(original).bind(*args, **kwargs).arguments
    roots = _as_tuple(given["outputs" if returns else "tensors"])
    gradients = _as_tuple(given.get("grad_outputs" if returns else "grad_tensors"))
    inputs = given.get("inputs")
    call = BackwardCall(
        roots,
        gradients if len(gradients) == len(roots) else (None,) * len(roots),
        bool(given.get("create_graph", False)),
        () if inputs is None else _as_tuple(inputs),
        returns,
    )
    listener.before_backward(call)
    result = original(*args, **kwargs)
    if call.note is not None:
        listener.after_backward(call, result)
    return result


def _listening_backward(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: _heard(original, args, kwargs, False)


def _listening_grad(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: _heard(original, args, kwargs, True)


def _before_step(optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not compiling() and (listener := current()) is not None:
        # bound methods are called with the optimizer itself as the first argument
        closure = kwargs.get("closure") or (args[1] if len(args) > 1 else None)
        listener.before_step(optimizer, callable(closure))


def _after_step(optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not compiling() and (listener := current()) is not None:
        listener.after_step(optimizer)
        listener.at_rest()


def _listening_scale(original: Callable[..., Any]) -> Callable[..., Any]:
    def scale(self: Any, outputs: Any) -> Any:
        result = original(self, outputs)
        if not compiling() and result is not outputs and (listener := current()) is not None:
            listener.after_scale(self, outputs, result)
        return result

    return scale


def _listening_scaler_step(original: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        listener = current() if not compiling() and self._enabled else None
        if listener is None:
            return original(self, optimizer, *args, **kwargs)
        listener.before_scaler_step(self, optimizer)
        result = original(self, optimizer, *args, **kwargs)
        listener.after_scaler_step(self, optimizer)
        return result

    return step


def _listening_scaler_update(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if not compiling() and self._enabled and (listener := current()) is not None:
            listener.after_scaler_update(self)
            listener.at_rest()
        return result

    return update


def _listening_next(original: Callable[..., Any]) -> Callable[..., Any]:
    def __next__(self: Any) -> Any:
        listener = None if compiling() else current()
        if listener is None or getattr(_loading, "inside", False):
            return original(self)
        _loading.inside = True
        began = time.perf_counter()
        try:
            batch = original(self)
        finally:
            _loading.inside = False
        listener.after_batch(time.perf_counter() - began, batch, self)
        return batch

    return __next__


def _listening_eval(original: Callable[..., Any]) -> Callable[..., Any]:
    def eval(self: Any) -> Any:
        result = original(self)
        if not compiling() and (listener := current()) is not None:
            listener.after_eval(self)
        return result

    return eval


def _listening_enter(original: Callable[..., Any]) -> Callable[..., Any]:
    def __enter__(self: Any) -> Any:
        if not compiling() and (listener := current()) is not None:
            listener.before_no_grad(self)
        return original(self)

    return __enter__


def _listening_exit(original: Callable[..., Any]) -> Callable[..., Any]:
    def __exit__(self: Any, *exception: Any) -> Any:
        if not compiling() and (listener := current()) is not None:
            listener.after_no_grad(self)
        return original(self, *exception)

    return __exit__
