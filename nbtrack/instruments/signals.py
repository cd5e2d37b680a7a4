"""From the events in torch to the signals of a training: steps, loss, rates and norms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbtrack.instruments.amp import Scaling
from nbtrack.instruments.frames import calling_frame
from nbtrack.instruments.guard import Guard
from nbtrack.instruments.listener import BackwardCall
from nbtrack.instruments.losses import LossSources, NonfiniteLosses, loss_value
from nbtrack.instruments.manual import ManualLoop, held_by_an_optimizer, leaves_of
from nbtrack.instruments.names import find_objects, name_parameters
from nbtrack.instruments.optimizers import Entry, Optimizers
from nbtrack.instruments.plan import Plan
from nbtrack.instruments.points import Points
from nbtrack.instruments.sites import Site, Sites
from nbtrack.instruments.steps import Steps

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_BY_HAND = 0  # who steps in a loop without optimizer; never the id of an object


class Signals:
    """Loss, steps, learning rates and norms of one run.

    Parameters
    ----------
    points : Points
        Where the signals go.
    clock : callable
        The run's time in seconds.
    guard : Guard
        Each reading runs in it.
    plan : callable
        Makes the schedules for one more set of parameters.
    namespace : callable
        The notebook's names.
    event : callable
        Takes a sentence about the run.

    Attributes
    ----------
    steps : Steps
    optimizers : Optimizers
    last : Site or None
        Where the last backward pass was called, if nobody stepped since.
    """

    def __init__(
        self,
        points: Points,
        clock: Callable[[], float],
        guard: Guard,
        plan: Callable[[], Plan],
        namespace: Callable[[], Mapping[str, Any]],
        event: Callable[[str], None],
        first_step: int = 0,
    ) -> None:
        self.steps = Steps(first_step)
        self.optimizers = Optimizers(points, clock, plan, namespace, event)
        self._sites = Sites()
        self._points = points
        self._clock = clock
        self._guard = guard
        self._namespace = namespace
        self._sources = LossSources(points.put_at, clock)
        self._nonfinite = NonfiniteLosses()
        self._scaling = Scaling()
        self._manual = ManualLoop(plan(), self._names)
        self.last: Site | None = None
        # Of its graph and with their versions, while it is not known who steps
        self._last_leaves: list[tuple[Tensor, int]] = []
        self._rest_due = False

    # Backward passes

    def settle(self, call: BackwardCall | None) -> bool:
        """Before a backward pass (None: at the end), see what the last one was.

        Returns
        -------
        bool
            True when a step taken by hand is complete now.
        """
        last = self.last
        if last is None or (last.manual is False and call is not None):
            return False
        if call is not None and not self._counts(call):
            return False
        if last.manual is None:
            self._decide(last)
        if not last.manual:
            return False
        self.last = None
        self._guard("gradients", self._manual.finish, self._points, call)
        self._sources.owned("")
        self.steps.end(_BY_HAND)
        self._points.end_step()
        return True

    def _decide(self, last: Site) -> None:
        import torch

        leaves, self._last_leaves = self._last_leaves, []
        if any(leaf._version != version for leaf, version in leaves):
            # Moved, and no optimizer told us: by hand, or by a step compiled into a graph.
            last.manual = True
        else:
            in_sight = find_objects(torch.optim.Optimizer, calling_frame(), self._namespace())
            held = held_by_an_optimizer([leaf for leaf, _ in leaves], in_sight)
            last.manual = not held
        if last.manual:
            self._manual.accept()
        else:
            self._manual.drop()

    def _counts(self, call: BackwardCall) -> bool:
        """Whether this is a loss: not a gradient taken as a part of something larger."""
        if not call.returns:
            return True
        if call.create_graph or len(call.roots) != 1:
            return False
        if getattr(call.roots[0], "numel", lambda: 0)() != 1:
            return False
        for leaf in call.inputs:
            if not (getattr(leaf, "is_leaf", False) and leaf.requires_grad):
                return False
        return self.optimizers.none_yet or self.optimizers.own_any(call.inputs)

    def backward(self, call: BackwardCall) -> None:
        """Before a backward pass: its step, and the loss."""
        if call.returns and not self._counts(call):
            return
        if self.optimizers.inside is not None:
            self.optimizers.is_inside()  # else its step has raised, and is over
        steps = self.steps
        steps.backward()
        root = call.roots[0]
        value: Any = None
        try:
            if self._scaling.active:
                value, root = self._unscaled(call)
            else:
                value = loss_value(call.roots, call.gradients)
            bad = None if value is None else self._nonfinite.count(value)
        except Exception as error:
            self._guard.fail("loss", error)
        several, site = self.last is not None, self._sites.here(root)
        if site.manual is False and self._manual.reader is None and not self.optimizers.look_next:
            self.last = site  # `backward_done` would do no more
        else:
            call.note = site
        if value is None or "loss" in self._guard.off:
            return
        points, step = self._points, steps.step
        if several:
            points.flush()  # one of several passes of a step: it may be long until that ends
        points.put("loss", value, step)
        if bad is not None:
            points.put("nonfinite/loss", bad, step)
        only = self._sources.only
        if only is None or only[0] != site.variable:
            self._sources.add(site.variable, value, step)

    def _unscaled(self, call: BackwardCall) -> tuple[Any, Any]:
        """The loss before a scaler multiplied it, and the user's own object for it."""
        scale = self._scaling.scale_of_backward()
        if scale is not None:
            call.factor = 1.0 / scale
        known = self._scaling.unscaled(call.roots[0])
        if known is not None and len(call.roots) == 1:
            return loss_value([known[0]], call.gradients), known[1]
        value = loss_value(call.roots, call.gradients)
        if value is not None and call.factor is not None:
            value = value * call.factor  # made from a scaled loss, as by scale(loss) / n
        return value, call.roots[0]

    def backward_done(self, call: BackwardCall, result: Any) -> None:
        """After a backward pass: the gradients before anyone changes them."""
        site: Site = call.note
        if site.manual is not False:
            if self.optimizers.inside is not None:
                site.manual = False
            else:
                self._done_perhaps_by_hand(site, call, result)
        if self._manual.reader is not None and not site.manual:
            self._manual.reader.accumulated(call.factor)  # for an optimizer yet to be met
        self.optimizers.accumulated(call.factor)
        self.last = site

    def _done_perhaps_by_hand(self, site: Site, call: BackwardCall, result: Any) -> None:
        self._manual.done(call, result, self.steps.step, self._clock())
        if site.manual is None:
            self._last_leaves = [(leaf, leaf._version) for leaf in leaves_of(call)]
        self._points.flush()  # no optimizer will say that the step is over

    def _names(self, parameters: Sequence[Tensor]) -> list[str]:
        named = name_parameters(parameters, calling_frame(), self._namespace())
        return named.names if len(set(named.roots)) <= 1 else named.full_names

    # Optimizer steps

    def step(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        """Before an optimizer's step."""
        if self._scaling.active:
            self._scaling.stepping(optimizer)
        if self.optimizers.inside is not None and self.optimizers.is_nested(optimizer):
            return
        if self.last is not None:
            self._settle_for_optimizer()
        steps = self.steps
        steps.begin(id(optimizer))
        entry = self.optimizers.enter(optimizer, closure, steps.step)
        reader, plan = entry.reader, entry.reader.plan
        if self._manual.reader is not None:
            if entry.steps == 1:
                reader.adopt(self._manual.reader)
            self._manual.forget()
        if plan.due or self._scaling.active:
            if not closure:
                self._guard("gradients", self._read_gradients, entry, optimizer)
            if plan.weights or plan.each_weight:
                self._guard("weights", reader.before_update)

    def _settle_for_optimizer(self) -> None:
        last, self.last = self.last, None
        if last is not None and last.manual is not False:
            last.manual = False
            self._last_leaves = []
            self._manual.drop()

    def _read_gradients(self, entry: Entry, optimizer: torch.optim.Optimizer) -> None:
        factor = None
        if self._scaling.active:
            factor, entry.skips = self._scaling.read_fused(optimizer)
        entry.reader.read_gradients(entry.sink, self.steps.step, None, factor)

    def step_done(self, optimizer: torch.optim.Optimizer) -> None:
        """After an optimizer's step."""
        entry = self.optimizers.leave(optimizer)
        if entry is None:
            return
        if self.last is not None:
            self._settle_for_optimizer()  # a closure's backward passes
        step = self.steps.step
        if entry.closure:
            self._guard("gradients", self._read_gradients, entry, optimizer)
        if entry.reader.waits:
            self._guard("weights", entry.reader.after_update, entry.sink, step)
        entry.read_rates(optimizer, step)
        only = self._sources.only
        if only is None or only[1] != entry.name:
            self._sources.owned(entry.name)
        self._points.end_step()
        self._rest_due |= self.steps.end(id(optimizer))

    def rest(self) -> bool:
        """Whether a step is complete, and now is a good moment to stop after it."""
        if self._scaling.unfinished or not self._rest_due:
            return False
        self._rest_due = False
        return True

    # Mixed precision

    def scaled(self, scaler: torch.amp.GradScaler, outputs: Any, result: Any) -> None:
        """After a scaler has scaled a loss."""
        self._scaling.scaled(scaler, outputs, result)

    def scaler_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Before a scaler lets an optimizer step, or not."""
        self._scaling.step(optimizer)

    def scaler_step_done(
        self, scaler: torch.amp.GradScaler, optimizer: torch.optim.Optimizer
    ) -> None:
        """After it. A skipped step counts: it is a pass of the loop that changed nothing."""
        skipped = self._scaling.step_done()
        if skipped:
            self._settle_for_optimizer()
            self.steps.begin(id(optimizer))
            entry = self.optimizers.enter(optimizer, False, self.steps.step)
            step = self.steps.step
            self._guard("gradients", entry.reader.read_gradients, entry.sink, step)
            self.optimizers.leave(optimizer)
            self._sources.owned(entry.name)
            self._rest_due |= self.steps.end(id(optimizer))
        skips = skipped or self.optimizers.entry(optimizer).skips
        self._scaling.read(scaler, skips, self._points, self.steps.step)
        self._points.end_step()

    def scaler_updated(self) -> None:
        """After ``scaler.update()``."""
        self._scaling.unfinished = False

    # The end

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        """The modules that were found to own the parameters, by variable."""
        return self.optimizers.modules

    def trained(self) -> dict[str, Any]:
        """Modules, living optimizers, and parameters that no module owns, by name."""
        by_hand = self._manual.reader
        loose = {} if by_hand is None else dict(zip(by_hand.names, by_hand.parameters, strict=True))
        return {**self.optimizers.trained(), **loose}

    def finish(self) -> None:
        """Settle and hand on everything that waited."""
        self.settle(None)
        self._sources.owned("")
        self.optimizers.flush()
        self._points.end_step()

    def release(self) -> None:
        """Let go of everything of the user's: a run outlives its models."""
        self.last, self._last_leaves = None, []
        self._manual.forget()
        self._scaling = Scaling()
        self.optimizers.release()
