"""Which step a point belongs to."""


def steps(points, writer):
    return [(step, key) for step, key, _ in points(writer)]


def test_steps_that_repeat_or_go_back_are_all_kept_in_order(writer, points):
    for step in (5, 5, 3, 10, 0):
        writer.log({"x": step}, step)
    assert steps(points, writer) == [(5, "x"), (5, "x"), (3, "x"), (10, "x"), (0, "x")]


def test_without_a_step_a_key_that_comes_again_begins_the_next_one(writer, points):
    writer.log({"loss": 1})
    writer.log({"acc": 1})  # another key: still step 0
    writer.log({"loss": 2})
    writer.log({"loss": 3, "acc": 3})
    writer.log({"lr": 1})
    expected = [(0, "loss"), (0, "acc"), (1, "loss"), (2, "loss"), (2, "acc"), (2, "lr")]
    assert steps(points, writer) == expected


def test_an_explicit_step_is_where_implicit_ones_go_on(writer, points):
    writer.log({"a": 1}, step=10)
    writer.log({"b": 1})  # belongs to 10 as well
    writer.log({"a": 2})
    writer.log({"c": 1}, step=2)
    writer.log({"a": 3})
    assert steps(points, writer) == [(10, "a"), (10, "b"), (11, "a"), (2, "c"), (2, "a")]


def test_the_same_explicit_step_twice_remembers_both_calls(writer, points):
    writer.log({"a": 1}, step=5)
    writer.log({"b": 1}, step=5)
    writer.log({"a": 2})
    assert steps(points, writer)[-1] == (6, "a")


def test_automatic_readings_do_not_move_the_implicit_step(writer, points):
    writer.log({"a": 1})
    writer.emit(["a"], [1.0], 50, writer.now())
    writer.log({"a": 2})
    assert [(s, k) for s, k in steps(points, writer) if k == "a"] == [(0, "a"), (1, "a")]


def test_a_call_with_a_refused_value_counts_as_one_step_like_any_other(writer, points):
    for _ in range(2):
        try:
            writer.log({"a": 1, "bad": "x"})
        except TypeError:
            pass
    assert steps(points, writer) == [(0, "a"), (1, "a")]


def test_both_ways_through_log_count_steps_alike(start, points):
    import numpy as np

    plain, nested = start(), start()
    for i in range(4):
        plain.log({"a": i})
        nested.log({"a": np.array(i)})  # never takes the fast way
    assert steps(points, plain) == steps(points, nested) == [(i, "a") for i in range(4)]
