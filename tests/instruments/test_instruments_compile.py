"""Compiled modules, losses, whole steps and optimizers: the same bits, no graph more."""

from __future__ import annotations

import contextlib

import pytest
import torch
import torch._dynamo
from torch import nn

X = torch.linspace(-1, 1, 64).reshape(16, 4)
Y = X.sum(1, keepdim=True)


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch._dynamo.reset()


def graphs():
    return torch._dynamo.utils.counters["stats"]["unique_graphs"]


def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


def compiled_module(backend, steps=6):
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    compiled = torch.compile(model, backend=backend)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = ((compiled(X) - Y) ** 2).mean()
        loss.backward()
        optimizer.step()
    return model


def compiled_in_place(backend, steps=6):
    model = mlp()
    model.compile(backend=backend)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        ((model(X) - Y) ** 2).mean().backward()
        optimizer.step()
    return model


def compiled_step(backend, steps=6):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    @torch.compile(backend=backend)
    def step(x, y):
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(steps):
        step(X, Y)
    return model


def compiled_optimizer(backend, steps=6):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    @torch.compile(backend=backend, fullgraph=False)
    def step():
        optimizer.step()

    for _ in range(steps):
        optimizer.zero_grad()
        ((model(X) - Y) ** 2).mean().backward()
        step()
    return model


def outcome(train, backend, tracking):
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    with tracking:
        model = train(backend)
    return [p.detach().numpy().tobytes() for p in model.parameters()], graphs()


@pytest.mark.parametrize("train", [compiled_module, compiled_in_place])
@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_a_compiled_module_trains_to_the_same_bits(record, train, backend):
    plain = outcome(train, backend, contextlib.nullcontext())
    assert outcome(train, backend, record.running(every=1)) == plain
    assert record.steps("loss") == list(range(6))
    assert record.steps("grad_norm/0.weight") == list(range(6))
    assert record.steps("update_ratio/2.bias") == list(range(6))


@pytest.mark.parametrize("train", [compiled_step, compiled_optimizer])
def test_a_step_compiled_with_its_optimizer_is_seen_by_the_weights_moving(record, train):
    plain, _ = outcome(train, "aot_eager", contextlib.nullcontext())
    tracked, _ = outcome(train, "aot_eager", record.running())
    assert tracked == plain
    assert record.steps("loss") == list(range(6))
    assert record.panel.num_steps == 6
    assert record.steps("grad_norm/total") == list(range(6))


def test_accumulation_is_not_taken_for_that(record):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with record.running() as panel:
        for _ in range(3):
            model(X).sum().backward()
        assert panel.num_steps == 0
        optimizer.step()
    assert record.steps("loss") == [0, 0, 0]


def test_an_optimizer_that_tells_nobody_is_seen_by_the_weights_moving(record):
    """As those written in C++ or wrapped so that torch's hooks do not run."""
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    silent = torch.optim.SGD.step.__wrapped__
    with record.running() as panel:
        for _ in range(4):
            optimizer.zero_grad()
            model(X).sum().backward()
            silent(optimizer)
    assert panel.num_steps == 4
    assert record.steps("loss") == [0, 1, 2, 3]
