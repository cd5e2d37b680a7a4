"""Intervals against scipy and by hand, and how often they hold."""

import math

import numpy as np
import pytest
from scipy import stats

from nbtrack.evaluate.statistics import (
    critical,
    effect_words,
    hedges_g,
    more_needed,
    of_mean,
    paired,
    welch,
)

A = [90.6, 91.4, 90.9, 91.5, 90.7]
B = [91.5, 92.2, 91.6, 92.1, 91.7]


@pytest.mark.parametrize(
    ("a", "b"), [(A, B), ([1.0, 2.0], [5.0, 9.0, 4.0, 4.5]), ([0.1, 0.2, 0.15], [3.0, 8.0])]
)
def test_welch_is_that_of_scipy(a, b):
    twin = stats.ttest_ind(b, a, equal_var=False)
    interval = twin.confidence_interval(0.95)
    found = welch(a, b)
    assert found.df == pytest.approx(twin.df)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_welch_by_hand():
    found = welch([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])  # both variances 1: error sqrt(2/3), df 4
    assert found.mean == pytest.approx(1.0)
    assert found.high - found.mean == pytest.approx(2.776445 * math.sqrt(2 / 3), rel=1e-6)
    assert not found.excludes_zero


def test_pairs_are_those_of_scipy_and_may_be_narrower_or_wider():
    twin = stats.ttest_rel(B, A).confidence_interval(0.95)
    found = paired(A, B)
    assert (found.low, found.high) == pytest.approx((twin.low, twin.high))
    mixed = [B[k] for k in (4, 2, 3, 0, 1)]
    assert paired(A, mixed).high - paired(A, mixed).low > found.high - found.low


def test_several_groups_widen_the_interval_as_games_and_howell_do():
    twin = stats.studentized_range.ppf(0.95, 4, 8.0) / math.sqrt(2)
    assert critical(8.0, 4) == pytest.approx(twin)
    assert critical(8.0, 2) == pytest.approx(stats.t.ppf(0.975, 8.0))
    # the studentized range of two is t itself
    assert stats.studentized_range.ppf(0.95, 2, 8.0) / math.sqrt(2) == pytest.approx(
        critical(8.0, 2), rel=1e-4
    )
    two, four = welch(A, B), welch(A, B, num_groups=4)
    assert four.high - four.low > two.high - two.low


def test_nothing_that_varies_gives_no_width():
    found = welch([0.5, 0.5], [0.7, 0.7, 0.7])
    assert (found.low, found.high) == (found.mean, found.mean) == pytest.approx((0.2, 0.2))
    assert hedges_g([0.5, 0.5], [0.7, 0.7]) is None


def test_one_value_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="two or more values in each group; got 1 and 5"):
        welch([1.0], B)
    with pytest.raises(ValueError, match="as many values"):
        paired(A, B[:3])


def test_effect_size_by_hand():
    # means 2 and 4, pooled deviation 1, correction 1 - 3 / (4 * 4 - 1)
    g = hedges_g([1.0, 2.0, 3.0], [3.0, 4.0, 5.0])
    assert g == pytest.approx(2 * (1 - 3 / 15))
    assert effect_words(g) == "large"
    assert effect_words(-0.1) == "negligible"


def test_more_seeds_needed_are_those_that_a_simulation_needs():
    rng = np.random.default_rng(1)
    a, b = [0.0, 1.0, 2.0], [0.8, 1.8, 2.8]  # deviation 1, difference 0.8
    n = 3 + more_needed(a, b)
    found = [
        stats.ttest_ind(rng.normal(0.8, 1, n), rng.normal(0, 1, n), equal_var=False).pvalue < 0.05
        for _ in range(600)
    ]
    assert 0.74 < np.mean(found) < 0.88  # 80 % was asked for


def test_too_small_a_difference_needs_more_than_anyone_runs():
    assert more_needed([0.0, 1.0, 2.0], [0.01, 1.01, 2.01]) is None
    assert more_needed([0.0, 1.0], [0.0, 1.0]) is None


@pytest.mark.parametrize(("n", "m", "spread"), [(3, 3, 1.0), (5, 5, 3.0), (3, 8, 2.0)])
def test_95_percent_of_the_intervals_hold_the_true_difference(n, m, spread):
    rng = np.random.default_rng(n * 100 + m)
    holds = []
    for _ in range(2000):
        found = welch(rng.normal(0, 1, n).tolist(), rng.normal(0.7, spread, m).tolist())
        holds.append(found.low <= 0.7 <= found.high)
    assert 0.935 < np.mean(holds) < 0.975  # a bootstrap of three is at 0.8


def test_of_several_equal_groups_some_pair_is_called_different_5_percent_of_the_time():
    rng = np.random.default_rng(5)
    half = stats.studentized_range.ppf(0.95, 3, 8.0) / math.sqrt(2)
    false = plain = 0
    for _ in range(1500):
        groups = rng.normal(0, 1, (3, 5))
        low, high = groups[groups.mean(1).argmin()], groups[groups.mean(1).argmax()]
        error = math.sqrt((low.var(ddof=1) + high.var(ddof=1)) / 5)
        false += (high.mean() - low.mean()) > half * error
        plain += (high.mean() - low.mean()) > critical(8.0) * error
    assert false / 1500 < 0.08
    assert plain / 1500 > 0.1  # what happens without the correction


def test_the_mean_of_one_group():
    found = of_mean([1.0, 2.0, 3.0])
    assert found.high - 2.0 == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
