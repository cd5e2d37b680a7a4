"""Numbers printed in loops become series; so does a loss where no backward runs."""

from __future__ import annotations

import ast
import contextlib
import io
import math
import sys
import textwrap

import pytest
import torch

from nbtrack.instruments import ScalarWatcher, parse_printed
from nbtrack.instruments.loops import loops_of
from nbtrack.instruments.stand_in import rank

LINES = [
    ("epoch 3: val_loss=0.21, acc 0.93", {"val_loss": 0.21, "acc": 0.93}, 3),
    ("Epoch [3/10], Step [100/600], Loss: 0.1234", {"Loss": 0.1234}, 100),
    ("Train Loss: 0.5 | Val Acc: 93.1%", {"Train_Loss": 0.5, "Val_Acc": 93.1}, None),
    ("[1,  2000] loss: 2.173", {"loss": 2.173}, 2000),
    ("{'loss': 0.3, 'epoch': 1.0}", {"loss": 0.3}, 1),
    ("step=3 loss=1e-3 lr 3e-4", {"loss": 1e-3, "lr": 3e-4}, 3),
    ("iter 100: train loss 1.9, val loss 2.0", {"train_loss": 1.9, "val_loss": 2.0}, 100),
    ("loss: -inf acc 95", {"loss": -math.inf, "acc": 95.0}, None),
    ("Train Epoch: 1 [640/60000 (1%)]\tLoss: 0.45", {"Loss": 0.45}, 1),
    (
        "Test set: Average loss: 0.0312, Accuracy: 9899/10000 (99%)",
        {"Average_loss": 0.0312, "Accuracy": 9899.0},
        None,
    ),
    (
        "Epoch 3/10 - 2s 12ms/step - loss: 0.3 - val_loss: 0.4",
        {"loss": 0.3, "val_loss": 0.4},
        3,
    ),
    ("loss tensor(0.3, grad_fn=<AddBackward0>)", {"loss": 0.3}, None),
    ("loss: np.float64(0.3)", {"loss": 0.3}, None),
    ("2024-01-01 12:00:00 INFO loss=0.3", {"loss": 0.3}, None),
    ("loss is 0.3", {"loss": 0.3}, None),
    ("top5_acc=0.9 f1: 0.5 val/acc@1: 0.3", {"top5_acc": 0.9, "f1": 0.5, "val/acc@1": 0.3}, None),
    ("loss (train): 0.5", {"loss_train": 0.5}, None),
    ("Loss=1,234.5", {"Loss": 1234.5}, None),
    ("ETA: 0:03:12 loss: 0.3", {"loss": 0.3}, None),
    ("saved checkpoint 3 of 10", {}, None),
    ("torch 2.13.0 ready", {}, None),
    ("3 0.1234", {}, None),
    ("", {}, None),
]


@pytest.mark.parametrize(("line", "values", "step"), LINES)
def test_a_printed_line_gives_its_names_and_numbers(line, values, step):
    assert parse_printed(line) == (values, step)


def test_nan_is_a_number():
    values, step = parse_printed("epoch=2 loss: nan")
    assert math.isnan(values["loss"])
    assert step == 2


class Stdout(io.StringIO):
    """Hands every write on, as the tracked cell's stdout does."""

    def __init__(self, panel):
        super().__init__()
        self._panel = panel

    def write(self, text):
        self._panel.printed(text)
        return super().write(text)


def run(record, source, **options):
    """Run a cell that prints."""
    tree = ScalarWatcher().visit(ast.parse(textwrap.dedent(source)))
    with record.running(**options) as panel, contextlib.redirect_stdout(Stdout(panel)):
        exec(compile(tree, "<cell>", "exec"), {"torch": torch})


def test_lines_printed_in_a_loop_count_and_others_do_not(record):
    run(
        record,
        """
        print("before loss: 9.0")
        for epoch in range(3):
            print(f"epoch {epoch}: val_loss={epoch / 2}, acc", 0.5)
        print("final acc: 1.0")
        """,
    )
    assert record.points["out/val_loss"] == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert record.points["out/acc"] == [(0, 0.5), (1, 0.5), (2, 0.5)]
    assert record.keys("out/") == ["out/acc", "out/val_loss"]


def test_a_line_printed_by_a_function_called_in_a_loop_counts(record):
    run(
        record,
        """
        def report(value):
            print("score:", value)
        def once():
            report(7.0)
        once()
        i = 0
        while i < 2:
            report(i)
            i += 1
        """,
    )
    assert record.points["out/score"] == [(0, 0.0), (1, 1.0)]


def test_a_line_written_in_pieces_is_one_line(record):
    run(
        record,
        """
        import sys
        for i in range(2):
            print("epoch", i, end=" ")
            print("loss:", end=" ", flush=True)
            print(0.25)
            sys.stdout.write("acc: 0.")
            sys.stdout.write("5\\nf1: 0.75\\n")
        print("end: 1.0")
        """,
    )
    assert record.points["out/loss"] == [(0, 0.25), (1, 0.25)]
    assert record.values("out/acc") == [0.5, 0.5]
    assert record.values("out/f1") == [0.75, 0.75]


def test_a_progress_bar_rewrites_its_line(record):
    run(record, "for i in range(3):\n    print(f'\\rstep {i} loss: {i}.5', end='')")
    assert record.points["out/loss"] == [(0, 0.5), (1, 1.5), (2, 2.5)]


def test_the_panels_step_counts_where_the_line_has_none(record):
    run(
        record,
        """
        w = torch.ones(1, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.0)
        for i in range(4):
            (2 * w).sum().backward()
            optimizer.step()
            if i % 2:
                print("acc: 0.5")
        """,
    )
    assert record.points["out/acc"] == [(1, 0.5), (3, 0.5)]


SHAPES = """
def plain():
    for i in range(1):
        probe()
def after():
    for i in range(1):
        pass
    probe()
def in_handler():
    for i in range(1):
        try:
            1 / 0
        except ZeroDivisionError:
            probe()
            continue
def in_handler_that_goes_on():
    for i in range(1):
        try:
            1 / 0
        except ZeroDivisionError:
            probe()
def handler_outside():
    try:
        1 / 0
    except ZeroDivisionError:
        probe()
    for i in range(1):
        pass
def handler_after():
    for i in range(2):
        try:
            1 / 0
        except ZeroDivisionError:
            continue
    try:
        1 / 0
    except ZeroDivisionError:
        probe()
    return 1
def in_with():
    for i in range(1):
        with open("/dev/null"):
            probe()
def in_while():
    i = 0
    while i < 1:
        i += 1
        probe()
def in_else():
    for i in range(1):
        pass
    else:
        probe()
def with_break():
    while True:
        probe()
        if len("a"):
            break
def in_if_with_break():
    for i in range(3):
        if i == 1:
            probe()
            break
def no_loop():
    probe()
def nested():
    for i in range(1):
        for j in range(1):
            pass
        probe()
"""
IN_A_LOOP = {
    "plain": True,
    "after": False,
    "in_handler": True,
    "in_handler_that_goes_on": True,
    "handler_outside": False,
    "handler_after": False,
    "in_with": True,
    "in_while": True,
    "in_else": False,
    "no_loop": False,
    "nested": True,
}


@pytest.mark.parametrize("shape", IN_A_LOOP)
def test_loops_are_told_from_the_bytecode(shape):
    found = []

    def probe():
        frame = sys._getframe(1)
        found.append(loops_of(frame.f_code).contain(frame.f_lasti))

    namespace = {"probe": probe}
    exec(SHAPES, namespace)
    namespace[shape]()
    assert found == [IN_A_LOOP[shape]]


def test_an_await_is_no_loop():
    import asyncio

    found = []

    async def inner():
        frame = sys._getframe(0)
        found.append(loops_of(frame.f_code).contain(frame.f_lasti))

    async def outer():
        await inner()
        frame = sys._getframe(0)
        found.append(loops_of(frame.f_code).contain(frame.f_lasti))

    asyncio.run(outer())
    assert found == [False, False]


def test_without_backward_the_scalar_that_says_loss_is_the_loss(record):
    run(
        record,
        """
        w = 4.0
        for i in range(4):
            accuracy = float(i)
            train_loss = w * w
            w = w - 0.25 * 2 * w
        """,
    )
    assert record.points["loss"] == [(0, 16.0), (1, 4.0), (2, 1.0), (3, 0.25)]
    assert record.values("var/train_loss") == [16.0, 4.0, 1.0, 0.25]


def test_the_better_name_wins_also_when_it_comes_second(record):
    run(
        record,
        """
        for i in range(3):
            error = float(i)
            val_loss = 10.0 + i
            loss = 20.0 + i
            len("")
        """,
    )
    assert record.values("loss") == [20.0, 21.0, 22.0]


def test_a_printed_loss_counts_where_none_is_assigned(record):
    run(record, "for i in range(3):\n    print(f'epoch {i} nll: {i / 2}')")
    assert record.points["loss"] == [(0, 0.0), (1, 0.5), (2, 1.0)]


def test_once_is_no_series_and_other_names_are_no_loss(record):
    run(
        record,
        """
        for i in range(1):
            loss = float(i)
        for i in range(5):
            accuracy = float(i)
            closs_count = float(i)
        """,
    )
    assert "loss" not in record.points


def test_a_backward_knows_better(record):
    run(
        record,
        """
        w = torch.ones(1, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.0)
        for i in range(3):
            out = (3 * w).sum()
            out.backward()
            optimizer.step()
            loss = 100.0 + float(i)
        """,
    )
    assert record.values("loss") == [3.0, 3.0, 3.0]
    assert record.values("var/loss") == [100.0, 101.0, 102.0]


def test_names_are_ranked():
    ordered = ["train_loss", "val_loss", "NLL", "cost", "objective", "mse"]
    assert sorted(ordered, key=rank) == ordered
    assert rank("trainLoss") == 0
    assert rank("accuracy") is None
    assert rank("glossy") is None
