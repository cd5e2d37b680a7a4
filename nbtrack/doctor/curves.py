"""From the series of a run to findings: pure functions of its curves.

The causes of a loss that is not finite are told apart by what came before it: weights that were
torn away by their own updates, or a loss that broke while the weights were sound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

from nbtrack.records import Finding

Curves = Mapping[str, Sequence[tuple[int, float]]]

KEYS = ("loss", "lr/group0", "update_ratio/total", "grad_norm/total", "weight_norm/total")
_MIN_STEPS = 10
_LARGE = 0.1  # an update of a tenth of the weights, step after step


def bad_lr(curves: Curves) -> Finding | None:
    """A learning rate with which the loss goes up, or does not move."""
    loss = [value for _, value in curves.get("loss", ())]
    ratio = [value for _, value in curves.get("update_ratio/total", ()) if math.isfinite(value)]
    if len(loss) < _MIN_STEPS or len(ratio) < 3 or _is_range_test(curves):
        return None
    rate = next((value for _, value in curves.get("lr/group0", ())), None)
    said = "" if rate is None else f" at a learning rate of {rate:.3g}"
    bad = next((i for i, value in enumerate(loss) if not math.isfinite(value)), len(loss))
    sound = loss[:bad]
    usual = median(ratio)
    if sound and min(sound) >= 0 and _has_risen(sound, bad < len(loss)) and usual > _LARGE:
        return Finding(
            code="bad_lr",
            severity="error",
            origin="optimizer",
            title="The learning rate is too high",
            sentence=f"The loss goes from {sound[0]:.3g} up to {max(sound):.3g}{said}, and a "
            f"typical update moves the weights by {100 * usual:.0f} % of their size.",
            advice="divide the learning rate by 10",
            first_step=0,
            evidence={"update_ratio": usual, "first_loss": sound[0], "largest_loss": max(sound)},
            keys=("loss", "update_ratio/total"),
        )
    return _too_low(curves, loss, ratio, said) if bad == len(loss) else None


def _too_low(
    curves: Curves, loss: Sequence[float], ratio: Sequence[float], said: str
) -> Finding | None:
    if len(loss) < 30:
        return None
    tenth = max(3, len(loss) // 10)
    first, last = median(loss[:tenth]), median(loss[-tenth:])
    moved = median(ratio) * len(loss)
    slope = [
        grad * weight / abs(value)
        for (_, grad), (_, weight), value in zip(
            curves.get("grad_norm/total", ()), curves.get("weight_norm/total", ()), loss,
            strict=False,
        )
        if value
    ]  # fmt: skip
    still = first > 0 and abs(last - first) < 0.01 * first
    if not still or moved > 2e-3 or not slope or median(slope) < 0.05:
        return None
    return Finding(
        code="bad_lr",
        severity="warning",
        origin="optimizer",
        title="The learning rate is too low",
        sentence=f"In {len(loss):,} steps{said} the weights have moved by "
        f"{100 * moved:.2g} % of their size, and the loss from {first:.4g} to {last:.4g}.",
        advice="multiply the learning rate by 10, or by 100",
        first_step=0,
        evidence={"moved": moved, "first_loss": first, "last_loss": last},
        keys=("loss", "update_ratio/total"),
    )


def numerical_instability(curves: Curves) -> Finding | None:
    """A loss that is not finite, with weights that were sound until then."""
    loss = curves.get("loss", ())
    bad = next((i for i, (_, value) in enumerate(loss) if not math.isfinite(value)), None)
    if bad is None:
        return None
    step, value = loss[bad]
    before = [value for _, value in loss[:bad]]
    ratio = [r for s, r in curves.get("update_ratio/total", ()) if s < step - 1]
    if before and _has_risen(before, True) and ratio and median(ratio) > _LARGE:
        return None  # the rate is the cause
    grads = [g for s, g in curves.get("grad_norm/total", ()) if s < step and math.isfinite(g)]
    if len(grads) >= 3 and max(grads[-3:]) > 100 * median(grads):
        return None
    shown = "infinite" if math.isinf(value) else "NaN"
    return Finding(
        code="numerical_instability",
        severity="error",
        origin="loss",
        title=f"The loss is {shown} from step {step:,} on",
        sentence=f"The loss is {shown} at step {step:,}"
        + (f", after {before[-1]:.3g} at the step before" if before else "")
        + "; the weights had not grown until then.",
        advice="look for log(0), sqrt(0), a division by zero or an overflow of exp in the loss; "
        "torch.autograd.set_detect_anomaly(True) names the operation",
        first_step=step,
        evidence={"step": step},
        keys=("loss",),
    )


def _has_risen(loss: Sequence[float], breaks: bool) -> bool:
    """Whether a loss has grown for good: threefold at its end, or tenfold before it broke."""
    if breaks:
        return max(loss) > 10 * max(loss[0], 1e-12)
    last = median(loss[-max(3, len(loss) // 5) :])
    return last > 3 * max(median(loss[:3]), 1e-12)


def _is_range_test(curves: Curves) -> bool:
    """Whether the rate is driven up through the run, to see where the loss breaks."""
    rates = [value for _, value in curves.get("lr/group0", ())]
    if len(rates) < 5 or rates[0] <= 0:
        return False
    rising = sum(b > a for a, b in pairwise(rates))
    return rates[-1] >= 10 * rates[0] and rising > 0.8 * (len(rates) - 1)


ALL = (bad_lr, numerical_instability)
