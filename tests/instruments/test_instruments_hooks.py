"""torch is patched while a panel runs and exactly as before afterwards; our faults stay ours."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading

import pytest
import torch
import torch.utils.data.dataloader
from torch import nn
from torch.optim import optimizer as optimizer_module

from nbtrack.instruments import Panel, hooks
from nbtrack.instruments.torch_import import TorchImport

X = torch.ones(2, 3)


def torch_as_it_is():
    """Every object of torch that a panel replaces or adds to, and those it must leave alone."""
    return {
        "engine": torch.autograd._engine_run_backward,
        "backward": torch.autograd.backward,
        "grad": torch.autograd.grad,
        "Tensor.backward": torch.Tensor.backward,
        "pre": dict(optimizer_module._global_optimizer_pre_hooks),
        "post": dict(optimizer_module._global_optimizer_post_hooks),
        "scaler": dict(vars(torch.amp.GradScaler)),
        "iterator": dict(vars(torch.utils.data.dataloader._BaseDataLoaderIter)),
        "module": dict(vars(nn.Module)),
        "meta_path": list(sys.meta_path),
        "global forward": dict(nn.modules.module._global_forward_pre_hooks),
    }


def train(model, optimizer, steps=4):
    for _ in range(steps):
        optimizer.zero_grad()
        model(X).sum().backward()
        optimizer.step()


def model_and_optimizer():
    model = nn.Linear(3, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def hooks_of(model):
    return dict(model._forward_pre_hooks), dict(model._forward_pre_hooks_with_kwargs)


def test_everything_is_as_before_when_the_last_panel_stops(record):
    before = torch_as_it_is()
    model, optimizer = model_and_optimizer()
    with record.running():
        changed = torch_as_it_is()
        assert changed["engine"] is not before["engine"]
        assert changed["pre"] != before["pre"]
        second = Panel(record.emit, lambda: 0.0)
        second.start()
        train(model, optimizer)
        second.stop()
        assert torch_as_it_is() == changed  # the first still runs
    assert torch_as_it_is() == before
    assert hooks_of(model) == ({}, {})


def test_everything_is_as_before_after_an_exception(record):
    before = torch_as_it_is()
    model, optimizer = model_and_optimizer()

    def broken():
        train(model, optimizer)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), record.running():
        broken()
    assert torch_as_it_is() == before
    assert hooks_of(model) == ({}, {})


def test_stopping_twice_or_before_starting_is_harmless(record):
    before = torch_as_it_is()
    panel = Panel(record.emit, lambda: 0.0)
    panel.stop()
    panel.start()
    panel.stop()
    panel.stop()
    assert torch_as_it_is() == before
    assert not panel.running


def test_what_somebody_else_patched_meanwhile_is_left_in_place(record):
    original = torch.autograd._engine_run_backward
    model, optimizer = model_and_optimizer()
    with record.running():
        ours = torch.autograd._engine_run_backward

        def theirs(*args, **kwargs):
            return ours(*args, **kwargs)

        torch.autograd._engine_run_backward = theirs
    try:
        assert torch.autograd._engine_run_backward is theirs
        train(model, optimizer)  # and still works, through ours
    finally:
        torch.autograd._engine_run_backward = original


def test_events_go_where_the_route_says(record, route):
    model, optimizer = model_and_optimizer()
    other = Panel(lambda *a: pytest.fail("the wrong panel was told"), lambda: 0.0)
    with record.running() as panel:
        hooks.attach(other)
        try:
            with route(lambda: panel):
                train(model, optimizer, 2)
            with route(lambda: None):
                train(model, optimizer, 2)
        finally:
            hooks.detach(other)
    assert record.steps("loss") == [0, 1]


def test_a_route_that_fails_is_no_route(record, route):
    model, optimizer = model_and_optimizer()
    with record.running(), route(lambda: 1 / 0):
        train(model, optimizer)
    assert "loss" not in record.points


def test_a_fault_of_ours_is_said_once_and_the_training_goes_on(record):
    model, optimizer = model_and_optimizer()
    with record.running() as panel:
        panel._signals.optimizers.enter = None
        train(model, optimizer, 5)
    assert len(record.warnings) == 1
    assert "instrument 'steps' failed" in record.warnings[0]
    assert "TypeError" in record.warnings[0]
    record.warnings.clear()


def test_a_failing_store_switches_off_and_the_training_goes_on():
    model, optimizer = model_and_optimizer()
    said = []

    def emit(*args):
        raise RuntimeError("no store")

    panel = Panel(emit, lambda: 0.0, warn=said.append)
    panel.start()
    train(model, optimizer, 5)
    panel.stop()
    assert said
    assert all("no store" in sentence for sentence in said)
    assert len(set(said)) == len(said)


def test_an_error_in_the_users_backward_passes_through_unchanged(record):
    with record.running(), pytest.raises(RuntimeError, match="does not require grad"):
        torch.ones(1).backward()


def test_a_training_in_a_thread_is_heard_too(record):
    model, optimizer = model_and_optimizer()
    with record.running():
        thread = threading.Thread(target=train, args=(model, optimizer))
        thread.start()
        thread.join()
    assert record.steps("loss") == [0, 1, 2, 3]


def test_without_the_private_name_the_public_functions_are_patched(record, monkeypatch):
    model, optimizer = model_and_optimizer()
    w = torch.ones(3, requires_grad=True)
    engine = torch.autograd._engine_run_backward
    before = torch.autograd.backward, torch.autograd.grad
    monkeypatch.delattr(torch.autograd, "_engine_run_backward")
    with record.running():
        assert torch.autograd.backward is not before[0]
        monkeypatch.setattr(torch.autograd, "_engine_run_backward", engine, raising=False)
        train(model, optimizer, 3)
        torch.autograd.grad((2 * w).sum(), [w])
    assert record.steps("loss") == [0, 1, 2]  # w is nobody's parameter here
    assert (torch.autograd.backward, torch.autograd.grad) == before


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_panel_started_before_torch_hears_it_and_does_not_import_it():
    printed = run(
        """
        import sys
        from nbtrack.instruments import Panel
        points = []
        panel = Panel(lambda k, v, s, t: points.extend((key, s) for key in k), lambda: 0.0)
        panel.start()
        assert "torch" not in sys.modules
        finders = len(sys.meta_path)
        import torch
        assert len(sys.meta_path) == finders - 1
        assert "exec_module" not in vars(torch.__spec__.loader)
        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
        panel.stop()
        print([step for key, step in points if key == "loss"] == [0, 1])
        print(torch.autograd._engine_run_backward.__module__)
        """
    )
    assert printed == ["True", "torch.autograd.graph"]


def test_a_panel_that_stops_before_torch_leaves_nothing_behind():
    printed = run(
        """
        import sys
        from nbtrack.instruments import Panel
        finders = list(sys.meta_path)
        panel = Panel(lambda *a: None, lambda: 0.0)
        panel.start()
        assert sys.meta_path != finders
        panel.stop()
        assert sys.meta_path == finders
        assert "torch" not in sys.modules
        print("clean")
        """
    )
    assert printed == ["clean"]


def test_the_import_hook_looks_at_nothing_but_torch():
    assert TorchImport(lambda: None).find_spec("json", None) is None


def test_a_forked_worker_is_not_listened_to(record):
    class Inside(torch.utils.data.Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            w = torch.ones(1, requires_grad=True)
            (w * 2).sum().backward()  # in the worker
            return w.detach()

    with record.running():
        loader = torch.utils.data.DataLoader(Inside(), batch_size=2, num_workers=1)
        assert len(list(loader)) == 2
    assert "loss" not in record.points
