"""How sure a difference between groups of runs is: intervals, effect size, how many more runs.

Pure functions on lists of numbers. With few seeds a percentile bootstrap is too narrow, so
intervals are Welch's t; with more than two groups they are widened to hold for all pairs at once
(Games and Howell), which for two groups is Welch's t again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

MOST_MORE = 50  # seeds; a difference that needs more of them is none that matters
POWER = 0.8  # the chance with which so many seeds would show a difference of this size


@dataclass(frozen=True)
class Interval:
    """A difference of two means with its confidence interval.

    Attributes
    ----------
    mean, low, high : float
        ``low`` and ``high`` equal ``mean`` where nothing varies.
    df : float
        Degrees of freedom; infinite where nothing varies.
    level : float
        0.95: the chance that intervals made like this one hold the true difference.
    """

    mean: float
    low: float
    high: float
    df: float
    level: float = 0.95

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign of the difference is sure."""
        return self.low > 0 or self.high < 0


def mean_of(values: Sequence[float]) -> float:
    """The mean."""
    return math.fsum(values) / len(values)


def spread(values: Sequence[float]) -> float:
    """The standard deviation of the population they come from (n - 1); 0 for a single value."""
    if len(values) < 2:
        return 0.0
    mean = mean_of(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def welch(
    a: Sequence[float], b: Sequence[float], *, num_groups: int = 2, level: float = 0.95
) -> Interval:
    """The mean of `b` minus the mean of `a`, with Welch's confidence interval.

    Parameters
    ----------
    a, b : sequence of float
        Finite values, two or more each; equal spread is not assumed.
    num_groups : int
        Groups among which these two were picked: intervals hold for all of their pairs at once.
    level : float
        0 to 1.

    Returns
    -------
    Interval

    Raises
    ------
    ValueError
        If a group has fewer than two values.

    References
    ----------
    Welch, "The generalization of Student's problem ...", Biometrika 34 (1947), with the degrees of
    freedom of Satterthwaite. Games and Howell, "Pairwise multiple comparison procedures with
    unequal n's and/or variances", J. Educ. Stat. 1 (1976).

    Examples
    --------
    >>> found = welch([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    >>> found.mean, round(found.df, 1), round(found.high - found.mean, 3)
    (1.0, 4.0, 2.267)
    """
    _need_two(a, b)
    difference = mean_of(b) - mean_of(a)
    share_a, share_b = (spread(group) ** 2 / len(group) for group in (a, b))
    error = math.sqrt(share_a + share_b)
    if error <= _rounding(a, b):
        return Interval(difference, difference, difference, math.inf, level)
    df = _degrees(share_a, len(a), share_b, len(b))
    half = critical(df, num_groups, level) * error
    return Interval(difference, difference - half, difference + half, df, level)


def paired(
    a: Sequence[float], b: Sequence[float], *, num_groups: int = 2, level: float = 0.95
) -> Interval:
    """The mean of ``b - a`` seed by seed, with Student's interval for pairs.

    Parameters
    ----------
    a, b : sequence of float
        Of the same seeds, in the same order; two or more.
    num_groups : int
        Groups among which these two were picked; the level is shared among their pairs.

    Raises
    ------
    ValueError
        If there are fewer than two pairs, or not as many in one as in the other.
    """
    _need_two(a, b)
    if len(a) != len(b):
        raise ValueError(f"pairs need as many values in both groups; got {len(a)} and {len(b)}")
    differences = [late - early for early, late in zip(a, b, strict=True)]
    difference = mean_of(differences)
    error = spread(differences) / math.sqrt(len(differences))
    if error <= _rounding(a, b):
        return Interval(difference, difference, difference, math.inf, level)
    df = len(differences) - 1.0
    pairs = num_groups * (num_groups - 1) // 2
    half = critical(df, 2, 1 - (1 - level) / pairs) * error
    return Interval(difference, difference - half, difference + half, df, level)


def of_mean(values: Sequence[float], level: float = 0.95) -> Interval:
    """The mean of one group with Student's interval."""
    mean = mean_of(values)
    error = spread(values) / math.sqrt(len(values))
    if len(values) < 2 or error <= _rounding(values, values):
        return Interval(mean, mean, mean, math.inf, level)
    half = critical(len(values) - 1.0, 2, level) * error
    return Interval(mean, mean - half, mean + half, len(values) - 1.0, level)


@lru_cache(maxsize=1024)
def critical(df: float, num_groups: int = 2, level: float = 0.95) -> float:
    """How many standard errors wide half an interval is.

    Student's t for two groups; for more, the studentized range over the root of two, so that all
    pairs hold together (0.1 s each).
    """
    from scipy import stats

    if num_groups <= 2:
        return float(stats.t.ppf((1 + level) / 2, df))
    return float(stats.studentized_range.ppf(level, num_groups, df)) / math.sqrt(2)


def hedges_g(a: Sequence[float], b: Sequence[float]) -> float | None:
    """The difference of means in standard deviations, corrected for small samples.

    Returns
    -------
    float or None
        Positive where `b` is larger; None where nothing varies or a group has a single value.

    References
    ----------
    Hedges, "Distribution theory for Glass's estimator of effect size ...", J. Educ. Stat. 6 (1981).
    """
    n, m = len(a), len(b)
    if n < 2 or m < 2:
        return None
    pooled = math.sqrt(((n - 1) * spread(a) ** 2 + (m - 1) * spread(b) ** 2) / (n + m - 2))
    if pooled <= _rounding(a, b):
        return None
    return (mean_of(b) - mean_of(a)) / pooled * (1 - 3 / (4 * (n + m - 2) - 1))


def effect_words(g: float) -> str:
    """Cohen's words for the size of an effect."""
    size = abs(g)
    return next(
        (
            word
            for most, word in ((0.2, "negligible"), (0.5, "small"), (0.8, "medium"))
            if size < most
        ),
        "large",
    )


def more_needed(a: Sequence[float], b: Sequence[float], *, num_groups: int = 2) -> int | None:
    """About how many more values each group needs to show a difference of the size seen.

    Returns
    -------
    int or None
        At least 1; None where it is more than `MOST_MORE`, or the means are equal.

    Notes
    -----
    For a chance of 80 % that the interval excludes zero, if the difference and the spread seen are
    the true ones. Both are estimates from few runs: say "about".
    """
    difference = abs(mean_of(b) - mean_of(a))
    variances = spread(a) ** 2, spread(b) ** 2
    if difference == 0 or not any(variances):
        return None

    def is_enough(n: int) -> bool:
        shares = [variance / n for variance in variances]
        df = _degrees(shares[0], n, shares[1], n)
        need = critical(round(df, 1), num_groups) + _quantile(POWER, df)
        return difference >= need * math.sqrt(sum(shares))

    low, high = min(len(a), len(b)), max(len(a), len(b)) + MOST_MORE
    if not is_enough(high):
        return None
    while high - low > 1:  # enough at `high`, taken as not enough at `low`
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return max(1, high - min(len(a), len(b)))


def _quantile(p: float, df: float) -> float:
    from scipy import stats

    return float(stats.t.ppf(p, df))


def _degrees(share_a: float, n: int, share_b: float, m: int) -> float:
    total = share_a + share_b
    return float(total**2 / (share_a**2 / (n - 1) + share_b**2 / (m - 1)))


def _rounding(a: Sequence[float], b: Sequence[float]) -> float:
    """A spread that is no more than the rounding of its values."""
    return 1e-12 * max(map(abs, (*a, *b)), default=0.0)


def _need_two(a: Sequence[float], b: Sequence[float]) -> None:
    if min(len(a), len(b)) < 2:
        raise ValueError(
            f"an interval needs two or more values in each group; got {len(a)} and {len(b)}"
        )
