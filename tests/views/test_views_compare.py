"""What a page is answered about a comparison, and what is kept in the notebook."""

import json

import pytest

import nbtrack
from nbtrack.magics.options import parse_compare
from nbtrack.records import RunInfo
from nbtrack.versioning.kept_store import Store
from nbtrack.views.compare_feed import CompareFeed
from nbtrack.views.compare_widget import compare_bundle, compare_widget


@pytest.fixture
def comparison(tmp_path):
    store = Store(tmp_path / "store")
    for k in range(6):
        info = RunInfo(
            id=store.new_id(), name="net", started_s=1e9 + k, seed=k % 3, params={"lr": k // 3}
        )
        writer = store.start(info)
        for step in range(3):
            writer.emit(["val/accuracy"], [0.5 + k / 100], step, info.started_s + step)
        writer.finish("done")
    return nbtrack.compare("net", store=store)


def test_each_page_has_a_choice_of_its_own(comparison):
    feed = CompareFeed(comparison)
    chosen = feed.answer({"t": "choose", "n": 1, "me": "p", "choice": {"query": "lr = 1"}})
    assert (chosen["t"], chosen["n"], chosen["to"]) == ("chosen", 1, "p")
    assert chosen["payload"]["head"]["hits"] == 3
    grouped = {"t": "choose", "n": 2, "me": "p", "choice": {"group_by": ["lr"]}}
    assert feed.answer(grouped)["payload"]["head"]["hits"] == 3  # the query was kept
    assert feed.answer({**grouped, "me": "q"})["payload"]["head"]["hits"] == 6
    json.dumps(chosen, allow_nan=False)


def test_mistakes_are_told_with_the_word_and_nothing_is_raised(comparison):
    feed = CompareFeed(comparison)
    wrong = feed.answer(
        {"t": "choose", "n": 1, "me": "p", "choice": {"query": "lr = 1 and lrr > 2"}}
    )
    assert (wrong["t"], wrong["text"][wrong["start"] : wrong["end"]]) == ("wrong", "lrr")
    for asked in (
        {"t": "choose", "choice": {"metric": "none"}},
        {"t": "choose", "choice": {"colour": 1}},
        {"t": "choose"},
        {"t": "predictions", "limit": "x"},
        {"t": "erase"},
        {},
    ):
        answer = feed.answer(asked)
        assert answer["t"] == "failed"
        assert answer["why"]


def test_parts_are_answered_within_bounds(comparison):
    feed = CompareFeed(comparison)
    run_id = feed.first()["table"]["ids"][0]
    curves = feed.answer({"t": "curves", "ids": [run_id, "gone"]})["curves"]
    assert list(curves) == [run_id]
    overlay = feed.answer({"t": "overlay", "x": "step", "lo": 0, "hi": 1, "most": 10**9})["overlay"]
    assert 2 <= len(overlay["xs"]) <= 2000


def test_outside_a_kernel_the_output_is_the_static_picture(comparison):
    assert compare_bundle(comparison) == comparison.static_bundle()
    widget = compare_widget(comparison, "place")
    assert (widget.kind, widget.slot, widget.first["head"]["hits"]) == ("compare", "place", 6)


def test_a_line_is_a_query_or_runs():
    assert parse_compare(" lr < 0.01 and tag:baseline ") == ["lr < 0.01 and tag:baseline"]
    assert parse_compare("k2v 'my net' -1") == ["k2v", "my net", -1]
    assert parse_compare("") == []
