"""Numbers as words; the same table is in frontend/test/numbers.test.js."""

import math

import pytest

from nbtrack.views.frames import averages
from nbtrack.views.words import ago, duration, shorten, sig, spark


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (0.5164, "0.516"),
        (0.0123, "0.0123"),
        (0.00104, "0.00104"),
        (0.001, "0.001"),
        (1.2e-3, "0.0012"),
        (3e-5, "3e-5"),
        (1.234e-4, "1.23e-4"),
        (26.84, "26.8"),
        (1240, "1,240"),
        (99999, "99,999"),
        (2.5e6, "2.5e6"),
        (-0.0632, "-0.0632"),
        (math.nan, "NaN"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (None, ""),
        (0.9996, "1.000"),
        (123.4, "123"),
        (999.6, "1,000"),
    ],
)
def test_a_number_has_three_digits(value, words):
    assert sig(value) == words


def test_lengths_of_time_are_short():
    assert [duration(s) for s in (0, 9, 192, 3599, 3900)] == [
        "0 s",
        "9 s",
        "3:12",
        "59:59",
        "1 h 05",
    ]
    assert [ago(s) for s in (5, 300, 7300, 90000)] == ["now", "5 min", "2 h", "1 d"]


def test_a_long_name_is_cut_in_the_middle_and_a_short_one_is_not():
    assert shorten("abcdefghij", 7) == "abc…hij"
    assert shorten("abcdefg", 7) == "abcdefg"
    assert len(shorten("x" * 99, 8)) == 8


def test_a_curve_of_block_characters_has_its_high_its_low_and_its_gap():
    assert spark([4.0, 1.0, math.nan, 2.5]) == "█▁ ▅"
    assert spark([]) == ""
    assert spark([math.nan]) == ""
    assert spark([1.0, 1.0]) == "▁▁"


def test_averages_are_means_of_equal_shares():
    import numpy as np

    values = np.array([1.0, 3.0, 5.0, np.nan, np.inf, np.nan])
    first, second, third = averages(values, 3)
    assert (first, second) == (2.0, 5.0)
    assert math.isnan(third)
    assert averages(values[:2], 8) == [1.0, 3.0]
    assert averages(values[:0], 8) == []
