"""A module that lies beside the notebooks."""

import math

import torch
from torch import nn


class Fourier(nn.Module):
    """Random Fourier features, drawn when it is made."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.randn(num_in, num_out))

    def forward(self, x):
        return torch.cos(2 * math.pi * x @ self.frequencies)
