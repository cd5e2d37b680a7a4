"""Curves on a common x, code side by side, importance."""

import numpy as np
import pytest

from nbtrack.evaluate import compare
from nbtrack.evaluate.code import side_by_side
from nbtrack.evaluate.importance import importance
from nbtrack.evaluate.picture import draw
from nbtrack.views.shapes import Path


def test_between_points_of_another_run_there_is_a_straight_line_and_nothing_beyond(run, store):
    run([0.0, 10.0], {"lr": 1}, 0, key="loss", steps=[0, 10])
    run([1.0, 3.0], {"lr": 1}, 1, key="loss", steps=[5, 20])
    found = compare(store=store).overlay()
    (group,) = found["groups"]
    assert found["xs"] == [0, 5, 10, 20]
    assert group["n"] == [1, 2, 2, 1]
    assert group["mean"] == pytest.approx([0, (5 + 1) / 2, (10 + 5 / 3) / 2, 3], rel=1e-5)
    assert group["low"] == pytest.approx([0, 1, 5 / 3, 3], rel=1e-5)
    lines = {line["letter"]: line["y"] for line in found["runs"][::-1]}
    assert lines["A"] in ([0, 5, 10, None], pytest.approx([None, 1, 5 / 3, 3], rel=1e-4))


def test_a_gap_is_not_bridged(run, store):
    run([1.0, float("nan"), 3.0], {"lr": 1}, 0, key="loss", steps=[0, 10, 20])
    run([1.0, 1.0, 1.0, 1.0, 1.0], {"lr": 1}, 1, key="loss", steps=[0, 5, 10, 15, 20])
    (line,) = [y["y"] for y in compare(store=store).overlay()["runs"] if y["y"][2] is None]
    assert line == [1, None, None, None, 3]


def test_a_spike_of_one_point_is_in_the_range(run, store):
    values = [1.0] * 5000
    values[1234] = 99.0
    run(values, {"lr": 1}, 0, key="loss")
    found = compare(store=store).overlay()
    assert len(found["xs"]) <= 240
    assert max(found["groups"][0]["high"]) == 99
    assert found["range"] == [1, 99]
    near = compare(store=store).overlay(lo=12300, hi=12400)
    assert 12340 in near["xs"]


def test_thinned_means_are_those_of_a_plain_loop(run, store):
    values = np.random.default_rng(0).normal(size=3000)
    run(values.tolist(), {"lr": 1}, 0, key="loss")
    found = compare(store=store).overlay(most=10)
    assert found["groups"][0]["mean"][0] == pytest.approx(values[:300].mean(), rel=1e-4)


def test_time_and_epochs_are_other_xs(run, store):
    made = run([1.0, 2.0, 3.0], {"lr": 1}, 0, key="loss", steps=[0, 10, 20])
    assert compare(store=store).overlay(x="time")["xs"] == [0, 10, 20]
    writer = store.resume(made.id)
    for step, epoch in ((0, 0), (10, 1)):
        writer.emit(["mark/epoch"], [epoch], step, made.started_s + step)
    writer.finish()
    found = compare(store=store)
    assert "epoch" in found.payload(["head"])["head"]["options"]["x"]
    assert found.overlay(x="epoch")["xs"] == [0, 1, 2]


def test_the_picture_shows_where_curves_are_told_apart_and_no_line_leaves_it(run, store):
    rise = [0.05, 0.5, 0.9, *(0.9 + k / 1000 for k in range(20))]
    for lr in (1, 2):
        run([value + lr / 500 for value in rise], {"lr": lr}, 0)
    low, high = compare(store=store).figure().axes[0].get_ylim()
    assert 85 < low < 90.5  # of the last four fifths, in percent
    assert 92.3 < high < 93
    lines = [
        shape
        for shape in draw(compare(store=store)).shapes
        if isinstance(shape, Path) and shape.width == 2
    ]
    ys = [y for line in lines for piece in line.lines for _, y in piece]
    assert len(lines) >= 2
    assert max(ys) - min(ys) <= 220.01


def test_code_side_by_side_marks_what_differs_in_a_line():
    rows = side_by_side("a = 1\nfit(lr=0.1)\nend()", "a = 1\nwarm()\nfit(lr=0.2)\nend()")
    assert [row["k"] for row in rows] == ["same", "add", "edit", "same"]
    edit = rows[2]
    assert edit["a"] == {"n": 2, "t": [["fit(lr=", 0], ["0.1", 1], [")", 0]]}
    assert edit["b"] == {"n": 3, "t": [["fit(lr=", 0], ["0.2", 1], [")", 0]]}
    texts = ["".join(t for t, _ in row["b"]["t"]) for row in rows if row["b"]]
    assert texts == ["a = 1", "warm()", "fit(lr=0.2)", "end()"]  # nothing is lost


def test_long_equal_parts_are_folded():
    lines = [f"x{k} = {k}" for k in range(40)]
    rows = side_by_side("\n".join(lines), "\n".join([*lines[:20], "y = 1", *lines[21:]]))
    gaps = [row["count"] for row in rows if row["k"] == "gap"]
    assert gaps == [17, 16]


def test_importance_finds_the_parameter_that_matters():
    rng = np.random.default_rng(0)
    lr = [0.1, 0.2, 0.3, 0.4] * 6
    other = rng.permutation(["a", "b"] * 12).tolist()
    y = np.array(lr) * 10 + rng.normal(0, 0.1, 24)
    (first, second), how = importance(["lr", "other"], [lr, other], y)
    assert first > 0.95
    assert second < 0.1
    assert "24 runs" in how


def test_a_random_search_goes_through_a_forest():
    rng = np.random.default_rng(0)
    lr, noise = rng.random(60), rng.random(60)
    (first, second), how = importance(["lr", "n"], [lr.tolist(), noise.tolist()], lr**2)
    assert "forest" in how
    assert first > 0.5 > second + 0.3


def test_few_runs_and_twins_are_told():
    y = np.array([1.0, 2.0, 3.0])
    assert importance(["lr"], [[1, 2, 3]], y)[0] == [None]
    lr = [1, 2] * 5
    _, how = importance(["lr", "warmup"], [lr, [k * 100 for k in lr]], np.arange(10.0))
    assert "Always changed together, so not to be told apart: lr and warmup" in how
