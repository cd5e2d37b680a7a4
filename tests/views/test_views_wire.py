"""How points are packed, and how much may be sent."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.views.frames import Frame
from nbtrack.views.wire import Allowance, pack, shares


def frame_of(values):
    return Frame.of(np.arange(len(values)), np.arange(len(values)) / 10, np.array(values, float))


def test_a_packed_message_is_read_back_block_by_block():
    message, buffer = pack("rows", [(3, frame_of([1, 2])), (8, frame_of([5]))], at=[10, 0])
    assert message == {"t": "rows", "k": [3, 8], "n": [2, 1], "at": [10, 0]}
    assert json.loads(json.dumps(message)) == message
    assert len(buffer) == 3 * 16
    assert np.frombuffer(buffer, "<f8", 3).tolist() == [0, 1, 0]
    assert np.frombuffer(buffer, "<f4", 3, 36).tolist() == [1, 2, 5]


def test_means_and_counts_go_along_only_where_points_were_left_out():
    thin = frame_of(np.arange(100)).thin(10)
    message, buffer = pack("snap", [(0, thin)], upto=[100])
    n = len(thin)
    assert message["w"] == 1
    assert len(buffer) == n * 24
    assert np.frombuffer(buffer, "<f4", n, n * 20).sum() == 100


def test_infinity_stays_and_a_huge_number_stays_a_number():
    _, buffer = pack("rows", [(0, frame_of([1e300, -1e300, np.inf, np.nan]))], at=[0])
    values = np.frombuffer(buffer, "<f4", 4, 4 * 12)
    assert np.isfinite(values[:2]).all()
    assert values[2] == np.inf
    assert np.isnan(values[3])


def test_no_second_has_more_than_the_allowance():
    now = [0.0]
    allowance = Allowance(1000, clock=lambda: now[0])
    allowance.spend(600)
    now[0] = 0.5
    allowance.spend(300)
    assert allowance.left() == 100
    now[0] = 1.01
    assert allowance.left() == 700
    now[0] = 1.6
    assert allowance.left() == 1000


@given(waiting=st.lists(st.integers(0, 5000), min_size=1, max_size=20), most=st.integers(0, 4000))
def test_shares_are_never_more_than_asked_for_nor_more_than_there_is(waiting, most):
    weights = [4.0 if i == 0 else 1.0 for i in range(len(waiting))]
    given_ = shares(waiting, weights, most)
    assert sum(given_) <= most
    assert all(g <= n for g, n in zip(given_, waiting, strict=True))
    if sum(waiting) <= most:
        assert given_ == waiting


def test_what_one_series_does_not_need_goes_to_the_others_by_weight():
    assert shares([10, 1000, 1000], [1, 3, 1], 410) == [10, 300, 100]
