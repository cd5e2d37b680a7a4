"""Hyper-parameters as plain values, and the name of a run that was given none."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def plain(params: Mapping[Any, Any]) -> dict[str, Any]:
    """Parameters as JSON can hold them.

    Numbers, texts, bools, None, lists and mappings stay what they are; NumPy scalars and
    1-element tensors become numbers; anything else is kept as its text.
    """
    return {str(name): _plain_value(value) for name, value in params.items()}


def _plain_value(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, (list, tuple)):
        return [_plain_value(item) for item in value]
    item = getattr(value, "item", None)
    if callable(item):
        try:
            return _plain_value(item())
        except (TypeError, ValueError, RuntimeError):  # more than one element
            pass
    return str(value)


def default_name(notebook: str | None) -> str:
    """The notebook's or script's name without its ending; ``run`` where there is neither."""
    if notebook:
        return Path(notebook).stem
    script = Path(sys.argv[0]) if sys.argv else Path()
    is_ours = script.suffix == ".py" and script.name not in ("ipykernel_launcher.py", "__main__.py")
    return script.stem if is_ours else "run"
