"""Ranges and ticks of the axes of a static picture; the rules of ``frontend/src/scales.js``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nbtrack.views.words import count, sig


def linear_range(low: float, high: float, *, has_zero: bool = False) -> tuple[float, float]:
    """Low and high of a linear axis: from zero where zero is near, else with a little air."""
    if low == high:
        if low > 0:
            return (0.0, low * 1.25) if has_zero or low < 1 else (low * 0.9, low * 1.1)
        return (0.0, 1.0) if low == 0 else (low * 1.1, low * 0.9)
    air = (high - low) * 0.05
    from_zero = low >= 0 and (has_zero or low < 0.6 * high)
    return (0.0 if from_zero else low - air, high + air)


def log_range(low: float, high: float) -> tuple[float, float]:
    """Low and high of a logarithmic axis.

    Parameters
    ----------
    low, high : float
        Positive.
    """
    air = 10 ** max(0.06, math.log10(high / low) * 0.06)
    return low / air, high * air


def nice(step: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `step`."""
    base = 10.0 ** math.floor(math.log10(step))
    return next(m * base for m in (1, 2, 5, 10) if m * base >= step * (1 - 1e-9))


def linear_ticks(low: float, high: float, most: int, *, is_whole: bool = False) -> list[float]:
    """Evenly spaced round numbers within a range.

    Parameters
    ----------
    most : int
        Number of ticks at most, about.
    is_whole : bool
        Only whole numbers, as for steps.
    """
    step = nice(max((high - low) / max(most, 1), 1e-300))
    if is_whole:
        step = max(1.0, step)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Decades; where there are fewer than three, 1-2-5; else round numbers."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, math.ceil((last - first + 1) / most))
    inside = [
        10.0**e
        for e in range(math.ceil(first / every) * every, last + 1, every)
        if low <= 10.0**e <= high
    ]
    if len(inside) >= 3:
        return inside
    fine = [m * 10.0**e for e in range(first - 1, last + 1) for m in (1, 2, 5)]
    chosen = [value for value in fine if low <= value <= high]
    if len(chosen) < 2:
        return linear_ticks(low, high, 4)
    if len(chosen) <= most:
        return chosen
    return inside if len(inside) >= 2 else chosen[::2]


def tick_labels(ticks: Sequence[float], *, is_log: bool = False) -> list[str]:
    """Words for ticks; on a linear axis all with the same number of decimals."""
    if is_log and all(any(_is_power_of_ten(tick / m) for m in (1, 2, 5)) for tick in ticks):
        return [_power(tick) for tick in ticks]
    if not ticks:
        return []
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else abs(ticks[0]) or 1.0
    top = max(abs(tick) for tick in ticks)
    if 0 < top < 1e-2 or top >= 1e5:
        return ["0" if abs(tick) < step * 1e-6 else sig(tick, 2) for tick in ticks]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{tick:.{decimals}f}" if decimals else count(tick) for tick in ticks]


def _is_power_of_ten(value: float) -> bool:
    exponent = math.log10(value)
    return abs(exponent - round(exponent)) < 1e-6


def _power(tick: float) -> str:
    exponent = round(math.log10(tick))
    if not _is_power_of_ten(tick):
        return sig(tick, 1)
    return f"1e{exponent}" if not -2 <= exponent <= 3 else f"{tick:,.10g}"
