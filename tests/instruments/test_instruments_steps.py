"""Which step a loss and an optimizer's step belong to."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nbtrack.errors import RunStopped


def line():
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 2.0]]))
    return model


X = torch.tensor([[3.0, 4.0]])  # model(X) is 11, its gradient X: norm 5


def test_each_step_has_one_loss_and_the_step_counts_from_zero(record):
    model = line()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with record.running() as panel:
        for _ in range(3):
            optimizer.zero_grad()
            model(X).sum().backward()
            optimizer.step()
            assert panel.num_steps == panel.step + 1
        assert (panel.step, panel.num_steps) == (2, 3)
    # 11, then 0.01 * 25 less at each step
    assert record.points["loss"] == [(0, 11.0), (1, pytest.approx(10.75)), (2, pytest.approx(10.5))]
    assert record.points["lr/group0"] == [(0, 0.01), (1, 0.01), (2, 0.01)]
    assert record.points["grad_norm/total"] == [(0, 5.0), (1, 5.0), (2, 5.0)]
    assert record.points["grad_norm/weight"] == [(0, 5.0), (1, 5.0), (2, 5.0)]


def test_accumulation_gives_several_losses_of_one_step(record):
    model = line()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with record.running() as panel:
        for _ in range(2):
            optimizer.zero_grad()
            for _ in range(3):
                (model(X).sum() / 3).backward()
            optimizer.step()
        assert panel.num_steps == 2
    assert record.steps("loss") == [0, 0, 0, 1, 1, 1]
    assert record.values("grad_norm/total") == pytest.approx([5.0, 5.0])
    assert "grad_norm/preclip" not in record.points


def test_the_halves_of_a_gan_are_steps_of_their_own(record):
    d, g = line(), line()
    opt_d = torch.optim.SGD(d.parameters(), lr=0.01)
    opt_g = torch.optim.SGD(g.parameters(), lr=0.02)
    with record.running() as panel:
        for _ in range(2):
            d_loss = d(X).sum()
            d_loss.backward()
            opt_d.step()
            g_loss = g(X).sum()
            g_loss.backward()
            opt_g.step()
        assert panel.num_steps == 4
    assert record.steps("loss") == [0, 1, 2, 3]
    assert record.steps("loss/d_loss") == [0, 2]
    assert record.steps("loss/g_loss") == [1, 3]
    assert record.values("loss/d_loss")[0] == 11.0
    assert record.points["lr/opt_d/group0"] == [(0, 0.01), (2, 0.01)]
    assert record.points["lr/opt_g/group0"] == [(1, 0.02), (3, 0.02)]
    assert record.steps("grad_norm/opt_d/total") == [0, 2]
    assert record.steps("grad_norm/opt_g/total") == [1, 3]
    assert record.steps("grad_norm/d.weight") == [0, 2]
    assert record.steps("update_ratio/g.weight") == [1, 3]
    assert "lr/group0" not in record.points
    assert "grad_norm/total" not in record.points


def test_two_optimizers_on_one_backward_share_the_step_and_it_ends_with_the_second(record):
    model = nn.Linear(2, 2)
    first = torch.optim.SGD([model.weight], lr=0.1)
    second = torch.optim.SGD([model.bias], lr=0.2)
    ended = []
    with record.running() as panel:
        panel.on_step = lambda step: ended.append((step, second.param_groups[0]["seen"]))
        for turn in range(4):
            second.param_groups[0]["seen"] = turn
            model(X).sum().backward()
            first.step()
            second.param_groups[0]["seen"] = f"{turn} whole"
            second.step()
        assert panel.num_steps == 4
    assert record.steps("loss") == [0, 1, 2, 3]
    assert record.steps("lr/first/group0") == [0, 1, 2, 3]
    assert record.steps("lr/second/group0") == [0, 1, 2, 3]
    # that two belong together is known from the second step on
    assert ended[1:] == [(0, "0 whole"), (1, "1 whole"), (2, "2 whole"), (3, "3 whole")]


def test_a_second_step_without_a_backward_advances(record):
    model = line()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with record.running() as panel:
        model(X).sum().backward()
        optimizer.step()
        optimizer.step()
        assert panel.num_steps == 2
    assert record.steps("lr/group0") == [0, 1]


def test_every_backward_of_an_lbfgs_closure_belongs_to_its_step(record):
    model = line()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)

    def closure():
        optimizer.zero_grad()
        loss = model(X).square().sum()
        loss.backward()
        return loss

    with record.running() as panel:
        optimizer.step(closure)
        evaluations = len(record.values("loss")) or None
        optimizer.step(closure)
        assert panel.num_steps == 2
    assert evaluations is None or evaluations > 0
    assert set(record.steps("loss")) == {0, 1}
    assert record.values("loss")[0] == 121.0
    assert record.steps("lr/group0") == [0, 1]
    assert record.steps("grad_norm/total") == [0, 1]
    assert record.steps("update_ratio/total") == [0, 1]


def test_an_optimizer_inside_another_is_a_part_of_it(record):
    class Twice(torch.optim.Optimizer):
        def __init__(self, inner):
            self.inner = inner
            super().__init__(inner.param_groups, {})

        def step(self, closure=None):
            self.inner.step()
            self.inner.step()

    model = line()
    optimizer = Twice(torch.optim.SGD(model.parameters(), lr=0.01))
    with record.running() as panel:
        for _ in range(2):
            optimizer.zero_grad()
            model(X).sum().backward()
            optimizer.step()
        assert panel.num_steps == 2
    assert record.steps("lr/group0") == [0, 1]


def test_a_step_that_raised_is_over(record):
    model = line()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def broken():
        raise ValueError("no loss today")

    other = torch.optim.SGD(model.parameters(), lr=0.01)
    with record.running() as panel:
        with pytest.raises(ValueError, match="no loss today"):
            optimizer.step(broken)
        for _ in range(2):
            model(X).sum().backward()
            other.step()
        assert panel.num_steps == 2


def test_stopping_raises_after_the_step_that_finished(record):
    model = line()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    before = []

    def stop(step):
        if step == 2:
            raise RunStopped(step)

    def train():
        for _ in range(10):
            optimizer.zero_grad()
            model(X).sum().backward()
            before.append(model.weight.detach().clone())
            optimizer.step()

    with record.running() as panel:
        panel.on_step = stop
        with pytest.raises(RunStopped, match="after step 2"):
            train()
    assert len(before) == 3
    assert not torch.equal(model.weight, before[-1])  # the third step was taken
    assert record.steps("loss") == [0, 1, 2]


def test_stopping_under_a_scaler_leaves_a_scaler_that_goes_on(record):
    model = line()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    def stop(step):
        raise RunStopped(step)

    def train(times):
        for _ in range(times):
            optimizer.zero_grad()
            scaler.scale(model(X).sum()).backward()
            scaler.step(optimizer)
            scaler.update()

    with record.running() as panel:
        panel.on_step = stop
        with pytest.raises(RunStopped):
            train(5)
        assert panel.num_steps == 1
        panel.on_step = None
        train(2)
        assert panel.num_steps == 3


def test_a_backward_inside_a_backward_is_no_loss(record):
    from torch.utils.checkpoint import checkpoint

    model = line()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    x = X.clone().requires_grad_()
    with record.running() as panel:
        for _ in range(2):
            checkpoint(model, x, use_reentrant=True).sum().backward()
            optimizer.step()
        assert panel.num_steps == 2
    assert record.points["loss"] == [(0, 11.0), (1, 11.0)]


def test_gradients_of_something_larger_are_no_loss(record):
    model = line()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    x = X.clone().requires_grad_()
    with record.running():
        for _ in range(2):
            (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
            slope.square().sum().backward()  # 1 + 4
            optimizer.step()
            torch.autograd.grad(model(x).sum(), x)  # an input, not a parameter
    assert record.points["loss"] == [(0, 5.0), (1, 5.0)]


def test_a_backward_in_the_middle_of_nothing_is_counted_once_each(record):
    """No optimizer and no parameters moved: every backward is a step taken by hand."""
    w = torch.ones(1, requires_grad=True)
    with record.running() as panel:
        for _ in range(3):
            (2 * w).sum().backward()
    assert panel.num_steps == 3
    assert record.points["loss"] == [(0, 2.0), (1, 2.0), (2, 2.0)]


def test_an_optimizer_over_tensors_in_the_device_of_a_loop_in_a_class(record):
    class Trainer:
        def __init__(self):
            self.model = line()
            self.optim = torch.optim.SGD(self.model.parameters(), lr=0.01)

        def fit(self, steps):
            for _ in range(steps):
                self.optim.zero_grad()
                loss = self.model(X).sum()
                loss.backward()
                self.optim.step()

    with record.running() as panel:
        Trainer().fit(3)
        assert panel.num_steps == 3
    assert record.steps("grad_norm/weight") == [0, 1, 2]
