"""Numbers given to names in the loops of a cell become series."""

from __future__ import annotations

import ast
import builtins
import textwrap
import traceback
from collections import deque

import cloudpickle
import numpy as np
import pytest
import torch

from nbtrack.instruments import ScalarWatcher, scalars


def run(source, namespace=None, watch=None):
    """Run a cell as it is run when tracked."""
    namespace = {} if namespace is None else namespace
    tree = ScalarWatcher(watch).visit(ast.parse(textwrap.dedent(source)))
    exec(compile(tree, "<cell>", "exec"), namespace)
    return namespace


def test_every_form_of_assignment_in_a_loop_is_seen(record):
    with record.running():
        run(
            """
            from types import SimpleNamespace
            losses, history, best = [], {"loss": []}, {}
            accs = [0.0] * 3
            total = 0.0
            for i in range(3):
                plain = float(i)
                annotated: float = 10.0 + i
                left, (right, *rest) = i, (2 * i, 0, 0)
                total += 1.5
                if (found := 100 + i) > 101:
                    pass
                losses.append(plain)
                history["loss"].append(plain * 2)
                accs[i] = plain / 2
                best["acc"] = plain * 4
            """
        )
    assert record.points["var/plain"] == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert record.values("var/annotated") == [10.0, 11.0, 12.0]
    assert record.values("var/left") == [0, 1, 2]
    assert record.values("var/right") == [0, 2, 4]
    assert record.values("var/total") == [1.5, 3.0, 4.5]
    assert record.values("var/found") == [100, 101, 102]
    assert record.values("var/losses") == [0.0, 1.0, 2.0]
    assert record.values("var/history/loss") == [0.0, 2.0, 4.0]
    assert record.values("var/accs") == [0.0, 0.5, 1.0]
    assert record.values("var/best/acc") == [0.0, 4.0, 8.0]
    assert "var/rest" not in record.points


def test_functions_and_methods_of_the_cell_are_watched_but_not_everything(record):
    with record.running():
        run(
            """
            import functools
            class Trainer:
                def __init__(self):
                    self.losses = []
                def fit(self):
                    for epoch in range(2):
                        value = float(epoch)
                        self.losses.append(value)
                def forward(self):
                    for i in range(2):
                        inner = float(i)
            def work():
                acc = 5.0
                while (left := next(numbers)) > 0:
                    inside = float(left)
                    with open("/dev/null"):
                        in_with = inside
                    try:
                        in_try = inside
                    finally:
                        in_finally = inside
            @functools.cache
            def decorated():
                for i in range(2):
                    hidden = float(i)
            numbers = iter([2, 1, 0])
            trainer = Trainer()
            trainer.fit(); trainer.forward(); work(); decorated()
            _ = (lambda: [y := float(k) for k in range(3)])()
            for step in range(2):
                _private = float(step)
                text = str(step)
            for step in range(4):
                no_call = step * 2
            outside = 1.0
            """
        )
    assert record.keys("var/") == [
        "var/in_finally",
        "var/in_try",
        "var/in_with",
        "var/inside",
        "var/left",
        "var/losses",
        "var/value",
    ]
    assert record.values("var/left") == [2, 1]
    assert record.values("var/in_with") == [2.0, 1.0]


def test_all_that_holds_one_number_counts_and_nothing_else(record):
    values = [
        1,
        True,
        2.5,
        np.float32(0.5),
        np.int64(7),
        np.bool_(True),
        np.array([3.0]),
        np.array(4),
        torch.tensor(0.25, requires_grad=True),
        torch.tensor([[6.0]]),
        float("nan"),
        10**400,
        "0.5",
        None,
        [1.0],
        np.array([1.0, 2.0]),
        torch.ones(2),
        torch.tensor(1j),
        1j,
        np.array(["a"]),
    ]
    with record.running():
        run("for item in values:\n    value = item\n    len('')", {"values": values})
    found = record.values("var/value")
    assert found[:10] == [1.0, 1.0, 2.5, 0.5, 7.0, 1.0, 3.0, 4.0, 0.25, 6.0]
    assert len(found) == 11
    assert found[10] != found[10]


def test_the_step_is_the_panels_once_there_is_one(record):
    w = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.0)
    source = """
        for i in range(3):
            before = float(i)
        for i in range(3):
            loss = (w * i).sum()
            loss.backward()
            optimizer.step()
            after = float(i)
        """
    with record.running():
        run(source, {"w": w, "optimizer": optimizer})
    assert record.steps("var/before") == [0, 1, 2]
    assert record.steps("var/after") == [0, 1, 2]
    assert record.steps("var/loss") == [0, 0, 1]  # assigned before its own backward


def test_watch_narrows_what_is_seen(record):
    source = """
        history = {"loss": [], "acc": []}
        for i in range(2):
            a = float(i)
            b = float(i)
            history["loss"].append(a)
            history["acc"].append(a)
        """
    with record.running(watch=["b", "history.loss"]):
        run(source, watch=["b", "history.loss"])
        run(source)
    assert record.keys("var/") == ["var/b", "var/history/loss"]
    assert len(record.values("var/b")) == 4


def test_an_index_that_is_a_variable_names_the_series(record):
    with record.running():
        run(
            """
            history = {"train": [], "val": []}
            for epoch in range(2):
                for phase in ["train", "val"]:
                    history[phase].append(float(epoch))
                    len("")
            """
        )
    assert record.keys("var/") == ["var/history/train", "var/history/val"]


def test_containers_that_cannot_be_looked_at_are_left_alone(record):
    class Sink:
        def append(self, value):
            pass

        def __getitem__(self, index):
            raise AssertionError("must not matter")

    with record.running():
        run(
            """
            for i in range(2):
                sink.append(float(i))
                mask[mask > 0] = float(i)
                queue.append(float(i))
            """,
            {"sink": Sink(), "mask": np.ones(3), "queue": deque()},
        )
    assert record.keys("var/") == ["var/queue"]


def test_the_cell_does_what_it_did_and_errors_keep_their_lines():
    source = "def f(x):\n    for i in range(3):\n        y = int(x)\n        z = 1 / (i - 2)\n"
    plain, tracked = {}, run(source)
    exec(compile(source, "<cell>", "exec"), plain)
    lines = []
    for namespace in (plain, tracked):
        try:
            namespace["f"](1)
        except ZeroDivisionError as error:
            lines.append(traceback.extract_tb(error.__traceback__)[-1].lineno)
    assert lines == [4, 4]
    assert set(tracked) - set(plain) == set()


def test_functions_of_the_cell_work_after_the_run_and_without_our_names(record):
    source = """
        def count(n):
            for i in range(n):
                value = float(i)
            return value
        """
    with record.running():
        count = run(source)["count"]
        assert count(3) == 2.0
    assert count(3) == 2.0
    assert record.values("var/value") == [0.0, 1.0, 2.0]
    carried = cloudpickle.loads(cloudpickle.dumps(count))
    assert carried(4) == 3.0
    pickled = cloudpickle.dumps(count)
    for name in (scalars.SEE, scalars.SEE_INDEX):
        pickled = pickled.replace(name.encode(), b"")
    assert b"nbtrack" not in pickled
    held = {name: builtins.__dict__.pop(name) for name in (scalars.SEE, scalars.SEE_INDEX)}
    try:
        assert count(5) == 4.0  # as in a process that never saw nbtrack
    finally:
        vars(builtins).update(held)


def test_reset_takes_nothing_away(record):
    source = "def f():\n    for i in range(2):\n        v = float(i)\n    return v\n"
    namespace = run(source)
    f = namespace["f"]
    namespace.clear()
    namespace["__builtins__"] = builtins
    with record.running():
        assert f() == 1.0
    assert record.values("var/v") == [0.0, 1.0]


def test_a_hot_name_is_thinned_by_time_and_its_last_value_kept(record):
    with record.running():
        run("for i in range(20_000):\n    hot = float(i)\nfor i in range(10):\n    cool = float(i)")
    found = record.values("var/hot")
    assert found[:2000] == [float(i) for i in range(2000)]
    assert len(found) < 10_000
    assert record.points["var/hot"][-1] == (19_999, 19_999.0)
    assert record.values("var/cool") == [float(i) for i in range(10)]
    words = record.panel.readings["var/hot"]
    assert words == f"{len(found):,} of 20,000 values (at most 1,000 a second)"
    assert "var/cool" not in record.panel.readings


def test_too_many_names_are_refused_and_said(record):
    with record.running():
        run("h = {i: [] for i in range(300)}\nfor i in range(300):\n    h[i].append(float(i))")
    assert len(record.keys("var/")) == 200
    assert record.panel.readings["var/*"] == "the first 200 names; 100 more were left out"


def test_awaiting_cells_are_watched_too(record):
    import asyncio

    source = """
        import asyncio
        async def work():
            async for i in numbers():
                value = float(i)
                await asyncio.sleep(0)
        async def numbers():
            for i in range(2):
                doubled = 2.0 * abs(i)
                yield i
        """
    with record.running():
        asyncio.run(run(source)["work"]())
    assert record.values("var/value") == [0.0, 1.0]
    assert record.values("var/doubled") == [0.0, 2.0]


@pytest.mark.slow
def test_a_compiled_function_stays_one_graph(record):
    source = """
        def f(x):
            values = []
            for _ in range(2):
                y = torch.sin(x)
                total = y.sum()
                values.append(total)
                x = x + total
            return x
        """
    namespace = {"torch": torch}
    plain = run(source, namespace)["f"](torch.ones(3))
    compiled = torch.compile(namespace["f"], fullgraph=True, backend="eager")
    with record.running():
        torch.testing.assert_close(compiled(torch.ones(3)), plain)
        counted = torch._dynamo.utils.counters["stats"]["unique_graphs"]
        compiled(torch.ones(3))
    compiled(torch.ones(3))  # after the run: no guard of ours has failed
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == counted
