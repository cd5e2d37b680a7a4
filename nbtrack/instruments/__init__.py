"""What is measured while a run is active, and how, without a change to the user's code.

`Panel` is the set of instruments of one run. It returns numbers; it knows neither files nor
charts. Importing this room does not import torch, and a panel can be started before torch is.
"""

from __future__ import annotations

from nbtrack.instruments.hooks import install_route
from nbtrack.instruments.lines import parse_printed
from nbtrack.instruments.panel import Panel
from nbtrack.instruments.points import Emit
from nbtrack.instruments.watcher import ScalarWatcher

__all__ = ["Emit", "Panel", "ScalarWatcher", "install_route", "parse_printed"]
