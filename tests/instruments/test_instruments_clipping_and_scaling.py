"""What the optimizer sees and what it was before: clipped, scaled, skipped. Numbers by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

X = torch.tensor([[3.0, 4.0]])  # the gradient of model(X).sum(): norm 5


def line():
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 2.0]]))
    return model


def train(record, change, steps=5, lr=0.0):
    model = line()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    with record.running():
        for _ in range(steps):
            optimizer.zero_grad()
            model(X).sum().backward()
            change(model)
            optimizer.step()


def by_norm(model):
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)


def by_value(model):
    nn.utils.clip_grad_value_(model.parameters(), 3.0)  # (3, 4) -> (3, 3)


def through_data(model):
    model.weight.grad.data.div_(5.0)


def by_replacement(model):
    model.weight.grad = model.weight.grad / 5.0


@pytest.mark.parametrize(
    ("change", "seen"),
    [(by_norm, 1.0), (by_value, math.sqrt(18.0)), (through_data, 1.0), (by_replacement, 1.0)],
)
def test_the_gradient_before_clipping_is_kept_beside_the_clipped_one(record, change, seen):
    train(record, change)
    assert record.values("grad_norm/total") == pytest.approx([seen] * 5, rel=1e-5)
    assert record.values("grad_norm/preclip")[:3] == [5.0] * 3
    assert record.steps("grad_norm/preclip")[:3] == [0, 1, 2]
    assert record.values("grad_norm/preclip/weight")[:3] == [5.0] * 3
    assert record.values("grad_norm/weight") == pytest.approx([seen] * 5, rel=1e-5)


def test_without_clipping_there_is_no_such_series(record):
    train(record, lambda model: None)
    assert record.values("grad_norm/total") == [5.0] * 5
    assert record.keys("grad_norm/preclip") == []


def test_clipping_that_begins_late_is_noticed(record):
    turns = iter(range(100))

    def late(model):
        if next(turns) >= 10:
            by_norm(model)

    train(record, late, steps=60)
    assert record.steps("grad_norm/preclip")[0] > 10
    assert set(record.values("grad_norm/preclip")) == {5.0}


def test_accumulation_reads_what_the_last_backward_left(record):
    model = line()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with record.running():
        for _ in range(3):
            optimizer.zero_grad()
            for _ in range(4):
                model(X).sum().backward()
            by_norm(model)
            optimizer.step()
    assert record.values("grad_norm/preclip") == [20.0] * 3
    assert record.values("grad_norm/total") == pytest.approx([1.0] * 3, rel=1e-5)


def scaled_training(record, *, fused=False, clip=False, skip=(), steps=4, divide=1.0):
    model = line()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=1000)
    with record.running() as panel:
        for turn in range(steps):
            optimizer.zero_grad()
            loss = model(X).sum()
            if turn in skip:
                loss = loss * math.inf
            (scaler.scale(loss) / divide).backward()
            assert turn in skip or model.weight.grad.norm() == 5.0 * scaler.get_scale() / divide
            if clip:
                scaler.unscale_(optimizer)
                by_norm(model)
            scaler.step(optimizer)
            scaler.update()
    return panel


@pytest.mark.parametrize("fused", [False, True])
def test_loss_and_gradients_are_those_before_scaling(record, fused):
    scaled_training(record, fused=fused)
    assert record.points["loss"] == [(step, 11.0) for step in range(4)]
    assert record.values("grad_norm/total") == [5.0] * 4  # 5120 / 1024
    assert record.keys("grad_norm/preclip") == []  # to unscale is not to clip
    assert record.points["amp/scale"] == [(0, 1024.0)]
    assert record.points["amp/skipped_steps"] == [(0, 0)]


@pytest.mark.parametrize("fused", [False, True])
def test_clipping_of_unscaled_gradients(record, fused):
    scaled_training(record, clip=True, fused=fused)
    assert record.values("grad_norm/preclip")[:3] == [5.0] * 3
    assert record.values("grad_norm/total") == pytest.approx([1.0] * 4, rel=1e-5)


def test_a_loss_made_from_a_scaled_one_is_unscaled_too(record):
    scaled_training(record, divide=2.0)
    assert record.values("loss") == [5.5] * 4
    assert record.values("grad_norm/total") == [2.5] * 4


@pytest.mark.parametrize("fused", [False, True])
def test_a_skipped_step_is_counted_and_seen(record, fused):
    panel = scaled_training(record, fused=fused, skip=(2,))
    assert panel.num_steps == 4  # the loop went round four times
    assert record.steps("loss") == [0, 1, 2, 3]
    assert record.values("loss")[2] == math.inf
    assert record.points["amp/skipped_steps"] == [(0, 0), (2, 1)]
    assert record.points["amp/scale"] == [(0, 1024.0), (3, 512.0)]
    assert record.points["nonfinite/loss"] == [(0, 0.0), (2, 1.0)]
    assert record.points["nonfinite/grad"] == [(0, 0.0), (2, 1.0)]
    assert not math.isfinite(record.values("grad_norm/total")[2])


def test_a_disabled_scaler_changes_nothing(record):
    model = line()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    with record.running():
        for _ in range(2):
            optimizer.zero_grad()
            scaler.scale(model(X).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
    assert record.values("loss") == [11.0, 11.0]
    assert record.keys("amp/") == []


def test_two_scaled_losses_of_one_backward_call(record):
    model = line()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    with record.running():
        for _ in range(2):
            optimizer.zero_grad()
            out = model(X).sum()
            torch.autograd.backward(scaler.scale([out, 2 * out]))
            scaler.step(optimizer)
            scaler.update()
    assert record.values("loss") == [33.0, 33.0]
    assert record.values("grad_norm/total") == [15.0, 15.0]
