"""All instruments of one run, and the one guard around them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from nbtrack.instruments import hooks
from nbtrack.instruments.budget import LoopTime, Schedule, in_words
from nbtrack.instruments.epochs import Epochs
from nbtrack.instruments.evaluations import Evaluations
from nbtrack.instruments.guard import Guard, warn_plainly
from nbtrack.instruments.order import SampleOrder
from nbtrack.instruments.plan import Plan
from nbtrack.instruments.points import Emit, EmitAll, Points
from nbtrack.instruments.printed import PrintedLines
from nbtrack.instruments.reader import COPY_LIMIT
from nbtrack.instruments.scalars import Scalars, install
from nbtrack.instruments.signals import Signals
from nbtrack.instruments.stand_in import LossByName
from nbtrack.instruments.system import System
from nbtrack.instruments.throughput import InputSize, Throughput

if TYPE_CHECKING:
    import torch

    from nbtrack.instruments.listener import BackwardCall
    from nbtrack.instruments.observing.observer import Observer

_SYSTEM_EVERY = 2  # pulses, about two seconds


def _no_names() -> Mapping[str, Any]:
    return {}


def _say_nothing(sentence: str) -> None:
    pass


class Panel:
    """All instruments of one run.

    Parameters
    ----------
    emit : callable
        Takes keys, values, step and time. Values are floats, or one 1-d tensor on a device, not
        to be waited for in the loop. Called from the training's thread and from `pulse`'s.
    clock : callable
        The run's time in seconds.
    emit_all : callable, optional
        Takes a list of such arguments of `emit`, all floats, and does the same at less cost.
    every : int, optional
        Series of single parameters at the steps 0, N, 2 N ... in place of the time budget.
    watch : sequence of str, optional
        The only names of the cell whose values are kept; None for all.
    namespace : callable
        The notebook's names, to call parameters and optimizers as the user does.
    warn : callable
        Told when an instrument fails and is switched off.
    event : callable
        Told in a sentence when readings are thinned, and the like.
    first_step, first_epoch : int
        Steps completed and epochs begun before, by the run that this one goes on with.

    Attributes
    ----------
    step : int
        The step that a point logged now belongs to.
    num_steps : int
        Completed steps.
    on_step : callable or None
        Called with the step that is complete; may raise into the training.
    observer : Observer or None
        Told of backward passes and steps too, on behalf of a doctor.
    scalars : Scalars
        What is done with the values that names in the cell's loops are given.
    readings : dict of str to str
        How each group of readings was thinned, in words.
    """

    def __init__(
        self,
        emit: Emit,
        clock: Callable[[], float],
        *,
        emit_all: EmitAll | None = None,
        every: int | None = None,
        watch: Sequence[str] | None = None,
        namespace: Callable[[], Mapping[str, Any]] = _no_names,
        warn: Callable[[str], None] = warn_plainly,
        event: Callable[[str], None] = _say_nothing,
        first_step: int = 0,
        first_epoch: int = 0,
    ) -> None:
        self.running = False
        self.observer: Observer | None = None
        self.on_step: Callable[[int], None] | None = None
        self.readings: dict[str, str] = {}
        self._points = points = Points(emit, clock, emit_all)
        self._every = every
        self._event = event
        self._guard = Guard(warn)
        self._loop = LoopTime()
        self._plans: list[Plan] = []
        self._told: set[str] = set()
        self._signals = Signals(
            points, clock, self._guard, self._plan, namespace, event, first_step
        )
        self._epochs = Epochs(partial(points.mark, "mark/epoch"), clock, first_epoch)
        self._evaluations = Evaluations(
            lambda value: points.put("mark/eval", value, self.step),
            lambda: self._signals.modules.values(),
            lambda: self._signals.steps.num_steps,
            lambda: self._signals.steps.is_between,
        )
        self._throughput = Throughput()
        self._order = SampleOrder()
        self._input = InputSize(self._throughput.seen)
        self._stand_in = LossByName(points, clock)
        offer, own, guard = self._stand_in.offer, self._own_step, self._guard
        failed = partial(guard.fail, "scalars")
        self.scalars = Scalars("var", points, clock, own, offer, failed, watch)
        failed = partial(guard.fail, "printed")
        self._printed = PrintedLines(points, clock, own, offer, failed)
        self._system: System | None = None
        self._pulses = 0
        self._pulse_lock = threading.Lock()
        self._ended = False

    # What run.py asks

    @property
    def step(self) -> int:
        """The step that a point logged now belongs to."""
        return self._signals.steps.step

    @property
    def num_steps(self) -> int:
        """Completed steps."""
        return self._signals.steps.num_steps

    def trained(self) -> dict[str, Any]:
        """What was trained, by the user's names: modules, optimizers, tensors moved by hand.

        To be asked for before `stop`, which lets go of all of it.
        """
        return self._signals.trained()

    @property
    def order(self) -> dict[str, Any]:
        """The samples that went in, as digests of each batch and of their order.

        ``digests`` has 8 bytes a batch; empty where no DataLoader and no index was seen.
        """
        if not self._order.num_batches:
            return {}
        return {
            "digest": self._order.digest,
            "num_batches": self._order.num_batches,
            "num_samples": self._order.num_samples,
            "skipped": dict(self._order.skipped),
            "digests": self._order.digests(),
        }

    @property
    def expected(self) -> dict[str, int]:
        """``steps`` and ``epochs`` that there will be, as far as the loops tell."""
        return self._epochs.expected

    def _own_step(self) -> int | None:
        """The step, once there was a backward pass or a step."""
        return self._signals.steps.step if self._signals.steps.seen else None

    def start(self) -> None:
        """Listen from now on."""
        if self.running or self._ended:
            return
        self.running = True
        self._guard("system", self._start_system)
        install()
        hooks.attach(self)

    def stop(self) -> None:
        """Hand on everything that waits, and listen no more; torch is as it was before."""
        if not self.running:
            return
        self.running = False
        self._ended = True
        hooks.detach(self)
        self._guard("throughput", self._input.remove)
        self._guard("evaluations", self._evaluations.disarm)
        self._guard("steps", self._signals.finish)
        self._guard("scalars", self.scalars.finish)
        self._guard("printed", self._printed.finish)
        with self._pulse_lock:
            self._guard("throughput", self._read_throughput)
            self._guard("system", self._read_system)
            self._guard("emit", self._points.flush)
        self._say_how_thinned()
        self._guard("steps", self._signals.release)
        self._guard("epochs", self._epochs.release)

    def pulse(self) -> None:
        """About once a second, from a background thread: throughput and the machine."""
        if not self.running:
            return
        hooks.attach_late()
        with self._pulse_lock:
            self._guard("throughput", self._read_throughput)
            self._pulses += 1
            if self._pulses % _SYSTEM_EVERY == 0:
                self._guard("system", self._read_system)
            self._guard("emit", self._points.flush)
        self._say_how_thinned()

    def printed(self, text: str) -> None:
        """Text as the cell has just written it to stdout, in the thread that wrote it."""
        if self.running:
            self._guard("printed", self._printed.write, text)

    # What torch tells (`hooks.Listener`). Written out, with no call more than needed: a loop of
    # 1 ms steps goes through most of these at each.

    def before_backward(self, call: BackwardCall) -> None:
        """Before a backward pass; a step taken by hand may be complete."""
        if "steps" in self._guard.off:
            return
        signals = self._signals
        if not signals.steps.seen:
            self._guard("epochs", self._epochs.step, signals.steps.step, True)
        if signals.last is not None and self._guard("steps", signals.settle, call):
            self._step_over(signals.steps.num_steps)  # these frames are those of the next one
        try:
            signals.backward(call)
            self._throughput.backward()
            self._stand_in.stopped = True
            if self._evaluations.is_on:
                self._evaluations.end()
        except Exception as error:
            call.note = None
            self._guard.fail("steps", error)
        if self.observer is not None:
            self._guard("observer", self.observer.before_backward, call, self.step)

    def after_backward(self, call: BackwardCall, result: Any) -> None:
        """After it."""
        if "gradients" not in self._guard.off:
            try:
                self._signals.backward_done(call, result)
            except Exception as error:
                self._guard.fail("gradients", error)

    def before_step(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        """Before an optimizer's step."""
        if "steps" not in self._guard.off:
            try:
                self._signals.step(optimizer, closure)
            except Exception as error:
                self._guard.fail("steps", error)
        if self.observer is not None:
            self._guard("observer", self.observer.before_step, optimizer, closure, self.step)

    def after_step(self, optimizer: torch.optim.Optimizer) -> None:
        """After it."""
        if "steps" not in self._guard.off:
            try:
                self._signals.step_done(optimizer)
            except Exception as error:
                self._guard.fail("steps", error)
        if self.observer is not None:
            self._guard("observer", self.observer.after_step, optimizer)

    def after_scale(self, scaler: torch.amp.GradScaler, outputs: Any, result: Any) -> None:
        """After a scaler has scaled a loss."""
        self._guard("amp", self._signals.scaled, scaler, outputs, result)

    def before_scaler_step(
        self, scaler: torch.amp.GradScaler, optimizer: torch.optim.Optimizer
    ) -> None:
        """Before a scaler lets an optimizer step, or not."""
        self._guard("amp", self._signals.scaler_step, optimizer)

    def after_scaler_step(
        self, scaler: torch.amp.GradScaler, optimizer: torch.optim.Optimizer
    ) -> None:
        """After it."""
        self._guard("amp", self._signals.scaler_step_done, scaler, optimizer)

    def after_scaler_update(self, scaler: torch.amp.GradScaler) -> None:
        """After ``scaler.update()``: the scaler is in a state that the training can be left in."""
        self._guard("amp", self._signals.scaler_updated)

    def after_batch(self, waited_s: float, batch: Any, iterator: Any) -> None:
        """After a DataLoader's iterator gave a batch."""
        import torch

        if torch.is_grad_enabled():
            self._guard("epochs", self._epochs.batch, iterator)
        else:
            self._guard("evaluations", self._evaluations.batch)
        self._guard("throughput", self._throughput.batch, waited_s, batch)
        self._guard("order", self._order.batch, batch)

    def after_eval(self, module: torch.nn.Module) -> None:
        """After ``module.eval()``."""
        self._guard("evaluations", self._evaluations.eval_mode, module)

    def before_no_grad(self, context: Any) -> None:
        """Before gradients are put off."""
        if self._signals.steps.is_between:
            self._guard("evaluations", self._evaluations.entering, context)

    def after_no_grad(self, context: Any) -> None:
        """After that."""
        self._guard("evaluations", self._evaluations.leaving, context)

    def after_index(self, index: torch.Tensor) -> None:
        """A loop of the cell has chosen samples by these positions, a tensor of shape (B,)."""
        self._guard("order", self._order.index, index)

    def at_rest(self) -> None:
        """After a step; raises what `on_step` raises."""
        if "steps" not in self._guard.off and self._signals.rest():
            self._step_over(self._signals.steps.num_steps - 1)

    def _step_over(self, seen: int) -> None:
        """A step is complete; the frames that call are those of the step `seen`."""
        self._loop.tick(time.perf_counter())
        num_steps = self._signals.steps.num_steps
        self._guard("epochs", self._epochs.step, seen)
        if num_steps >= self._input.next and self._throughput.wants_input:
            self._guard("throughput", self._input.step, num_steps, self._signals.modules)
        if self.on_step is not None:
            self.on_step(num_steps - 1)

    # The parts

    def _start_system(self) -> None:
        self._system = System()
        self._read_system()

    def _read_system(self) -> None:
        if self._system is not None:
            self._put(self._system.read())

    def _read_throughput(self) -> None:
        self._put(self._throughput.read(self.num_steps))

    def _put(self, found: list[tuple[str, float]]) -> None:
        for key, value in found:
            self._points.put(key, value, self.step)

    def _plan(self) -> Plan:
        plan = Plan(self._loop, self._every, self._interval_changed)
        self._plans.append(plan)
        return plan

    def _interval_changed(self, schedule: Schedule) -> None:
        group = schedule.group
        self._points.put(f"every/{group}", float(schedule.interval), self.step)
        if group not in self._told:
            self._told.add(group)
            self._event(
                f"{group} is read every {schedule.interval:,} steps to stay within "
                f"{100 * schedule.share:.2g} % of the loop's time; the series every/{group} "
                "says how often"
            )

    def _say_how_thinned(self) -> None:
        readings: dict[str, str] = {}
        for position, first in enumerate(self._plans[0].schedules if self._plans else ()):
            used = [plan for plan in self._plans if plan.was_read(plan.schedules[position])]
            same = [plan.schedules[position] for plan in used]
            if used:
                readings[first.group] = in_words(
                    sum(schedule.taken for schedule in same),
                    sum(plan.index for plan in used),
                    first.share,
                    used[0].every_of(same[0]),
                    max(schedule.records for schedule in same),
                )
        left_out = self._signals.optimizers.left_out
        if left_out:
            readings["update_ratio/*"] = (
                f"without {left_out:,} parameters: no more than "
                f"{COPY_LIMIT >> 20} Mi elements are copied to compare them with"
            )
        readings.update(self.scalars.readings)
        readings.update(self._printed.readings)
        readings.update(self._evaluations.readings)
        self.readings = readings
