"""The live view, with a real widget whose messages are written down in place of being sent."""

import re
import time
from typing import ClassVar

import comm
import numpy as np
import pytest
from comm.base_comm import BaseComm

from nbtrack.views import live
from nbtrack.views.live import WIDGET_MIME


class WrittenDown(BaseComm):
    """What a kernel would send to the page."""

    all: ClassVar[list] = []

    def __init__(self, *args, **kwargs):
        self.sent = []
        self.is_open = True
        super().__init__(*args, **kwargs)
        WrittenDown.all.append(self)

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        if msg_type == "comm_close":
            self.is_open = False
        self.sent.append((data or {}, buffers))

    def custom(self):
        return [
            (data["content"], buffers)
            for data, buffers in list(self.sent)
            if data.get("method") == "custom"
        ]


@pytest.fixture
def wire(monkeypatch):
    WrittenDown.all = []
    monkeypatch.setattr(comm, "create_comm", WrittenDown)
    return WrittenDown


def eventually(condition, seconds=5.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.01)


def of_view(wire, view):
    comm_id = view.widget.comm.comm_id
    return next(c for c in wire.all if c.comm_id == comm_id)


def say(view, content):
    """A message of the page, as the kernel hands it to the widget."""
    view.widget._handle_custom_msg(content, [])


def test_points_logged_by_the_training_reach_the_page(wire, start, store, page):
    writer = start()
    view = live(store.get(writer.info.id))
    sent = of_view(wire, view)
    for step in range(30):
        writer.emit(["loss"], [float(step)], step, writer.now())
    eventually(lambda: any(m["t"] == "rows" for m, _ in sent.custom()))
    writer.finish("done")
    eventually(lambda: not view._thread.is_alive())
    for message, buffers in sent.custom():
        if message["t"] in ("rows", "snap"):
            page.take(message, buffers[0])
    assert page.rows == {0: 30}
    assert view.widget.head["status"] == "done"
    assert view.num_errors == 0
    view.finish()


def test_the_stop_button_is_passed_on_and_acknowledged(wire, start, store):
    stopped = []
    view = live(store.get(start().info.id), on_stop=lambda: stopped.append(1))
    sent = of_view(wire, view)
    assert view.widget.head["can_stop"]
    say(view, {"t": "stop", "n": 1})
    assert stopped == [1]
    acks = [m for m, _ in sent.custom() if m["t"] == "ack"]
    assert acks == [{"t": "ack", "of": "stop", "n": 1, "ok": True}]
    assert view.widget.ack == "stop"
    view.finish()


def test_a_run_that_cannot_stop_says_so(wire, start, store):
    view = live(store.get(start().info.id), on_stop=lambda: False)
    say(view, {"t": "stop", "n": 1})
    acks = [m for m, _ in of_view(wire, view).custom() if m["t"] == "ack"]
    assert [ack["ok"] for ack in acks] == [False]
    view.finish()


def test_without_a_way_to_stop_there_is_no_button(wire, start, store):
    view = live(store.get(start().info.id))
    assert not view.widget.head["can_stop"]
    view.finish()


def test_a_late_page_is_answered_also_when_the_run_is_over(wire, finished):
    view = live(finished(50))
    view.widget  # noqa: B018 - asking for it starts the view
    eventually(lambda: not view._thread.is_alive())
    say(view, {"t": "sync", "me": "late"})
    answers = [m for m, _ in of_view(wire, view).custom() if m.get("to") == "late"]
    assert len(answers) == 1
    assert set(answers[0]["k"]) == set(range(5))
    view.finish()


def test_points_are_not_in_what_a_saved_notebook_would_keep(wire, finished):
    view = live(finished(2000))
    state = view.widget.get_state()
    eventually(lambda: not view._thread.is_alive())
    assert set(state) >= {"head", "panels", "ack"}
    words = str({k: v for k, v in view.widget.get_state().items() if k != "_esm"})
    assert len(words) < 5000
    view.finish()


def test_the_end_replaces_the_view_by_a_picture_without_the_widgets_mime(
    wire, start, store, monkeypatch
):
    import IPython.display

    shown = []

    class Handle:
        def update(self, data, **keys):
            shown.append(data)

    monkeypatch.setattr(
        IPython.display, "display", lambda data, **keys: shown.append(data) or Handle()
    )
    writer = start()
    view = live(store.get(writer.info.id))
    view.display()
    sent = of_view(wire, view)
    writer.emit(["loss"], [1.0], 0, writer.now())
    writer.finish("done")
    view.finish()
    assert set(shown[0]) == {WIDGET_MIME, "text/plain"}
    assert set(shown[1]) == {"image/svg+xml", "image/png", "text/plain"}
    assert not sent.is_open
    assert view._thread is None or not view._thread.is_alive()


def test_a_view_of_a_finished_run_has_its_picture_beside_the_widget(wire, finished):
    view = live(finished(20))
    assert set(view._repr_mimebundle_()) == {
        *(WIDGET_MIME, "image/svg+xml"),
        *("image/png", "text/plain"),
    }
    view.finish()


def test_a_view_that_fails_warns_once_and_lets_the_training_go_on(wire, start, store, recwarn):
    writer = start()
    view = live(store.get(writer.info.id))
    view.widget  # noqa: B018
    # a folder that cannot be read any more, as on a network disk that went away
    (writer.path / "points-r0.bin").unlink(missing_ok=True)
    (writer.path / "points-r0.bin").mkdir()
    eventually(lambda: view.num_errors > 2)
    view.finish()
    told = [w for w in recwarn if "missed an update" in str(w.message)]
    assert len(told) == 1


def test_the_kernel_is_told_to_hear_the_page_while_it_is_busy(wire, start, store, monkeypatch):
    monkeypatch.setattr(
        WrittenDown, "_reply_subshell_for", lambda self, data, default: "main", raising=False
    )
    view = live(store.get(start().info.id))
    assert view.widget.comm._reply_subshell_for({}, "subshell-1") == "subshell-1"
    view.finish()


def test_the_training_thread_is_not_used_for_the_view(wire, start, store):
    writer = start()
    view = live(store.get(writer.info.id))
    view.widget  # noqa: B018
    before = time.thread_time()
    time.sleep(0.5)  # about five updates
    assert time.thread_time() - before < 0.02
    view.finish()


def test_two_views_of_one_run_do_not_disturb_each_other(wire, start, store):
    writer = start()
    run = store.get(writer.info.id)
    views = [live(run), live(run)]
    pages = [of_view(wire, view) for view in views]
    writer.emit(["loss"], [5.0], 0, writer.now())
    for sent in pages:
        eventually(lambda sent=sent: any(m["t"] == "rows" for m, _ in sent.custom()))
    buffers = [next(b for m, b in sent.custom() if m["t"] == "rows") for sent in pages]
    assert [np.frombuffer(b[0], "<f4", 1, 12)[0] for b in buffers] == [5.0, 5.0]
    for view in views:
        view.finish()


def test_the_bundle_asks_no_other_server_for_anything():
    from nbtrack.views.widget import BUNDLE

    text = BUNDLE.read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[\w./-]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in text
    assert (BUNDLE.parent / "uplot.LICENSE.txt").read_text().startswith("The MIT License")


def test_a_learning_rate_from_the_page_is_passed_on_and_acknowledged(wire, start, store):
    asked = []
    view = live(store.get(start().info.id), on_lr=lambda value, group: asked.append((value, group)))
    sent = of_view(wire, view)
    assert view.widget.head["can_lr"]
    say(view, {"t": "lr", "n": 3, "group": "group0", "value": 0.001})
    say(view, {"t": "lr", "n": 4, "group": None, "value": 1})
    for value in ("0.1", True, -1, float("nan"), None):
        say(view, {"t": "lr", "n": 5, "value": value})
    assert asked == [(0.001, "group0"), (1.0, None)]
    acks = [m for m, _ in sent.custom() if m["t"] == "ack"]
    assert acks[0] == {
        "t": "ack",
        "of": "lr",
        "n": 3,
        "ok": True,
        "group": "group0",
        "value": 0.001,
    }
    assert [ack["ok"] for ack in acks] == [True, True] + [False] * 5
    view.finish()


def test_only_a_run_of_this_process_can_be_steered(wire, store, start):
    import nbtrack

    with nbtrack.start("mine", store=store.path) as run:
        view = live(run)
        assert view.widget.head["can_stop"]
        view.finish()
    after, other = live(run), live(store.get(start().info.id))
    for view in (after, other):
        assert not view.widget.head["can_stop"]
        assert not view.widget.head["can_lr"]
        view.finish()


def test_a_page_zooms_and_finds_series_also_when_the_run_is_over(wire, finished):
    view = live(finished(50))
    view.widget  # noqa: B018 - asking for it starts the view
    eventually(lambda: not view._thread.is_alive())
    say(view, {"t": "range", "me": "p", "n": 1, "x": "step", "lo": 10, "hi": 12, "k": [0]})
    say(view, {"t": "find", "me": "p", "n": 2, "q": "loss"})
    said = {m["t"]: m for m, _ in of_view(wire, view).custom() if m.get("to") == "p"}
    assert said["range"]["total"] == [3]
    assert said["found"]["keys"] == ["loss", "val/loss"]
    view.finish()
