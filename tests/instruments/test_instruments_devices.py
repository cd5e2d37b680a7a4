"""Nothing on a device is waited for.

The meta device stands in for CUDA: a tensor there has no values, so that whoever asks for one
(``item``, ``tolist``, ``if tensor:``) raises, as a sync does under
``torch.cuda.set_sync_debug_mode("error")``. The real device is tested where there is one.
"""

from __future__ import annotations

import ast

import pytest
import torch
from torch import nn

from nbtrack.instruments import Panel, ScalarWatcher

CELL = """
def train(steps):
    total = torch.zeros((), device=device)
    for step in range(steps):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        for _ in range(accumulate):
            loss.backward(retain_graph=True)
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.detach()
        losses.append(loss.detach())
"""


@pytest.fixture(autouse=True)
def events_go_to_the_panel_started_last(route):
    """Also when `nbtrack.run` was imported by a test before these, and routes them to its runs."""
    with route(None):
        yield


def run(device, emit, *, clip=True, accumulate=1, steps=4, dtype=torch.float32, every=None):
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1)).to(device, dtype)
    namespace = {
        "torch": torch,
        "device": device,
        "clip": clip,
        "accumulate": accumulate,
        "losses": [],
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.01),
        "x": torch.ones(2, 3, device=device, dtype=dtype),
    }
    exec(compile(ScalarWatcher().visit(ast.parse(CELL)), "<cell>", "exec"), namespace)
    said = []
    panel = Panel(emit, lambda: 0.0, warn=said.append, every=every, namespace=lambda: namespace)
    panel.start()
    try:
        namespace["train"](steps)
    finally:
        panel.stop()
    assert said == []
    return panel


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_no_value_on_a_device_is_asked_for(accumulate, dtype):
    calls = []

    def emit(keys, values, step, time_s):
        if isinstance(values, torch.Tensor):
            assert values.shape == (len(keys),)
            assert values.device.type == "meta"
            assert values.grad_fn is None
            calls.append((step, list(keys)))

    panel = run("meta", emit, accumulate=accumulate, dtype=dtype, every=1)
    assert panel.num_steps == 4
    assert [step for step, keys in calls if "grad_norm/total" in keys][-3:] == [1, 2, 3]
    keys = {key for _, keys in calls for key in keys}
    assert {
        "loss",
        "nonfinite/loss",
        "nonfinite/grad",
        "grad_norm/total",
        "grad_norm/preclip",
        "grad_norm/0.weight",
        "weight_norm/total",
        "update_ratio/total",
        "update_ratio/1.bias",
        "var/loss",
        "var/total",
        "var/losses",
    } <= keys
    assert [keys.count("loss") for step, keys in calls if step == 3].count(accumulate) == 1


def test_one_tensor_a_step_goes_out_once_it_is_known_whose_they_are():
    calls = []

    def emit(keys, values, step, time_s):
        if isinstance(values, torch.Tensor):
            calls.append((step, len(keys)))

    run("meta", emit, steps=20, clip=False)
    later = [step for step, _ in calls if step >= 3]
    assert len(later) <= 2 * len(set(later))  # the step's, and what the cell assigned after it


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_on_cuda_no_sync_happens_in_the_loop(dtype):
    kept = []

    def emit(keys, values, step, time_s):
        kept.append((list(keys), values, step))

    torch.cuda.set_sync_debug_mode("error")
    try:
        run("cuda", emit, accumulate=2, dtype=dtype, every=1)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    found = {}
    for keys, values, step in kept:
        numbers = values.tolist() if isinstance(values, torch.Tensor) else values
        found.update({(key, step): value for key, value in zip(keys, numbers, strict=True)})
    assert found["grad_norm/total", 3] == pytest.approx(1.0, rel=1e-2)
    assert found["loss", 0] > 0.0
    assert found["nonfinite/loss", 3] == 0.0
