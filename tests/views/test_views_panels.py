"""Which series is drawn where."""

import pytest

from nbtrack.views.panels import Board, place


@pytest.mark.parametrize(
    ("key", "panel", "label"),
    [
        ("loss", "loss", "train"),
        ("loss/generator", "loss", "generator"),
        ("val/loss", "loss", "val"),
        ("out/val_loss", "loss", "val"),
        ("var/test_loss", "loss", "test_loss"),
        ("grad_norm/total", "grad_norm", "total"),
        ("grad_norm/preclip", "grad_norm", "before clipping"),
        ("grad_norm/gen/total", "grad_norm", "gen"),
        ("lr/group0", "lr", "group 0"),
        ("lr/gen/group1", "lr", "gen group 1"),
        ("throughput/steps_per_s", "throughput", "steps/s"),
        ("system/memory_gib", "memory", "CPU"),
        ("system/gpu0/memory_gib", "memory", "GPU"),
        ("system/gpu1/load_pct", "load", "GPU1"),
        ("val/accuracy", "scores", "val/accuracy"),
        ("out/acc", "scores", "acc"),
        ("reward", "key:reward", "reward"),
        ("reward/mean", "key:reward", "mean"),
        ("auto/loss", "loss", "train (measured)"),
    ],
)
def test_a_key_has_its_panel(key, panel, label):
    spot = place(key)
    assert (spot.panel, spot.label) == (panel, label)


@pytest.mark.parametrize(
    "key",
    [
        "grad_norm/encoder.weight",
        "update_ratio/params.0",
        "var/i",
        "var/loss",
        "var/running_loss",
        "out/epoch",
        "throughput/samples_per_s",
        "nonfinite/grad",
        "nonfinite/loss",
        "every/grad_norm",
    ],
)
def test_what_nobody_asked_to_see_is_not_drawn(key):
    assert place(key) is None


def test_panels_come_in_a_known_order_and_then_never_move():
    board = Board()
    assert board.add(["lr/group0", "grad_norm/total", "loss"])
    assert [panel["id"] for panel in board.panels()] == ["loss", "grad_norm", "lr"]
    assert board.add(["weight_norm/total", "loss"])
    assert [panel["id"] for panel in board.panels()] == ["loss", "grad_norm", "lr", "weight_norm"]
    assert not board.add(["loss", "grad_norm/total", "var/i"])


def test_readings_of_the_machine_wait_for_those_of_the_training():
    board = Board()
    board.add(["system/memory_gib", "system/cpu_pct"])
    assert board.panels() == []
    board.add(["loss", "grad_norm/total"])
    assert [panel["id"] for panel in board.panels()] == ["loss", "grad_norm", "memory", "load"]
    assert board.number("system/memory_gib") == 0  # points that came before are not lost


def test_norms_that_come_a_moment_after_the_loss_are_still_before_the_machine():
    board = Board(patience_s=1.5)
    board.add(["system/memory_gib"], 10.0)
    board.add(["loss"], 10.5)
    board.add(["grad_norm/total"], 10.6)
    assert [panel["id"] for panel in board.panels()] == ["loss", "grad_norm"]
    assert board.add([], 12.1)
    assert [panel["id"] for panel in board.panels()] == ["loss", "grad_norm", "memory"]
    board.add(["lr/group0"], 12.2)
    assert [panel["id"] for panel in board.panels()][-1] == "lr"


def test_the_losses_of_a_gan_take_the_place_of_the_mixed_one():
    board = Board()
    board.add(["loss"])
    assert board.add(["loss/generator", "loss/critic"])
    assert [series["label"] for series in board.panels()[0]["series"]] == ["generator", "critic"]
    together = Board()
    together.add(["loss", "loss/generator", "loss/critic"])
    assert [s["label"] for s in together.panels()[0]["series"]] == ["generator", "critic"]
    plain = Board()
    plain.add(["loss"])
    assert [s["label"] for s in plain.panels()[0]["series"]] == ["train"]


def test_one_loss_seen_twice_is_one_line_and_what_was_logged_wins():
    board = Board()
    board.add(["out/val_loss", "var/val_loss", "val_loss", "loss"])
    assert [series["key"] for series in board.panels()[0]["series"]] == ["loss", "val_loss"]
    assert board.panels()[0]["series"][1] == {
        "id": 1,
        "key": "val_loss",
        "label": "val",
        "dashed": True,
        "held": True,
    }


def test_five_hundred_keys_do_not_make_five_hundred_panels():
    board = Board()
    board.add([f"metric{i}" for i in range(500)] + [f"group/{i}" for i in range(500)])
    panels = board.panels()
    assert len(panels) <= 10
    assert max(len(panel["series"]) for panel in panels) <= 8


def test_a_board_that_replaces_another_gives_new_numbers():
    old = Board()
    old.add(["loss", "lr/group0"])
    new = Board(old.next_number)
    new.add(["loss"])
    assert new.number("loss") == 2
    assert new.number("lr/group0") is None
