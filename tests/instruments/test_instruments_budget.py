"""Thinning: by what a reading costs, said in words and in the series."""

from __future__ import annotations

import itertools
import time

import pytest
import torch
from torch import nn

from nbtrack.instruments import reader as reader_module
from nbtrack.instruments.budget import LoopTime, Schedule, in_words


def walk(schedule, cost_s, step_s, steps, records=0):
    """The steps that a loop of `steps` steps reads."""
    read = []
    for index in range(steps):
        if schedule.due(index):
            read.append(index)
            schedule.spent(cost_s(index) if callable(cost_s) else cost_s, step_s, records)
    return read


def test_a_cheap_reading_is_taken_at_every_step():
    assert walk(Schedule("g", 0.01), 50e-6, 0.01, 200) == list(range(200))


def test_a_dear_reading_is_thinned_to_its_share_at_regular_steps():
    schedule = Schedule("g", 0.01)
    read = walk(schedule, 1e-3, 0.01, 4000)  # ten times too dear: every 16th step
    assert read[:3] == [0, 1, 2]
    assert schedule.interval == 16
    assert all(b - a == 16 for a, b in itertools.pairwise(read[10:]))
    spent_s = 1e-3 * len(read)
    assert spent_s <= 0.011 * 4000 * 0.01


def test_the_share_is_kept_whatever_the_cost():
    for cost_s in (20e-6, 90e-6, 300e-6, 2e-3, 50e-3):
        read = walk(Schedule("g", 0.01), cost_s, 0.01, 20_000)
        assert cost_s * (len(read) - 14) <= 0.01 * 20_000 * 0.01, cost_s


def test_the_floor_and_the_free_seconds_let_more_be_read():
    assert len(walk(Schedule("g", 0.01, floor_s=1e-3), 1e-3, 0.01, 100)) == 100
    free = walk(Schedule("g", 0.0001, free_s=0.0495), 1e-3, 0.01, 100)
    assert free[:50] == list(range(50))
    assert len(free) < 60


def test_one_slow_reading_does_not_thin_the_rest():
    schedule = Schedule("g", 0.01)
    walk(schedule, lambda index: 1.0 if index == 100 else 60e-6, 0.01, 3000)
    assert schedule.interval == 1


def test_a_reading_that_became_cheap_is_taken_more_often_again():
    schedule = Schedule("g", 0.01)
    walk(schedule, 3e-3, 0.01, 2000)
    assert schedule.interval == 32
    walk(schedule, 20e-6, 0.01, 20_000)
    assert schedule.interval == 1


def test_many_records_are_thinned_to_keep_the_files_small():
    schedule = Schedule("g", 1.0)
    walk(schedule, 1e-9, 0.01, 100_000, records=60)
    assert schedule.interval > 1
    assert 500_000 < schedule.records < 4_000_000
    assert walk(Schedule("g", 1.0), 1e-9, 0.01, 5000, records=60) == list(range(5000))


def test_the_loop_time_follows_a_faster_loop_and_ignores_a_pause():
    loop = LoopTime()
    now = 0.0
    for took in [8.0] + [0.01] * 30:  # a first step that compiles
        now += took
        loop.tick(now)
    assert loop.step_s == pytest.approx(0.01, rel=0.01)
    loop.tick(now + 60.0)  # a validation pass
    assert loop.step_s < 0.012


def test_thinning_is_said_in_words():
    assert in_words(2000, 2000, 0.01) == "every step"
    assert in_words(412, 2000, 0.015) == "412 of 2,000 steps (time budget 1.5 %)"
    assert in_words(200, 2000, 0.01, every=10) == "every 10 steps (--every 10)"


def train(model, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.ones(2, 3)).sum().backward()
        optimizer.step()


def test_every_n_reads_single_parameters_at_exactly_these_steps(record):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with record.running(every=4):
        train(model, optimizer, 10)
    for key in ("grad_norm/weight", "weight_norm/bias", "update_ratio/weight"):
        assert record.steps(key) == [0, 4, 8]
    assert record.steps("loss") == list(range(10))
    assert record.panel.readings["grad_norm/*"] == "every 4 steps (--every 4)"
    assert record.panel.readings["weight_norm/*"] == "every 4 steps (--every 4)"


def test_every_n_with_two_optimizers_leaves_none_out(record):
    nets = [nn.Linear(3, 1), nn.Linear(3, 1)]
    left = torch.optim.SGD(nets[0].parameters(), lr=0.0)
    right = torch.optim.SGD(nets[1].parameters(), lr=0.0)
    with record.running(every=4):
        for _ in range(5):
            train(nets[0], left, 1)
            train(nets[1], right, 1)
    assert record.steps("grad_norm/left.weight") == [0, 4, 8]
    assert record.steps("grad_norm/right.weight") == [1, 5, 9]


def test_thinned_readings_say_so_and_the_loss_is_never_thinned(record, monkeypatch):
    slow = reader_module.norms

    def slower(tensors):
        time.sleep(0.003)
        return slow(tensors)

    monkeypatch.setattr(reader_module, "norms", slower)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with record.running():
        train(model, optimizer, 100)
    assert record.steps("loss") == list(range(100))
    assert record.steps("lr/group0") == list(range(100))
    read = record.steps("grad_norm/total")
    assert read[:3] == [0, 1, 2]
    assert len(read) < 30
    assert record.panel.readings["grad_norm/total"].startswith(f"{len(read)} of 100 steps (time")
    intervals = record.values("every/grad_norm/total")
    assert intervals[:4] == [2.0, 4.0, 8.0, 16.0]
    assert any("grad_norm/total is read every 2 steps" in event for event in record.events)


def test_unthinned_readings_say_every_step(record):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with record.running():
        train(model, optimizer, 3)
    assert record.panel.readings == {
        "grad_norm/total": "every step",
        "grad_norm/*": "every step",
        "weight_norm/*": "every step",
    }
    assert record.keys("every/") == []
