"""A feed gives a page all of a run, in little."""

import numpy as np
import pytest

from nbtrack.records import Finding
from nbtrack.store.findings import write_findings
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
    assert {name for name, _ in feed.changed_traits()} == {
        *("head", "panels", "output", "heat", "more"),
        *("events", "findings", "epochs", "evals"),
    }
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


def traits(feed):
    feed._marks_after = 0.0  # as if the time of the next look at the marks had come
    return dict(feed.changed_traits())


def test_what_happened_to_a_run_is_told_in_order_of_time(start, store):
    writer = start(started_s=1e9)
    losses = [2.0, 1.0, float("nan"), float("inf")]
    for step, loss in enumerate(losses):
        writer.emit(["loss"], [loss], step, 1e9 + 10 * step)
    writer.output("event", {"text": "lr 0.1 → 0.01", "step": 1, "mark": "lr"})
    writer.output("event", {"text": "<b>thinned</b>"})
    alarms = [
        Finding(
            code=f"code{k}",
            severity="info" if k == 0 else "error",
            origin="loss",
            title=f"Finding {k}",
            sentence="Seen.",
            advice="Do.",
            first_step=3 if k == 2 else None,
        )
        for k in range(6)
    ]
    write_findings(writer.path, alarms)
    error = {"name": "ValueError", "message": "<img onerror=x>", "line": 2, "traceback": ""}
    writer.finish("failed", error=error, steps=4)
    feed = Feed(store.get(writer.info.id))
    feed.look(is_last=True)
    told = traits(feed)
    events = {(e["kind"], e["step"], e["text"]) for e in told["events"]}
    assert events == {
        ("nonfinite", 2, "loss is NaN"),
        ("finding", 3, "Finding 2"),
        ("lr", 1, "lr 0.1 → 0.01"),
        ("note", None, "<b>thinned</b>"),
        ("exception", 3, "ValueError: <img onerror=x>"),
    }
    times = [e["time_s"] for e in told["events"]]
    assert times == sorted(times)
    assert next(e["time_s"] for e in told["events"] if e["kind"] == "finding") == 30.0
    assert [f["code"] for f in told["findings"]] == ["code1", "code2", "code3"]
    assert told["head"]["more_findings"] == 2


def test_a_healthy_run_has_no_events_and_no_findings(finished):
    feed = Feed(finished(20))
    feed.look()
    told = traits(feed)
    assert (told["events"], told["findings"], told["epochs"]) == ([], [], [])
    assert "more_findings" not in told["head"]


def test_findings_appear_and_go_as_the_doctor_writes_them(start, store):
    writer = start()
    feed = Feed(store.get(writer.info.id))
    feed.look()
    traits(feed)
    finding = Finding(
        code="x", severity="warning", origin="loop", title="T", sentence="S", advice="A"
    )
    write_findings(writer.path, [finding])
    feed.look(is_last=True)
    assert [f["title"] for f in traits(feed)["findings"]] == ["T"]
    write_findings(writer.path, [])
    feed.look(is_last=True)
    assert traits(feed)["findings"] == []


def test_the_time_left_comes_from_the_expected_steps_and_the_present_rate(start, store):
    writer = start(expected={"steps": 100, "epochs": 5}, started_s=1e9)
    keys = ["loss", "throughput/steps_per_s", "lr/group0"]
    for step in range(40):
        writer.emit(keys, [1.0, 4.0, 0.5 / (step + 1)], step, 1e9 + step)
        if step % 20 == 0:
            writer.emit(["mark/epoch"], [step / 20], step, 1e9 + step)
    writer.emit(["mark/eval"], [1.0], 20, 1e9 + 20)
    feed = Feed(store.get(writer.info.id), can_lr=True)
    feed.look()
    told = traits(feed)
    assert told["head"]["expected"] == {"steps": 100, "epochs": 5}
    assert told["head"]["can_lr"]
    assert (told["head"]["left"], told["head"]["epoch"]) == (15.0, 1.0)
    assert told["head"]["lr"] == {"group0": 0.0125}
    assert told["epochs"] == [[0, 0.0, 0.0], [20, 20.0, 1.0]]
    assert told["evals"] == [[20, 20.0]]
    assert not any("mark/" in str(panel) for panel in feed.panels())


def test_steps_are_guessed_from_the_epochs_and_nothing_is_guessed_from_nothing(start, store):
    writer = start(expected={"epochs": 5})
    feed = Feed(store.get(writer.info.id))
    writer.emit(["mark/epoch"], [0.0], 0, writer.now())
    for step in range(30):
        writer.emit(["loss"], [1.0], step, writer.now())
    feed.look()
    assert feed.progress()["left"] is None
    writer.emit(["mark/epoch"], [1.0], 30, writer.now())
    feed.look()
    assert feed.head()["expected"] == {"epochs": 5, "steps": 150}


def answers(feed, **question):
    feed.ask_range({"t": "range", "me": "p", "n": 7, **question})
    return [(m, b) for m, b in pump(feed) if m["t"] == "range"]


def test_a_zoomed_page_gets_the_points_of_its_range(finished):
    feed = Feed(finished(5000))
    pump(feed)
    loss = number_of(feed, "loss")
    ((message, buffer),) = answers(feed, x="step", lo=100, hi=110, k=[loss, 999])
    assert (message["to"], message["re"], message["k"]) == ("p", 7, [loss])
    assert message["total"] == [11]
    assert np.frombuffer(buffer, "<f8", 13).tolist() == list(range(99, 112))
    ((message, _),) = answers(feed, x="time", lo=None, hi=None, k=[loss], most=300)
    assert message["n"][0] <= 300
    assert message["total"] == [5000]


def test_a_range_of_epochs_is_one_of_steps(start, store):
    writer = start()
    for step in range(40):
        if step % 10 == 0:
            writer.emit(["mark/epoch"], [step / 10], step, writer.now())
        writer.emit(["loss"], [1.0], step, writer.now())
    feed = Feed(store.get(writer.info.id))
    pump(feed)
    feed.allowance = type(feed.allowance)()
    ((_, buffer),) = answers(feed, x="epoch", lo=1.5, hi=2.0, k=[number_of(feed, "loss")])
    assert np.frombuffer(buffer, "<f8", 8).tolist() == [14, *range(15, 21), 21]


def test_a_series_that_is_not_drawn_comes_by_its_name_and_goes_on(start, store):
    writer = start()
    feed = Feed(store.get(writer.info.id))
    key = 'grad_norm/<img src="x">.weight'
    writer.emit(["loss", key], [1.0, 2.0], 0, writer.now())
    pump(feed)
    assert traits(feed)["more"]["keys"] == [key]
    assert feed.find("p", 1, "IMG")["keys"] == [key]
    assert feed.find("p", 1, "nothing")["n"] == 0
    for step in (1, 2):
        feed.allowance = type(feed.allowance)()
        ((message, _),) = answers(feed, x="step", lo=None, hi=None, keys=[key], k=None)
        assert (message["k"], message["total"]) == ([key], [step])
        writer.emit(["loss", key], [1.0, 2.0], step, writer.now())
    ((message, _),) = answers(feed, x="step", lo=0, hi=9, keys=["no such series"])
    assert message["n"] == [0]


@pytest.mark.parametrize(
    "question",
    [
        {"x": "moon", "lo": 0, "hi": 1},
        {"x": "step", "lo": "<b>", "hi": 1},
        {"x": "step", "lo": float("nan"), "hi": 1},
        {"x": "step", "lo": True, "hi": 1},
    ],
)
def test_a_question_that_is_none_is_left_alone(finished, question):
    feed = Feed(finished(5))
    pump(feed)
    assert answers(feed, k=[0], **question) == []
    assert not feed.has_more


def test_of_several_questions_for_one_purpose_the_newest_is_answered(finished):
    feed = Feed(finished(50))
    pump(feed)
    for low in range(9):
        feed.ask_range({"me": "p", "n": low, "x": "step", "lo": low, "hi": 20, "k": [0]})
    assert [m["re"] for m, _ in pump(feed) if m["t"] == "range"] == [8]


def test_maps_of_layers_come_once_and_then_only_their_new_columns(start, store):
    writer = start()
    feed = Feed(store.get(writer.info.id))
    keys = ["grad_norm/a.weight", "grad_norm/b.weight"]
    for step in range(10):
        writer.emit(["loss", *keys], [1.0, 1.0, 1e-8], step, writer.now())
    (first,) = [(m, b) for m, b in pump(feed) if m["t"] == "heat"]
    assert (first[0]["rows"], first[0]["cols"], first[0]["from"]) == (2, 10, 0)
    assert traits(feed)["heat"]["rows"][1]["label"] == "b"
    writer.emit(["loss", *keys], [1.0, 1.0, 1e-8], 10, writer.now())
    feed._heat_after, feed._heat_turn = 0.0, 1e18
    (more,) = [(m, b) for m, b in pump(feed) if m["t"] == "heat"]
    assert (more[0]["from"], more[0]["cols"], len(more[1])) == (10, 11, 2 * 4 + 2 * 2)
    feed.ask("late")
    late = [m for m, _ in pump(feed) if m["t"] == "heat"]
    assert [(m["from"], m.get("to")) for m in late] == [(0, "late")]


def test_other_ranks_are_one_faint_series_behind_the_first(start, store):
    writer = start()
    feed = Feed(store.get(writer.info.id))
    other = store.resume(writer.info.id, rank=1)
    for step in range(5):
        writer.emit(["loss"], [1.0], step, writer.now())
        other.emit(["loss"], [3.0], step, writer.now())
    feed.look()
    series = feed.panels()[0]["series"]
    assert [(s["key"], s.get("faint", False)) for s in series] == [("loss", False), ("loss", True)]
    first, behind = (feed.shelf.frame(feed._board.keys[s["id"]], 100).values for s in series)
    assert (first.tolist(), behind.tolist()) == ([1.0] * 5, [3.0] * 5)
    assert feed.head()["ranks"] == 2


def test_five_hundred_series_stay_within_what_may_be_sent(start, store):
    writer = start()
    feed = Feed(store.get(writer.info.id))
    keys = [f"metric/{i}" for i in range(500)]
    for step in range(30):
        writer.emit(["loss", *keys], [1.0] * 501, step, writer.now())
    size = sum(len(buffer) + 1000 for _, buffer in pump(feed))
    assert size < 48_000
    told = traits(feed)
    assert sum(len(panel["series"]) for panel in told["panels"]) == 9
    assert next(p["more"] for p in told["panels"] if p["id"] == "key:metric") == 492
    assert told["more"]["n"] == 492
    assert len(told["more"]["keys"]) == 400
    assert feed.find("p", 1, "metric/499")["keys"] == ["metric/499"]


def test_a_run_that_is_erased_before_it_was_read_leaves_nothing_to_wait_for(finished, store):
    run = finished(20)
    feed = Feed(run)
    store.runs.delete(run.id)
    pump(feed)
    assert feed.head()["erased"]
    assert not feed.has_more
    assert answers(feed, x="step", lo=0, hi=5, keys=["loss"]) != []
    assert not feed.has_more
