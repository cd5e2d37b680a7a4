"""Names whose values come from a clock are told from those that do not."""

from __future__ import annotations

import pytest

from nbtrack.capture.clock import clock_names


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("begin = time.time()", {"begin"}),
        ("t = perf_counter()\nfor i in range(3):\n    took = perf_counter() - t", {"t", "took"}),
        ("a = b = datetime.now()", {"a", "b"}),
        ("times = []\ntimes.append(time.monotonic())", {"times"}),
        ("rate = n / (time.time() - begin)\nbegin = time.time()", {"rate", "begin"}),
        ("if (now := time.time()) > 3:\n    late = now", {"now", "late"}),
        ("time_step = 3\nelapsed = time_step * 2", set()),
        ("loss = model(x).mean()", set()),
        ("this is not Python", set()),
    ],
)
def test_names_that_a_clock_gives_are_found_and_others_left_alone(code, names):
    assert clock_names([code]) == names


def test_a_clock_is_followed_from_cell_to_cell():
    assert clock_names(["t0 = time.time()", "a = 1", "dt = time.time() - t0"]) == {"t0", "dt"}
