"""The value of a loss, in every form that backward takes it."""

from __future__ import annotations

import gc
import math
import weakref

import pytest
import torch
from torch import nn
from torch.autograd import grad as imported_grad

X = torch.tensor([[3.0, 4.0]])


@pytest.fixture
def w():
    return torch.tensor([1.0, 2.0], requires_grad=True)


def test_a_scalar_is_taken_as_it_is_whatever_its_shape(record, w):
    with record.running():
        (X @ w).sum().backward()
        (X @ w).backward()  # shape (1,)
        (X @ w).reshape(1, 1).backward()
        torch.autograd.backward((X @ w).sum(), torch.tensor(3.0))
    assert record.values("loss") == [11.0, 11.0, 11.0, 11.0]


def test_a_vector_counts_with_its_weights(record, w):
    with record.running():
        (X[0] * w).backward(torch.tensor([0.5, 0.25]))  # (3, 8): 1.5 + 2
    assert record.values("loss") == [3.5]


def test_a_matrix_with_a_gradient_is_a_backward_but_no_loss(record, w):
    with record.running() as panel:
        torch.outer(w, w).backward(torch.ones(2, 2))
        (X @ w).sum().backward()
    assert record.points["loss"] == [(1, 11.0)]
    assert panel.num_steps == 2


def test_several_roots_count_as_their_sum(record, w):
    with record.running():
        torch.autograd.backward([(X @ w).sum(), w.sum()])
    assert record.values("loss") == [14.0]


@pytest.mark.parametrize("call", [torch.autograd.grad, imported_grad], ids=["torch", "imported"])
def test_autograd_grad_of_leaves_is_a_loss(record, w, call):
    with record.running() as panel:
        for _ in range(3):
            (g,) = call((X @ w).sum(), [w])
            with torch.no_grad():
                w -= 0.01 * g
    assert record.points["loss"][0] == (0, 11.0)
    assert record.values("loss")[1] == pytest.approx(10.75)
    assert panel.num_steps == 3
    assert record.values("grad_norm/w") == pytest.approx([5.0] * 3)


def test_autograd_grad_of_an_inner_value_is_none(record, w):
    with record.running() as panel:
        hidden = X * w
        torch.autograd.grad(hidden.sum(), hidden)
        torch.autograd.grad((X * w).sum(), w, create_graph=True)
    assert "loss" not in record.points
    assert panel.num_steps == 0


def test_nan_and_inf_are_kept_and_counted(record, w):
    with record.running():
        for factor in (1.0, math.nan, math.inf, 1.0):
            (X @ w * factor).sum().backward()
            w.grad = None
    assert record.values("loss")[0] == 11.0
    assert math.isnan(record.values("loss")[1])
    assert record.values("loss")[2] == math.inf
    assert record.points["nonfinite/loss"] == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert record.points["nonfinite/grad"] == [(0, 0.0), (1, 1.0), (2, 1.0)]


def test_the_graph_of_a_loss_is_not_kept_alive(record):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    class Watched(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            held = torch.ones(1)
            refs.append(weakref.ref(held))
            ctx.held = held
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g

    refs = []
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    with record.running():
        for _ in range(3):
            loss = Watched.apply(model(X)).sum()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            del loss
            gc.collect()
            assert refs[-1]() is None
    assert len(refs) == 3


def test_one_loss_alone_has_no_series_of_its_own(record):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with record.running():
        for turn in range(4):
            loss = model(X).sum()
            if turn % 2:
                loss.backward()
            else:
                loss.backward()
            optimizer.step()
    assert record.keys("loss") == ["loss"]


def test_one_variable_that_serves_two_optimizers_is_told_apart_by_them(record):
    nets = {"a": nn.Linear(2, 1), "b": nn.Linear(2, 1)}
    opt_a = torch.optim.SGD(nets["a"].parameters(), lr=0.0)
    opt_b = torch.optim.SGD(nets["b"].parameters(), lr=0.0)
    with record.running():
        for _ in range(2):
            loss = nets["a"](X).sum()
            loss.backward()
            opt_a.step()
            loss = nets["b"](X).sum()
            loss.backward()
            opt_b.step()
    assert record.keys("loss") == ["loss", "loss/opt_a", "loss/opt_b"]
    assert record.steps("loss/opt_a") == [0, 2]
    assert record.steps("loss/opt_b") == [1, 3]


def test_a_helper_called_for_two_models_is_told_apart_by_their_optimizers(record):
    def step(model, optimizer):
        optimizer.zero_grad()
        loss = model(X).sum()
        loss.backward()
        optimizer.step()

    namespace = {}
    for name in ("left", "right"):
        namespace[name] = nn.Linear(2, 1)
        namespace[f"opt_{name}"] = torch.optim.SGD(namespace[name].parameters(), lr=0.0)
    with record.running(namespace=lambda: namespace):
        for _ in range(2):
            for name in ("left", "right"):
                step(namespace[name], namespace[f"opt_{name}"])
    assert record.steps("loss/opt_left") == [0, 2]
    assert record.steps("loss/opt_right") == [1, 3]
    assert record.steps("grad_norm/right.weight") == [1, 3]


def test_a_second_loss_that_comes_late_gets_its_series_from_then_on(record):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with record.running():
        for turn in range(80):
            first = model(X).sum()
            first.backward()
            optimizer.step()
            if turn == 78:
                second = model(X).sum()
                second.backward()
                optimizer.step()
    assert len(record.values("loss")) == 81
    assert record.steps("loss/second") == [79]
    assert record.steps("loss/first")[-1] == 80


def test_a_run_that_ended_keeps_no_model_alive(record):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record.running() as panel:
        for _ in range(3):
            model(X).sum().backward()
            optimizer.step()
        (panel_of_the_past,) = (panel,)
    refs = [weakref.ref(model), weakref.ref(optimizer), weakref.ref(model.weight)]
    del model, optimizer
    gc.collect()
    assert [ref() for ref in refs] == [None, None, None]
    assert panel_of_the_past.num_steps == 3
