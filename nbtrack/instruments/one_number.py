"""Whether a value is one number, decided by its type once."""

from __future__ import annotations

import numbers
import sys
from collections.abc import Callable
from typing import Any

Convert = Callable[[Any], Any]  # a float, a 1-d tensor on a device, or None


class NumberReader:
    """Gives a float for whatever holds one number, a tensor of shape (1,) for one on a device.

    Python and NumPy numbers, bools, arrays and tensors with one element; None for all else. No
    device is waited for and no graph is kept.
    """

    def __init__(self) -> None:
        self._by_type: dict[type, Convert | None] = {float: _itself, int: _plain, bool: _plain}

    def __call__(self, value: Any) -> Any:
        """The number in `value`, or None."""
        kind = type(value)
        try:
            convert = self._by_type[kind]
        except KeyError:
            convert = self._by_type[kind] = _converter(kind)
        return None if convert is None else convert(value)


def _converter(kind: type) -> Convert | None:
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if torch is not None and issubclass(kind, torch.Tensor):
        return _of_tensor
    if numpy is not None:
        if issubclass(kind, numpy.ndarray):
            return _of_array
        if issubclass(kind, (numpy.bool_, numpy.integer, numpy.floating)):
            return _plain
    if issubclass(kind, numbers.Real):
        return _plain
    return None


def _itself(value: float) -> float:
    return value


def _plain(value: Any) -> float | None:
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError):  # an int beyond 1e308
        return None


def _of_array(value: Any) -> float | None:
    return float(value.item()) if value.size == 1 and value.dtype.kind in "biuf" else None


def _of_tensor(value: Any) -> Any:
    if value.numel() != 1 or value.is_complex() or value.is_sparse:
        return None
    if value.is_cpu:
        return float(value.item())
    return value.detach().reshape(1).clone()  # `total += loss` changes it before it is read
