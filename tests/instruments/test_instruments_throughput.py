"""Steps and samples a second, the wait for data, and the machine."""

from __future__ import annotations

import copy
import io
import pickle
import time

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbtrack.instruments.system import System
from nbtrack.instruments.throughput import leading_dimension


def train(model, optimizer, batches, pause_s=0.0):
    for batch in batches:
        optimizer.zero_grad()
        model(batch[0]).sum().backward()
        optimizer.step()
        time.sleep(pause_s)


def model_and_optimizer():
    model = nn.Linear(3, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.0)


def test_the_batch_size_comes_from_the_loader(record):
    model, optimizer = model_and_optimizer()
    loader = DataLoader(TensorDataset(torch.ones(40, 3)), batch_size=8)
    with record.running():
        train(model, optimizer, loader, 0.02)
    (steps_per_s,) = record.values("throughput/steps_per_s")
    (samples_per_s,) = record.values("throughput/samples_per_s")
    assert samples_per_s == pytest.approx(8 * steps_per_s, rel=1e-3)
    assert 5.0 < steps_per_s <= 50.0  # five steps of 20 ms and a little
    assert 0.0 <= record.values("throughput/data_wait")[0] < 0.5


def test_a_slow_data_set_shows_as_waiting(record):
    class Slow(torch.utils.data.Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            time.sleep(0.02)
            return (torch.ones(3),)

    model, optimizer = model_and_optimizer()
    with record.running():
        train(model, optimizer, DataLoader(Slow(), batch_size=1))
    assert record.values("throughput/data_wait")[0] > 0.7


def test_validation_batches_are_not_training_samples(record):
    model, optimizer = model_and_optimizer()
    loader = DataLoader(TensorDataset(torch.ones(8, 3)), batch_size=4)
    with record.running():
        train(model, optimizer, loader, 0.05)
        for _ in range(5):
            for (x,) in loader:
                model(x)
    (steps_per_s,) = record.values("throughput/steps_per_s")
    assert record.values("throughput/samples_per_s") == pytest.approx([4 * steps_per_s])


def test_without_a_loader_the_batch_size_is_the_leading_dimension_of_the_input(record):
    model, optimizer = model_and_optimizer()
    with record.running():
        train(model, optimizer, [(torch.ones(16, 3),)] * 8, 0.01)
    steps_per_s = record.values("throughput/steps_per_s")[0]
    # the first step has no batch size yet: it is seen at the second
    assert record.values("throughput/samples_per_s") == pytest.approx([16 * steps_per_s * 7 / 8])
    assert "throughput/data_wait" not in record.points
    assert not model._forward_pre_hooks


def test_the_look_at_the_input_is_no_part_of_a_saved_or_copied_model(record):
    model, optimizer = model_and_optimizer()
    with record.running():
        train(model, optimizer, [(torch.ones(4, 3),)])
        assert len(model._forward_pre_hooks) == 1  # it waits for the next forward pass
        saved = io.BytesIO()
        torch.save(model, saved)
        assert b"nbtrack" not in saved.getvalue()
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert torch.equal(other(torch.ones(4, 3)), model(torch.ones(4, 3)))
        assert not model._forward_pre_hooks


def test_a_loop_without_steps_has_no_throughput(record):
    with record.running():
        list(DataLoader(TensorDataset(torch.ones(4, 3))))
    assert record.keys("throughput/") == []


def test_pulses_read_a_running_loop(record):
    model, optimizer = model_and_optimizer()
    with record.running() as panel:
        for _ in range(3):
            train(model, optimizer, [(torch.ones(2, 3),)] * 10, 0.01)
            panel.pulse()
        panel.pulse()  # no step since
    assert len(record.values("throughput/steps_per_s")) == 3
    assert len(record.values("system/memory_gib")) == 4  # start, two of four pulses, stop


@pytest.mark.parametrize(
    ("batch", "size"),
    [
        (torch.ones(5, 2), 5),
        ([torch.ones(5, 2), torch.ones(9)], 5),
        ({"ids": torch.ones(7, 2), "mask": torch.ones(7)}, 7),
        (("text", {"x": [torch.ones(3)]}), 3),
        ((1.0, "a"), None),
        (torch.tensor(1.0), None),
        ([["deep", [["deeper", [torch.ones(2)]]]]], None),
    ],
)
def test_the_leading_dimension_is_that_of_the_first_tensor(batch, size):
    assert leading_dimension(batch) == size


def test_the_machine_is_sampled_at_the_start_and_at_the_end(record):
    with record.running():
        sum(range(2_000_000))
    assert len(record.values("system/memory_gib")) == 2
    assert 0.05 < record.values("system/memory_gib")[0] < 64.0
    (percent,) = record.values("system/cpu_pct")  # the first call only starts the clock
    assert 0.0 < percent < 1000.0


class Nvml:
    """The three calls of NVML that are made, for two devices."""

    def __init__(self):
        self.asked = []

    def nvmlDeviceGetUtilizationRates(self, device):
        return type("Rates", (), {"gpu": 40 + device})

    def nvmlDeviceGetMemoryInfo(self, device):
        if device == 1:
            raise RuntimeError("fell off the bus")
        return type("Memory", (), {"used": 3 * 2**30})


def test_devices_are_read_and_one_that_fails_is_left_out():
    system = System()
    system._nvml, system._devices = Nvml(), [0, 1]
    found = dict(system.read())
    assert found["system/gpu0/load_pct"] == 40.0
    assert found["system/gpu0/memory_gib"] == 3.0
    assert not any("gpu1" in key for key in found)
