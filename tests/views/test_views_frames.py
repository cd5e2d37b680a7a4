"""Thinning keeps what a person looks for: lows, highs, gaps, ends and order."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nbtrack.views.frames import Frame, History, concat

VALUES = arrays(
    np.float64,
    st.integers(1, 300),
    elements=st.one_of(
        st.floats(-1e6, 1e6), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1.0, 1.0])
    ),
)


def frame_of(values):
    n = len(values)
    return Frame.of(np.arange(n), np.arange(n) / 10, np.asarray(values, dtype=float))


def finite(values):
    return values[np.isfinite(values)]


@given(values=VALUES, most=st.integers(1, 120))
def test_lows_highs_gaps_ends_and_order_are_kept(values, most):
    frame = frame_of(values)
    thin = frame.thin(most)
    assert len(thin) <= max(most, 5)
    assert np.all(np.diff(thin.steps) > 0)
    assert thin.steps[0] == 0
    assert thin.steps[-1] == len(values) - 1
    np.testing.assert_array_equal(thin.values, values[thin.steps])
    if len(finite(values)):
        assert finite(thin.values).min() == finite(values).min()
        assert finite(thin.values).max() == finite(values).max()
    assert (~np.isfinite(thin.values)).any() == (~np.isfinite(values)).any()


@given(values=VALUES, most=st.integers(6, 120))
def test_every_bucket_keeps_its_own_low_and_high(values, most):
    thin = frame_of(values).thin(most)
    # the last point kept of a bucket carries its number: these are the buckets, by another route
    edges = np.concatenate(([0], np.cumsum(thin.counts[thin.counts > 0]).astype(int)))
    assert edges[-1] == len(values)
    for start, end in itertools.pairwise(edges):
        bucket = values[start:end]
        kept = thin.values[(thin.steps >= start) & (thin.steps < end)]
        if len(finite(bucket)):
            assert finite(kept).min() == finite(bucket).min()
            assert finite(kept).max() == finite(bucket).max()
        if not np.isfinite(bucket).all():
            assert not np.isfinite(kept).all()


@given(values=VALUES, most=st.integers(5, 100), then=st.integers(5, 50))
def test_the_mean_of_all_points_survives_thinning_twice(values, most, then):
    clean = np.where(np.isfinite(values), values, 0.0)
    thin = frame_of(clean).thin(most).thin(then)
    carries = thin.counts > 0
    mean = float((thin.means[carries] * thin.counts[carries]).sum() / thin.counts.sum())
    assert thin.counts.sum() == len(values)
    assert mean == pytest.approx(clean.mean(), rel=1e-9, abs=1e-6)


def test_a_frame_that_fits_is_left_alone():
    frame = frame_of([1.0, 2.0, 3.0])
    assert frame.thin(3) is frame
    assert frame.is_whole
    assert not frame_of(np.arange(100.0)).thin(20).is_whole


def test_one_spike_among_a_million_points_is_in_a_history_of_a_thousand():
    history = History(most=2000)
    values = np.ones(1_000_000)
    values[123_456] = 99.0
    values[800_001] = -99.0
    steps = np.arange(len(values))
    for start in range(0, len(values), 10_000):
        part = slice(start, start + 10_000)
        history.add(Frame.of(steps[part], steps[part] / 10, values[part]))
    frame = history.frame(1000)
    assert len(frame) <= 1000
    assert history.num_rows == 1_000_000
    assert frame.steps[frame.values == 99.0] == [123_456]
    assert frame.steps[frame.values == -99.0] == [800_001]
    # the line that is smoothed from the means stays where the values are
    carries = frame.counts > 0
    assert np.median(frame.means[carries]) == pytest.approx(1.0)


def test_frames_one_after_the_other_keep_their_order():
    whole = concat([frame_of([1.0, 2.0]), frame_of([3.0])])
    assert whole.values.tolist() == [1.0, 2.0, 3.0]


def test_a_run_that_is_nan_to_its_end_keeps_one_tick_for_each_bucket():
    values = np.ones(1000)
    values[600:] = np.nan
    thin = frame_of(values).thin(100)
    missing = thin.steps[np.isnan(thin.values)]
    assert missing[0] == 600
    assert missing[-1] == 999
    assert len(missing) > 5
