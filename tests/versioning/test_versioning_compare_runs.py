"""Two runs held against each other, point by point."""

from __future__ import annotations

import math

import pytest

from nbtrack.records import RunInfo
from nbtrack.store import Store
from nbtrack.versioning.repeating.compare_runs import compare_points, compare_variables, is_close


@pytest.fixture
def make_run(tmp_path):
    """A finished run with these series: key to list of values, or of (step, value)."""
    store = Store(tmp_path / "store")

    def make(series, auto=()):
        writer = store.start(RunInfo(id=store.new_id(), name="run", started_s=1.0))
        for key, values in series.items():
            for number, value in enumerate(values):
                step, value = value if isinstance(value, tuple) else (number, value)
                if key in auto:
                    writer.emit((key,), [value], step, writer.now())
                else:
                    writer.log({key: value}, step)
        writer.finish()
        return store.get(writer.info.id)

    return make


def compared(a, b, **more):
    return {each.key: each for each in compare_points(a, b, **more)}


def test_equal_runs_differ_nowhere(make_run):
    values = {"loss": [1.0, 0.5, math.nan, math.inf], "val/acc": [(3, 0.1), (3, 0.2)]}
    found = compared(make_run(values), make_run(values))
    assert [(each.num_points, each.first, each.largest) for each in found.values()] == [
        (4, None, 0.0),
        (2, None, 0.0),
    ]


def test_the_first_step_and_size_of_a_difference(make_run):
    found = compared(make_run({"loss": [4.0, 2.0, 1.0]}), make_run({"loss": [4.0, 3.0, 1.5]}))
    first = found["loss"].first
    assert (first.step, first.recorded, first.again, first.size) == (1, 2.0, 3.0, 1.0)
    assert found["loss"].largest == pytest.approx(1 / 3)  # 1 of 3, 0.5 of 1.5


def test_a_difference_in_the_last_bit_is_found_and_close(make_run):
    found = compared(make_run({"loss": [1.0]}), make_run({"loss": [math.nextafter(1.0, 2.0)]}))
    assert found["loss"].first is not None
    assert is_close(found["loss"])
    far = compared(make_run({"loss": [1.0]}), make_run({"loss": [1.001]}))
    assert not is_close(far["loss"])


def test_a_value_that_stopped_being_a_number_is_not_close(make_run):
    found = compared(make_run({"loss": [1.0, 2.0]}), make_run({"loss": [1.0, math.nan]}))
    assert found["loss"].first.step == 1
    assert not is_close(found["loss"])


def test_a_point_that_is_missing_is_a_difference(make_run):
    longer, shorter = make_run({"loss": [1.0, 2.0]}), make_run({"loss": [1.0]})
    assert compared(longer, shorter)["loss"].first.step == 1
    assert compared(shorter, longer)["loss"].first.again == 2.0
    assert compared(longer, make_run({"other": [1.0]}))["loss"].num_points == 0
    assert compared(longer, make_run({"other": [1.0]}))["loss"].first is not None


def test_steps_that_repeat_are_compared_in_their_order(make_run):
    a = make_run({"loss": [(0, 1.0), (0, 2.0), (1, 3.0)]})
    b = make_run({"loss": [(0, 1.0), (0, 9.0), (1, 3.0)]})
    first = compared(a, b)["loss"].first
    assert (first.step, first.recorded, first.again) == (0, 2.0, 9.0)


def test_thinned_readings_are_compared_where_both_have_them(make_run):
    a = make_run({"grad_norm/w": [(0, 1.0), (4, 2.0)]}, auto=["grad_norm/w"])
    b = make_run({"grad_norm/w": [(0, 1.0), (7, 3.0)]}, auto=["grad_norm/w"])
    assert compared(a, b)["grad_norm/w"].first is None
    c = make_run({"grad_norm/w": [(0, 5.0)]}, auto=["grad_norm/w"])
    assert compared(a, c)["grad_norm/w"].first.step == 0


def test_readings_of_the_clock_and_the_machine_are_left_out(make_run):
    a = make_run({"system/cpu_pct": [1.0], "throughput/steps_per_s": [2.0], "var/took": [3.0]})
    b = make_run({"system/cpu_pct": [9.0], "throughput/steps_per_s": [8.0], "var/took": [7.0]})
    assert set(compared(a, b)) == {"var/took"}
    assert compared(a, b, clock={"took"}) == {}


def test_a_printed_time_is_of_the_clock_and_a_printed_loss_is_not(make_run):
    a = make_run({"out/elapsed": [1.0], "out/val_loss": [1.0]})
    b = make_run({"out/elapsed": [2.0], "out/val_loss": [1.0]})
    assert set(compared(a, b)) == {"out/val_loss"}


def test_a_repetition_that_was_stopped_is_compared_as_far_as_it_went(make_run):
    whole = make_run({"loss": [3.0, 2.0, 1.0], "late": [(2, 1.0)]})
    part = make_run({"loss": [3.0, 2.0]})
    assert all(each.first is None for each in compare_points(whole, part, stopped_at=1))
    assert any(each.first is not None for each in compare_points(whole, part))


def test_variables_are_compared_by_value():
    recorded = {"a": 1, "b": math.nan, "took": 3}
    assert compare_variables(recorded, {"a": 1, "b": math.nan, "took": 4}, {"took"}) == []
    (found,) = compare_variables(recorded, {"a": 2, "b": math.nan, "took": 3})
    assert (found.name, found.recorded, found.again) == ("a", 1, 2)
