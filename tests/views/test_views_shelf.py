"""A series in little memory: every range keeps its lowest, its highest and its gaps."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrack.views import pyramid
from nbtrack.views.pyramid import Pyramid
from nbtrack.views.shelf import Shelf


@pytest.fixture
def little(monkeypatch):
    """Small limits, so that a few hundred points are as many as a million."""
    monkeypatch.setattr(pyramid, "MOST_LEAVES", 16)
    monkeypatch.setattr(pyramid, "SOME_POINTS", 4)


def filled(steps, values, chunk):
    """A pyramid of these points, added a chunk at a time."""
    made = Pyramid()
    steps, values = np.array(steps), np.array(values, dtype=float)
    for at in range(0, len(values), chunk):
        part = slice(at, at + chunk)
        places = np.arange(len(values))[part] * 3  # two other series lie between
        made.add(steps[part], steps[part] / 10, values[part], places)
    return made


def read(cut, steps, values):
    """The slow twin of reading records: every point of the series, taken one by one."""
    rows = [k for k in range(len(values)) if any(a <= 3 * k < b for a, b in cut.records)]
    if not rows:
        return None
    kept = np.array(steps)[rows], np.array(steps)[rows] / 10, np.array(values, float)[rows]
    return (*kept, np.array(rows) * 3)


numbers = st.one_of(
    st.floats(-1e6, 1e6, width=32), st.sampled_from([math.nan, math.inf, -math.inf, 0.0])
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    points=st.lists(st.tuples(st.integers(0, 3), numbers), min_size=1, max_size=300),
    jumps=st.lists(st.integers(0, 299), max_size=2),
    ends=st.tuples(st.integers(-5, 600), st.integers(0, 400)),
    chunk=st.integers(1, 60),
    few=st.sampled_from([0, 20, 1000]),
    axis=st.sampled_from(["step", "time"]),
)
def test_the_lowest_and_highest_of_every_range_are_kept(
    little, points, jumps, ends, chunk, few, axis
):
    steps = np.cumsum([gap for gap, _ in points])
    for jump in jumps:  # a loop that began anew
        steps[jump:] -= min(50, steps[-1])
    values = [value for _, value in points]
    low, high = ends[0], ends[0] + ends[1]
    cut = filled(steps, values, chunk).cut(
        axis, low / (10 if axis == "time" else 1), high / (10 if axis == "time" else 1), few
    )
    frame, total = cut.frame(read(cut, steps, values), 12)
    is_in = (steps >= low) & (steps <= high)
    if axis == "time":
        is_in = (steps / 10 >= low / 10) & (steps / 10 <= high / 10)
    inside = np.array(values)[is_in]
    assert total == len(inside)
    got = (frame.steps >= low) & (frame.steps <= high)
    finite, kept = inside[np.isfinite(inside)], frame.values[got]
    assert len(kept) <= 12
    if len(finite):
        seen = kept[np.isfinite(kept)]
        assert (seen.min(), seen.max()) == (finite.min(), finite.max())
    assert bool(np.isfinite(kept).all()) == bool(np.isfinite(inside).all())
    logged = set(zip(steps.tolist(), map(str, values), strict=True))
    assert all(
        (s, str(v)) in logged for s, v in zip(frame.steps.tolist(), frame.values, strict=True)
    )
    assert frame.counts[got].sum() == total or not len(inside)
    # a neighbour on either side, the nearest one that there is
    before, after = steps[steps < low], steps[steps > high]
    assert frame.steps[frame.steps < low].tolist() == ([before.max()] if len(before) else [])
    assert frame.steps[frame.steps > high].tolist() == ([after.min()] if len(after) else [])


def test_a_long_series_takes_bounded_memory_and_keeps_its_mean():
    made = Pyramid()
    values = np.sin(np.arange(300_000) / 1000)
    for at in range(0, 300_000, 6553):
        part = np.arange(at, min(at + 6553, 300_000))
        made.add(part, part / 10, values[part], part)
    assert made.leaves().nbytes < 1_000_000
    frame = made.frame(1000)
    assert len(frame) <= 1000
    assert frame.counts.sum() == 300_000
    kept = frame.counts > 0
    mean = (frame.means[kept] * frame.counts[kept]).sum() / 300_000
    assert mean == pytest.approx(values.mean(), abs=1e-9)


def filled_shelf(run):
    tail = run.tail()
    shelf = Shelf(tail)
    while True:
        for piece in tail.pieces():
            for number, begin, end in piece.bounds:
                if piece.name(number) == "loss":
                    shelf.add("loss", piece, number, begin, end)
        if not tail.is_behind:
            return shelf


@pytest.fixture
def long_run(start, store):
    """200,000 steps of two series with a spike of one step in each."""
    writer = start()
    loss, other = np.ones(200_000), np.zeros(200_000)
    loss[123_456], other[77_777] = 99.0, -5.0
    for at in range(0, 200_000, 1000):
        writer.emit_all(
            [
                (["loss", "other"], [loss[step], other[step]], step, writer.info.started_s + step)
                for step in range(at, at + 1000)
            ]
        )
    return store.get(writer.info.id)


def test_a_spike_of_one_point_is_there_at_every_zoom(long_run):
    shelf = filled_shelf(long_run)
    width = 200_000
    while width > 1:
        for low in (123_456 - width // 2, 123_456, 123_457 - width):
            ((frame, total),) = shelf.cuts(["loss"], "step", low, low + width - 1, 500)
            assert frame.steps[frame.values == 99.0].tolist() == [123_456]
            assert total == min(low + width, 200_000) - max(low, 0)
            assert len(frame) <= 502
        width //= 7


def test_a_range_without_the_spike_does_not_show_it(long_run):
    ((frame, _),) = filled_shelf(long_run).cuts(["loss"], "step", 123_458, 190_000, 500)
    assert frame.values.max() == 1.0


def test_a_narrow_range_has_every_point(long_run):
    ((frame, total),) = filled_shelf(long_run).cuts(["loss"], "time", 1000.0, 1099.0, 500)
    assert frame.is_whole
    assert total == 100
    assert frame.steps.tolist() == list(range(999, 1101))


def test_a_series_that_is_not_drawn_is_fetched_when_asked_for(long_run):
    shelf = filled_shelf(long_run)
    assert not shelf.holds("other")
    assert shelf.fetch("other")
    assert not shelf.fetch("none of the run")
    ((frame, _),) = shelf.cuts(["other"], "step", 0, 199_999, 200)
    assert frame.steps[frame.values == -5.0].tolist() == [77_777]
