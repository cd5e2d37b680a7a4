"""Counting optimizer steps: what belongs to which step, with no knowledge of torch."""

from __future__ import annotations


class Steps:
    """The step that a backward pass, a reading or a logged point belongs to.

    A step begins with the first backward pass after an optimizer has stepped, so two optimizers
    that step on one backward pass share it, the two halves of a GAN do not, and all backward
    passes of an accumulation or of an LBFGS closure belong to the one step they end in. An
    optimizer that steps twice with no backward pass between advances too.

    Parameters
    ----------
    first : int
        Steps that were completed before, by the run that this one goes on with.

    Attributes
    ----------
    step : int
        From `first`; the step of the most recent backward pass or optimizer step.
    num_steps : int
        Completed steps.
    seen : bool
        Whether any backward pass or step happened yet.
    """

    def __init__(self, first: int = 0) -> None:
        self.step = first
        self.num_steps = first
        self.seen = False
        self._stepped: set[int] = set()
        self._usual = 1  # how many optimizers stepped on the last backward pass

    @property
    def is_between(self) -> bool:
        """Whether a step is complete, and no backward pass of the next one has begun."""
        return bool(self._stepped)

    def backward(self) -> None:
        """Note a backward pass about to run."""
        self.seen = True
        if self._stepped:
            self._advance()

    def begin(self, who: int) -> None:
        """Note that the optimizer `who` is about to step."""
        self.seen = True
        if who in self._stepped:
            self._advance()

    def end(self, who: int) -> bool:
        """Note that `who` has stepped; True when nobody else is expected to step on this one.

        How many optimizers share a step is learnt from the step before, so that a run is not
        stopped between two optimizers which belong together.
        """
        self._stepped.add(who)
        self.num_steps = self.step + 1
        return len(self._stepped) >= self._usual

    def _advance(self) -> None:
        self._usual = len(self._stepped)
        self._stepped.clear()
        self.step += 1
