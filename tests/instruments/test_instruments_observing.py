"""What is observed of a training on a device: nothing that has to be waited for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nbtrack.instruments import Panel
from nbtrack.instruments.observing.observer import Observer


@pytest.fixture(autouse=True)
def events_go_to_the_panel_started_last(route):
    with route(None):
        yield


def observed(device, clear, *, steps=6, loss_fn=nn.functional.mse_loss, target=None):
    """The facts of a training in which `clear` stands where zero_grad belongs."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x = torch.ones(2, 3, device=device)
    y = torch.zeros(2, 2, device=device) if target is None else target.to(device)
    said = []
    panel = Panel(lambda *_: None, lambda: 0.0, warn=said.append, namespace=dict)
    panel.observer = Observer(lambda: {"model": model, "optimizer": optimizer})
    panel.start()
    try:
        for _ in range(steps):
            clear(optimizer)
            loss_fn(model(x), y).backward()
            optimizer.step()
    finally:
        panel.stop()
    assert said == []
    return panel.observer.facts()["optimizers"][0]


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_gradients_that_are_never_cleared_are_seen_on_any_device(device):
    facts = observed(device, lambda optimizer: None)
    assert facts["stale"] == facts["windows"] > 0
    assert facts["stale_share"] == 1.0


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("to_none", [True, False])
def test_cleared_gradients_are_not_called_stale(device, to_none):
    facts = observed(device, lambda optimizer: optimizer.zero_grad(set_to_none=to_none))
    assert facts["windows"] > 0
    assert facts["stale"] == 0


@pytest.mark.parametrize(
    ("loss_fn", "target"),
    [
        (nn.functional.binary_cross_entropy_with_logits, torch.ones(2, 2)),
        (nn.functional.nll_loss, torch.tensor([0, 1])),
        (lambda p, y: (p[:, :1] - y).pow(2).mean(), torch.ones(2)),
    ],
    ids=["bce", "nll", "outer difference"],
)
def test_no_value_of_a_loss_on_a_device_is_asked_for(loss_fn, target):
    facts = observed("meta", lambda o: o.zero_grad(), loss_fn=loss_fn, target=target)
    assert facts["steps"] == 6
