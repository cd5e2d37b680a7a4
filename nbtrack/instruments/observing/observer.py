"""`Observer`: the order of backward and step, and which parameters take part, as plain facts."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nbtrack.instruments.frames import calling_frame
from nbtrack.instruments.graph import leaves
from nbtrack.instruments.names import find_objects, name_parameters
from nbtrack.instruments.observing.loss_graph import read_loss

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from nbtrack.instruments.listener import BackwardCall

_FIRST = 4  # looks at each of these, then ever more seldom
_GROWTH = 1.6
_SHARE = 0.01  # of the time since the first look, for all looks after the first ones
_MAX_WATCHED = 24  # parameters of one optimizer, evenly spaced
_MAX_OPTIMIZERS = 64
_MAX_MODES = 200  # changes of mode; who changes it that often means it


class _Looks:
    """Which of a series of events are looked at."""

    def __init__(self) -> None:
        self._next = 1
        self.count = 0

    def due(self, number: int, may: Callable[[], bool]) -> bool:
        """Whether to look at event `number`, counted from 1."""
        if number < self._next or (number > _FIRST and not may()):
            return False
        self._next = number + 1 if number < _FIRST else int(number * _GROWTH) + 1
        self.count += 1
        return True


class _Stepping:
    """What was seen of one optimizer."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = weakref.ref(optimizer)
        self.kind = type(optimizer).__name__
        groups = optimizer.param_groups
        self.parameters = [p for group in groups for p in group["params"]]
        every = max(1, len(self.parameters) // _MAX_WATCHED)
        self.watched = self.parameters[::every]
        self.has_memory = self.kind != "SGD" or any(g.get("momentum") for g in groups)
        self.looks = _Looks()
        self.steps = self.windows = self.stale = self.empty = self.looked = 0
        self.partly: set[int] = set()  # parameters whose gradients stay, of `watched`
        self.waiting: dict[int, tuple[Any, int]] | None = None
        self.backwards = 0  # of the window that is open
        self.first_stale: int | None = None

    def clear_seen(self) -> None:
        """Forget what is cleared by now, just before a backward pass."""
        self.backwards += 1
        for index, (grad, _) in list((self.waiting or {}).items()):
            now = self.watched[index].grad
            if now is not grad or not _any(now):
                del self.waiting[index]  # type: ignore[union-attr]

    def close(self, step: int) -> None:
        """The next step has come: what is left in the window was never cleared."""
        waiting, self.waiting = self.waiting, None
        if waiting is None or not self.backwards:
            return
        left = {
            index
            for index, (grad, version) in waiting.items()
            if self.watched[index].grad is grad and self._grew(grad, version)
        }
        self.windows += 1
        if left:
            self.stale += 1
            self.partly |= left
            if self.first_stale is None:
                self.first_stale = step

    def _grew(self, grad: Tensor, version: int) -> bool:
        """Whether backward passes have added to a gradient, and nothing has cleared it.

        The values of a device are not waited for: there, as many changes in place as backward
        passes mean that nothing else touched it. With clipping that is not known, and not said.
        """
        if grad.device.type == "cpu":
            return grad._version > version and _any(grad)
        return grad._version - version == self.backwards

    def open(self) -> None:
        """A step is over: note the gradients that have to be cleared before the next."""
        grads = [(index, p.grad) for index, p in enumerate(self.watched)]
        self.waiting = {i: (g, g._version) for i, g in grads if g is not None and _any(g)}
        self.backwards = 0

    def facts(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "steps": self.steps,
            "windows": self.windows,
            "stale": self.stale,
            "stale_share": len(self.partly) / max(1, len(self.watched)),
            "first_stale": self.first_stale,
            "looked": self.looked,
            "empty": self.empty,
            "num_parameters": len(self.parameters),
        }


def _any(grad: Tensor | None) -> bool:
    """Whether a gradient has a value; one that lies on a device is taken to have one."""
    if grad is None or grad.is_sparse or grad.device.type != "cpu":
        return grad is not None
    return bool(grad.count_nonzero())


class Observer:
    """Looks at a training for a doctor; changes nothing in it.

    Parameters
    ----------
    namespace : callable
        The notebook's names.

    Notes
    -----
    At most steps this is a few comparisons of numbers. It looks at the first four steps and then
    ever more seldom, in at most 1 % of the time that passes.
    """

    def __init__(self, namespace: Callable[[], Mapping[str, Any]]) -> None:
        self._namespace = namespace
        self._stepping: dict[int, _Stepping] = {}
        self._looks = _Looks()
        self._backwards = 0
        self._spent_s = 0.0
        self._began_s = time.perf_counter()
        self._losses: list[dict[str, Any]] = []
        self._reached: dict[int, Tensor] = {}
        self._samples: dict[int, Tensor] = {}
        self._unknown: list[dict[str, Any]] = []
        self._remade = 0
        self._owned_in_sight = False
        self._depending: dict[
            str, tuple[Any, Any]
        ] = {}  # a root, and a part that asks for its mode
        self._modes: list[list[Any]] = []  # root and part in train mode?, for how many passes
        self._modules: dict[str, Any] = {}
        self.changed = False

    def _may(self) -> bool:
        return self._spent_s < _SHARE * (time.perf_counter() - self._began_s)

    # What a panel tells

    def before_backward(self, call: BackwardCall, step: int) -> None:
        """Just before a backward pass."""
        self._backwards += 1
        for one in self._stepping.values():
            if one.waiting is not None:
                one.clear_seen()
        for module, part in self._depending.values():
            self._note_mode(module.training, part.training)
        if call.returns or call.create_graph or len(call.roots) != 1 or call.inputs:
            return
        if self._looks.due(self._backwards, self._may):
            began = time.perf_counter()
            self._look(call.roots[0], step)
            self._spent_s += time.perf_counter() - began

    def _note_mode(self, root: bool, part: bool) -> None:
        last = self._modes[-1] if self._modes else None
        if last is not None and last[0] == root and last[1] == part:
            last[2] += 1
        elif len(self._modes) < _MAX_MODES:
            self._modes.append([root, part, 1, self._backwards - 1])

    def before_step(self, optimizer: torch.optim.Optimizer, closure: bool, step: int) -> None:
        """Just before an optimizer steps."""
        one = self._stepping.get(id(optimizer))
        if one is None or one.optimizer() is not optimizer:
            one = self._meet(optimizer)
        one.steps += 1
        one.close(step)
        if one.looks.due(one.steps, self._may):
            self.changed = True
            if not closure:
                one.looked += 1
                one.empty += not any(_any(p.grad) for p in one.watched)
                one.waiting = {}  # to be opened after the step

    def after_step(self, optimizer: torch.optim.Optimizer) -> None:
        """After it."""
        one = self._stepping.get(id(optimizer))
        if one is not None and one.waiting is not None:
            one.open()

    def _meet(self, optimizer: torch.optim.Optimizer) -> _Stepping:
        one = _Stepping(optimizer)
        mine = {id(p) for p in one.parameters}
        for key, other in list(self._stepping.items()):
            gone = other.optimizer() is None
            if gone and other.steps == 1 and other.has_memory and other.kind == one.kind:
                self._remade += any(id(p) in mine for p in other.parameters)
            if gone and (other.steps == 1 or len(self._stepping) >= _MAX_OPTIMIZERS):
                del self._stepping[key]
        self._stepping[id(optimizer)] = one
        return one

    # The look at a loss

    def _look(self, root: Any, step: int) -> None:
        import torch

        self.changed = True
        with torch.no_grad():
            self._losses.append({"step": step, **read_loss(root)})
        every = leaves([root])
        found = [p for p in every if isinstance(p, torch.nn.Parameter)]
        for leaf in every:
            # Of other leaves, such as an image that is trained, only who holds them matters.
            if isinstance(leaf, torch.nn.Parameter) or self._is_held(leaf):
                self._reached[id(leaf)] = leaf
                if id(leaf) not in self._samples:
                    self._samples[id(leaf)] = _sample(leaf)
        frame, names = calling_frame(), self._namespace()
        in_sight = find_objects(torch.optim.Optimizer, frame, names)
        held = {id(p) for o in in_sight for g in o.param_groups for p in g["params"]}
        held |= {id(p) for one in self._stepping.values() for p in one.parameters}
        self._owned_in_sight |= any(id(p) in held for p in found)
        named = name_parameters(found, frame, names) if self._looks.count <= 3 else None
        if named is not None:
            self._modules.update(named.modules)
            partly = {r for r, p in zip(named.roots, found, strict=True) if id(p) in held}
            self._unknown = [
                {"name": name, "root": rooted, "id": id(p), "fresh": _is_fresh(p),
                 "root_is_held": rooted in partly}
                for name, rooted, p in zip(named.full_names, named.roots, found, strict=True)
                if id(p) not in held
            ]  # fmt: skip
        for name, module in self._modules.items():
            part = next((m for m in module.modules() if _depends_on_mode(m)), None)
            if part is not None and len(self._modules) == 1:
                self._depending[name] = (module, part)

    def _is_held(self, leaf: Tensor) -> bool:
        return any(leaf is p for one in self._stepping.values() for p in one.parameters)

    # What a doctor asks

    def facts(self) -> dict[str, Any]:
        """What was seen so far: numbers, names and flags, fit for JSON."""
        import torch

        stepping = list(self._stepping.values())
        held = {id(p) for one in stepping for p in one.parameters}
        reached = set(self._reached)
        unknown = [
            {key: value for key, value in one.items() if key != "id"}
            for one in self._unknown
            if one["id"] not in held and not self._moved(one["id"])
        ]
        return {
            "format": 1,
            "backwards": self._backwards,
            "looks": self._looks.count,
            "spent_s": self._spent_s,
            "optimizers": [
                {**one.facts(), "reached": sum(id(p) in reached for p in one.parameters)}
                for one in stepping
            ],
            "remade": self._remade,
            "losses": self._losses[-40:],
            "num_reached": len(reached),
            "not_held": unknown,
            "num_held": sum(
                id(p) in held for p in self._reached.values() if isinstance(p, torch.nn.Parameter)
            ),
            "optimizer_in_sight": self._owned_in_sight,
            "moved": any(self._moved(key) for key in reached),
            "modes": [list(each) for each in self._modes],
        }

    def _moved(self, key: int) -> bool:
        parameter = self._reached.get(key)
        if parameter is None or parameter.is_meta:  # without values: not known
            return parameter is not None
        return not _sample(parameter).equal(self._samples[key])

    def release(self) -> None:
        """Let go of everything of the user's."""
        self._stepping.clear()
        self._reached.clear()
        self._samples.clear()
        self._modules.clear()
        self._depending.clear()


def _sample(parameter: Tensor) -> Tensor:
    """A copy of the first values, bit for bit comparable (NaN counts as moved)."""
    return parameter.detach().reshape(-1)[:256].clone()


def _is_fresh(parameter: Tensor) -> bool:
    """Whether a weight looks as PyTorch's own initialisation of Linear and Conv left it."""
    if parameter.dim() < 2 or parameter.numel() < 16 or parameter.device.type != "cpu":
        return False  # not known
    fan_in = parameter[0].numel()
    bound = fan_in**-0.5
    values = parameter.detach()
    spread = float(values.std()) / (bound * 3**-0.5)
    return bool(float(values.abs().max()) <= bound * 1.0001 and 0.75 < spread < 1.25)


def _depends_on_mode(module: Any) -> bool:
    import torch

    nn = torch.nn
    kinds = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)
    return isinstance(module, kinds) and getattr(module, "p", 1) != 0
