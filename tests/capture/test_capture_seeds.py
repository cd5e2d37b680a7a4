"""One seed for Python, NumPy and torch."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

import nbtrack


def drawn() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_a_seed_repeats_every_source():
    nbtrack.set_seed(5)
    first = drawn()
    assert drawn() != first
    nbtrack.set_seed(5)
    assert drawn() == first
    nbtrack.set_seed(6)
    assert drawn() != first


def test_deterministic_is_asked_of_torch_only_on_demand():
    nbtrack.set_seed(1)
    assert not torch.are_deterministic_algorithms_enabled()
    try:
        nbtrack.set_seed(1, deterministic=True)
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("wrong", [-1, 2**32, 1.5, "1", True, None])
def test_a_wrong_seed_is_refused_with_its_value(wrong):
    with pytest.raises(ValueError, match=r"from 0 to 2\*\*32 - 1"):
        nbtrack.set_seed(wrong)
