"""How often the gradients and weights of one set of parameters are read."""

from __future__ import annotations

from collections.abc import Callable

from nbtrack.instruments.budget import FIRST, LoopTime, Schedule


class Plan:
    """The schedules of one set of parameters.

    Together with the readings that are always taken they stay below 3 % of a loop of 10 ms steps
    and below 150 us of a step of 1 ms; `tests/benchmarks/bench_overhead.py` prints both. Some 20 ms
    at the start of a run are free of that, so that short runs are read in full.

    Parameters
    ----------
    loop : LoopTime
        Shared by all plans of a panel.
    every : int or None
        The user's wish for the series of single parameters: exactly the steps 0, N, 2 N ..., and
        no budget.
    changed : callable
        Told of each schedule whose interval changed.

    Attributes
    ----------
    index : int
        How many steps of these parameters were planned.
    gradients, each_gradient, weights, each_weight : bool
        What to read at the present step: the totals, and the single parameters.
    due : bool
        Whether any of these is read at the present step.
    next_due : bool
        Whether the gradients will be read at the next step.
    """

    def __init__(
        self, loop: LoopTime, every: int | None, changed: Callable[[Schedule], None]
    ) -> None:
        self.every = every
        self.index = 0
        self.gradients = self.each_gradient = self.weights = self.each_weight = self.due = False
        self._loop = loop
        self._changed = changed
        self._window = -1
        self.next_due = True
        self.of_gradients = Schedule("grad_norm/total", 0.004, 10e-6, 8e-3)
        self.of_each_gradient = Schedule("grad_norm/*", 0.0015, 6e-6, 4e-3)
        self.of_clipping = Schedule("grad_norm/preclip", 0.0012, 5e-6, 5e-3)
        self.of_weights = Schedule("weight_norm/*", 0.002, 2e-6, 6e-3)
        # Intervals are powers of two: at an index with one of these bits set, nothing is due.
        self._mask = 0

    def begin(self, step: int) -> bool:
        """Decide what to read at one more step; False for nothing."""
        index = self.index
        self.index = index + 1
        self.next_due = self.of_gradients.due(index + 1)
        if index & self._mask and index >= FIRST:
            self.gradients = self.each_gradient = self.weights = self.each_weight = False
            self.due = False
            return False
        self.gradients = self.of_gradients.due(index)
        self.weights = self.of_weights.due(index)
        if self.every is None:
            self.each_gradient = self.gradients and self.of_each_gradient.due(index)
            self.each_weight = self.weights
        else:
            # several optimizers take turns: each reads at its first step in each window of N
            window = step // self.every
            self.each_gradient = self.each_weight = window != self._window
            self._window = window
        self.due = self.gradients or self.weights or self.each_gradient
        return self.due

    def clipping_due(self) -> bool:
        """Whether to read, after a backward pass, what a clipping may change before the step."""
        return self.of_clipping.due(self.index)

    def spent(self, schedule: Schedule, cost_s: float, records: int = 0) -> None:
        """Note the cost of a reading that `schedule` asked for."""
        if schedule.spent(cost_s, self._loop.step_s, records):
            if self.every is None:
                self._mask = min(self.of_gradients.interval, self.of_weights.interval) - 1
            self._changed(schedule)

    def start_over(self) -> None:
        """Forget the steps seen: they were another plan's."""
        self.index = 0
        for schedule in self.schedules:
            schedule.taken = 0

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """All of them."""
        return (self.of_gradients, self.of_each_gradient, self.of_clipping, self.of_weights)

    def was_read(self, schedule: Schedule) -> bool:
        """Whether anything was written because of it; looking for clipping may find none."""
        return schedule.records > 0 if schedule is self.of_clipping else schedule.taken > 0

    def every_of(self, schedule: Schedule) -> int | None:
        """The user's N where it replaces the budget of this schedule."""
        return self.every if schedule in (self.of_each_gradient, self.of_weights) else None
