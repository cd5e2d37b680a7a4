"""A feed gives a page all of a run, in little."""

import numpy as np
import pytest

from nbtrack.views.feed import Feed


def pump(feed, *pages):
    """One look, and all messages to all pages; returns the messages."""
    feed.look()
    sent = list(feed.messages())
    for message, buffer in sent:
        feed.allowance.spend(len(buffer) + 1000)
        if message["t"] in ("rows", "snap") and "to" not in message:
            for page in pages:
                page.take(message, buffer)
    return sent


def number_of(feed, key):
    return next(s["id"] for panel in feed.panels() for s in panel["series"] if s["key"] == key)


def test_a_page_gets_every_point_as_it_comes(start, store, page):
    writer = start()
    feed = Feed(store.get(writer.info.id))
    for step in range(40):
        writer.emit(["loss", "lr/group0"], [float(step), 0.1], step, writer.now())
        if step % 5 == 4:
            feed.allowance = type(feed.allowance)()  # as if a second had gone by
            pump(feed, page)
    loss = number_of(feed, "loss")
    assert page.steps[loss].tolist() == list(range(40))
    assert page.values[loss].tolist() == list(range(40))
    assert page.rows[loss] == 40


def test_a_flood_is_thinned_on_the_wire_and_its_spike_is_still_there(start, store, page):
    writer = start()
    feed = Feed(store.get(writer.info.id))
    values = np.ones(5000)
    values[1234] = 50.0
    for step in range(5000):
        writer.emit(["loss"], [values[step]], step, writer.now())
    sent = pump(feed, page)
    size = sum(len(buffer) for _, buffer in sent)
    loss = number_of(feed, "loss")
    assert size < 48_000
    assert page.rows[loss] == 5000
    assert len(page.steps[loss]) < 2500
    assert page.steps[loss][page.values[loss] == 50.0] == [1234]


def test_a_second_never_carries_more_than_the_allowance(start, store, page):
    writer = start()
    feed = Feed(store.get(writer.info.id))
    keys = [f"metric{i}" for i in range(8)] + ["loss", "lr/group0"]
    total = 0
    for round_ in range(20):  # all within a second
        for step in range(100):
            writer.emit(keys, [float(step)] * 10, round_ * 100 + step, writer.now())
        total += sum(len(buffer) + 1000 for _, buffer in pump(feed, page))
    assert total <= 48_000
    feed.allowance = type(feed.allowance)()
    pump(feed, page)
    assert page.rows[number_of(feed, "loss")] == 2000  # what had to wait was not lost


def test_a_page_that_opens_late_fills_from_the_pictures_sent_by_turns(start, store, page):
    writer = start()
    feed = Feed(store.get(writer.info.id))
    for step in range(300):
        writer.emit(["loss", "lr/group0"], [float(step), 0.1], step, writer.now())
    pump(feed)  # nobody listens
    writer.emit(["loss", "lr/group0"], [300.0, 0.1], 300, writer.now())
    pump(feed, page)
    loss = number_of(feed, "loss")
    assert page.missed
    for _ in range(4):
        feed._turn = 0.0  # as if the time of the next turn had come
        feed.allowance = type(feed.allowance)()
        pump(feed, page)
    assert not page.missed
    assert page.rows[loss] == 301
    assert page.steps[loss][[0, -1]].tolist() == [0, 300]


def test_who_asks_is_answered_alone_and_with_all_series(start, store, page):
    writer = start()
    feed = Feed(store.get(writer.info.id))
    writer.emit(["loss", "lr/group0"], [1.0, 0.1], 0, writer.now())
    pump(feed)
    feed.ask("page-2")
    answers = [(m, b) for m, b in pump(feed) if m.get("to") == "page-2"]
    assert len(answers) == 1
    assert sorted(answers[0][0]["k"]) == [0, 1]
    page.take(*answers[0])
    assert page.rows == {0: 1, 1: 1}
    assert not [m for m, _ in pump(feed) if "to" in m]


def test_the_head_says_who_how_far_and_what_went_wrong(start, store):
    writer = start("net", tags=("baseline",), seed=3, changed=("lr 0.1 → 0.01",), started_s=1e9)
    for step in range(8):
        writer.emit(["loss", "throughput/steps_per_s"], [1.0, 6.45], step, 1e9 + step)
    feed = Feed(store.get(writer.info.id), can_stop=True)
    feed.look()
    head = feed.head()
    assert (head["name"], head["status"], head["tags"], head["seed"]) == (
        "net",
        "running",
        ["baseline"],
        3,
    )
    assert (head["step"], head["rate"], head["can_stop"]) == (8, 6.45, True)
    error = {"name": "RuntimeError", "message": "loss is nan", "line": 12, "traceback": ""}
    writer.finish("failed", error=error, steps=8)
    feed.look(is_last=True)
    head = feed.head()
    assert (head["status"], head["can_stop"]) == ("failed", False)
    assert head["error"] == "RuntimeError: loss is nan\n  line 12"


def test_traits_are_told_once_and_again_only_when_they_change(start, store):
    writer = start()
    feed = Feed(store.get(writer.info.id))
    feed.look()
    assert {name for name, _ in feed.changed_traits()} == {"head", "panels", "output"}
    writer.emit(["loss"], [1.0], 0, writer.now())
    feed.look()
    assert [name for name, _ in feed.changed_traits()] == ["panels"]
    writer.emit(["loss"], [1.0], 1, writer.now())
    feed.look()
    assert list(feed.changed_traits()) == []
    writer.update(tags=("new",))
    feed.look(is_last=True)
    assert [name for name, _ in feed.changed_traits()] == ["head"]


def test_the_last_line_printed_is_shown(start, store):
    writer = start()
    writer.output("stdout", {"text": "epoch 0\nepoch 1  loss 0.5\n"})
    writer.output("stderr", {"text": "10%\r 20%\r 30%"})
    feed = Feed(store.get(writer.info.id))
    feed.look()
    assert dict(feed.changed_traits())["output"] == {
        "last": " 30%",
        "lines": 3,
        "tail": "epoch 0\nepoch 1  loss 0.5\n 30%",
    }


def test_a_key_that_is_logged_by_hand_later_begins_the_picture_anew(start, store, page):
    writer = start()
    feed = Feed(store.get(writer.info.id))
    writer.emit(["loss"], [1.0], 0, writer.now())
    pump(feed, page)
    before = number_of(feed, "loss")
    writer.log({"loss": 7.0}, 0)
    pump(feed, page)
    labels = {s["key"]: s for panel in feed.panels() for s in panel["series"]}
    assert set(labels) == {"loss", "auto/loss"}
    assert before not in {s["id"] for s in labels.values()}
    assert page.values[labels["loss"]["id"]].tolist() == [7.0]
    assert page.values[labels["auto/loss"]["id"]].tolist() == [1.0]


def test_a_run_that_is_erased_while_it_is_viewed_leaves_its_picture(finished, store, page):
    run = finished(20)
    feed = Feed(run)
    pump(feed, page)
    store.runs.delete(run.id)
    feed.look(is_last=True)
    assert feed.head()["erased"]
    assert not feed.is_running


def test_a_run_that_is_over_opens_at_once_in_full_detail(finished, page):
    feed = Feed(finished(1500))
    pump(feed, page)
    assert not feed.has_more
    assert page.rows[number_of(feed, "loss")] == 1500
    assert len(page.steps[number_of(feed, "loss")]) == 1500


def test_a_run_without_points_has_no_panels_and_no_messages(start, store):
    feed = Feed(store.get(start().info.id))
    assert pump(feed) == []
    assert feed.panels() == []
    assert feed.progress()["step"] is None
    assert feed.progress()["elapsed"] == pytest.approx(0, abs=5)
