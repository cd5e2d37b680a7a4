"""Reading the gradients and weights of one set of parameters, at the steps of its plan."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrack.instruments.norms import Part, nonfinite, norms, ratio, ratios, scaled, total
from nbtrack.instruments.plan import Plan
from nbtrack.instruments.points import Sink

if TYPE_CHECKING:
    from torch import Tensor

COPY_LIMIT = 64 * 2**20  # elements: 256 MiB of float32, for the length of one step
_LOOK_FOR_CLIPPING = 3  # steps; later only where versions show it
_RECORD_S = 0.4e-6  # what one more point costs the store
_DEVICE_BYTES_PER_S = 500e9  # a pass on a device costs time that our clock does not see


class Reader:
    """What is read of one set of parameters: gradient norms, weight norms, how much they move.

    Parameters
    ----------
    plan : Plan
    parameters : sequence of Tensor
        Each once.
    names : sequence of str
        One a parameter, each different.
    copy_limit : int
        Elements; of weights beyond it no copy is made, so their update ratio is not read.

    Attributes
    ----------
    clips : bool
        Whether gradients were seen to change between a backward pass and the step.
    left_out : int
        Parameters too large to be copied.
    """

    def __init__(
        self,
        plan: Plan,
        parameters: Sequence[Tensor],
        names: Sequence[str],
        copy_limit: int = COPY_LIMIT,
    ) -> None:
        self.plan = plan
        self.clips = False
        self.left_out = 0
        self._copy_limit = copy_limit
        self._before_clip: tuple[list[int], list[Part]] | None = None
        self._stamps: list[tuple[Tensor, int, int]] = []
        self._before: _Before | None = None
        self._wrote_finite = False
        self.bind(parameters, names)

    def bind(self, parameters: Sequence[Tensor], names: Sequence[str]) -> None:
        """Read these parameters from now on."""
        self.parameters = list(parameters)
        on_device = (p for p in parameters if not p.is_cpu)
        self._device_s = sum(p.numel() * p.element_size() for p in on_device) / _DEVICE_BYTES_PER_S
        self._stamped = [self.parameters[i] for i in {0, len(self.parameters) - 1} if parameters]
        self.spell(names, "")

    def spell(self, names: Sequence[str], owner: str) -> None:
        """Call the parameters so, and the totals after their `owner`, if there is more than one."""
        between = f"/{owner}/" if owner else "/"
        self.names = list(names)
        self._key_total = f"grad_norm{between}total"
        self._key_preclip = f"grad_norm{between}preclip"
        self._key_weight = f"weight_norm{between}total"
        self._key_ratio = f"update_ratio{between}total"
        self._grad_keys = [f"grad_norm/{name}" for name in names]
        self._preclip_keys = [f"grad_norm/preclip/{name}" for name in names]
        self._weight_keys = [f"weight_norm/{name}" for name in names]
        self._ratio_keys = [f"update_ratio/{name}" for name in names]

    @property
    def keys(self) -> list[str]:
        """All keys that it writes to, the same in number and order whatever they are called."""
        totals = [self._key_total, self._key_preclip, self._key_weight, self._key_ratio]
        return totals + self._grad_keys + self._preclip_keys + self._weight_keys + self._ratio_keys

    # Gradients

    def accumulated(self, factor: Any = None) -> None:
        """Right after a backward pass: what the gradients are before anyone clips them.

        `factor` times the gradients is what the loss's own gradients are (a scaler's 1 / scale).
        """
        plan = self.plan
        self._before_clip = None
        if not self.clips:
            self._stamps = [
                (parameter, id(grad), grad._version)
                for parameter in self._stamped
                if (grad := parameter.grad) is not None
            ]
            if plan.index >= _LOOK_FOR_CLIPPING:
                return
        if not plan.clipping_due():
            return
        began = time.perf_counter()
        grads = [parameter.grad for parameter in self.parameters]
        present = [index for index, grad in enumerate(grads) if grad is not None]
        if present:
            parts = norms([grad for grad in grads if grad is not None])
            self._before_clip = (present, parts if factor is None else scaled(parts, factor))
        plan.spent(plan.of_clipping, time.perf_counter() - began + self._device_s)

    def adopt(self, first: Reader) -> None:
        """Take over what `first` read before the owner of its parameters was known."""
        if first._before_clip is None:
            return
        present, parts = first._before_clip
        by_id: dict[int, Any] = {}
        for indices, values in parts:
            for position, value in zip(indices, values, strict=True):
                by_id[id(first.parameters[present[position]])] = value
        mine = [index for index, p in enumerate(self.parameters) if id(p) in by_id]
        if mine:
            found = [by_id[id(self.parameters[index])] for index in mine]
            self._before_clip = (mine, _regrouped(found))
        ids = {id(parameter) for parameter in self.parameters}
        self._stamps = [stamp for stamp in first._stamps if id(stamp[0]) in ids]

    def forget_clipping(self) -> None:
        """Let go of what `accumulated` has read."""
        self._before_clip, self._stamps, self.clips = None, [], False

    def read_gradients(
        self,
        sink: Sink,
        step: int,
        grads: Sequence[Tensor | None] | None = None,
        factor: Any = None,
    ) -> None:
        """At the step: what the optimizer sees, times `factor`; `grads` if kept elsewhere."""
        plan = self.plan
        if not self.clips:
            for parameter, identity, version in self._stamps:
                grad = parameter.grad
                if grad is not None and (id(grad) != identity or grad._version != version):
                    self.clips = True
            self._stamps = []
        before, self._before_clip = self._before_clip, None
        if not (plan.gradients or plan.each_gradient):
            return
        began = time.perf_counter()
        if grads is None:
            grads = [parameter.grad for parameter in self.parameters]
        there = [grad for grad in grads if grad is not None]
        if not there:
            return
        parts = norms(there)
        if factor is not None:
            parts = scaled(parts, factor)
        overall = total(parts)
        sink.put(self._key_total, overall, step)
        self._put_nonfinite(sink, step, overall, parts)
        if before is not None:
            self._put_preclip(sink, step, overall, before)
        if plan.gradients:
            plan.spent(plan.of_gradients, time.perf_counter() - began + self._device_s)
        else:  # the user's --every asked for this one
            plan.of_gradients.taken += 1
        if plan.each_gradient:
            began = time.perf_counter()
            keys = self._grad_keys
            if len(there) < len(grads):
                keys = [k for k, grad in zip(keys, grads, strict=True) if grad is not None]
            sink.extend(keys, parts, step)
            cost_s = time.perf_counter() - began + len(keys) * _RECORD_S
            plan.spent(plan.of_each_gradient, cost_s, len(keys))

    def _put_preclip(
        self, sink: Sink, step: int, overall: Any, before: tuple[list[int], list[Part]]
    ) -> None:
        present, parts = before
        unclipped = total(parts)
        if isinstance(overall, float) and isinstance(unclipped, float):
            # written through .data, which no version counter sees
            self.clips |= abs(unclipped - overall) > 1e-5 * abs(unclipped)
        if self.clips:
            sink.put(self._key_preclip, unclipped, step)
            self.plan.of_clipping.records += 1
            if self.plan.each_gradient:
                sink.extend([self._preclip_keys[index] for index in present], parts, step)
                self.plan.of_each_gradient.records += len(present)

    def _put_nonfinite(self, sink: Sink, step: int, overall: Any, parts: Sequence[Part]) -> None:
        if isinstance(overall, float) and math.isfinite(overall):
            if not self._wrote_finite:
                self._wrote_finite = True
                sink.put("nonfinite/grad", 0.0, step)
            return
        self._wrote_finite = True
        sink.put("nonfinite/grad", nonfinite(parts), step)

    # Weights

    def before_update(self) -> None:
        """Before the weights change: their norms, and a copy to compare them with."""
        import torch

        plan = self.plan
        self._before = None
        if not (plan.weights or plan.each_weight):
            return
        began = time.perf_counter()
        moving = [index for index, p in enumerate(self.parameters) if p.requires_grad]
        room = self._copy_limit
        copied: list[int] = []
        copies: list[Tensor] = []
        with torch.no_grad():
            for index in moving:
                parameter = _local(self.parameters[index])
                room -= parameter.numel()
                if room < 0:
                    break
                copied.append(index)
                copies.append(parameter.detach().clone())
            rest = moving[len(copied) :]
            others = norms([self.parameters[index] for index in rest])
            weights = norms(copies)
        self.left_out = len(rest)
        cost_s = time.perf_counter() - began
        self._before = _Before(copied, copies, weights, rest, others, cost_s)

    @property
    def waits(self) -> bool:
        """Whether a copy of the weights waits for `after_update`."""
        return self._before is not None

    def forget(self) -> None:
        """Let go of the copy of the weights."""
        self._before = None

    def after_update(
        self, sink: Sink, step: int, parameters: Sequence[Tensor] | None = None
    ) -> None:
        """After they changed: how far each moved, in units of its norm before.

        `parameters`: the tensors that took the place of the old ones, where they were replaced.
        """
        import torch

        before, self._before = self._before, None
        if before is None:
            return
        plan = self.plan
        began = time.perf_counter()
        now = self.parameters if parameters is None else parameters
        overall = total(before.weights + before.others)
        with torch.no_grad():
            after = [_local(now[index]).detach() for index in before.copied]
            if after:
                torch._foreach_sub_(before.copies, after)
        moved = norms(before.copies)
        sink.put(self._key_weight, overall, step)
        if not before.rest:
            sink.put(self._key_ratio, ratio(total(moved), overall), step)
        records = 0
        if plan.each_weight:
            copied, rest = before.copied, before.rest
            sink.extend([self._weight_keys[i] for i in copied], before.weights, step)
            sink.extend([self._weight_keys[i] for i in rest], before.others, step)
            sink.extend([self._ratio_keys[i] for i in copied], ratios(moved, before.weights), step)
            records = 2 * len(copied) + len(rest)
        if plan.weights:
            cost_s = before.cost_s + time.perf_counter() - began + 6.0 * self._device_s
            plan.spent(plan.of_weights, cost_s + records * _RECORD_S, records)


class _Before(NamedTuple):
    """The weights as they were: which were copied, and the norms of all."""

    copied: list[int]
    copies: list[Tensor]
    weights: list[Part]
    rest: list[int]
    others: list[Part]
    cost_s: float


def _local(parameter: Tensor) -> Tensor:
    """The shard on this rank of a distributed tensor; else the tensor itself."""
    local: Tensor | None = getattr(parameter, "_local_tensor", None)
    return parameter if local is None else local


def _regrouped(values: list[Any]) -> list[Part]:
    """Single norms, put together again as `norms.norms` returns them."""
    import torch

    floats = [index for index, value in enumerate(values) if isinstance(value, float)]
    parts: list[Part] = []
    if floats:
        parts.append((floats, [values[index] for index in floats]))
    devices: dict[Any, list[int]] = {}
    for index, value in enumerate(values):
        if not isinstance(value, float):
            devices.setdefault(value.device, []).append(index)
    for indices in devices.values():
        parts.append((indices, torch.stack([values[index] for index in indices])))
    return parts
