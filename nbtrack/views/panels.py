"""Which series is shown where: a key's panel, its label, and the order of panels.

Panels come with their first point and never change places. What a person did not ask to see in a
chart (per-parameter norms, loop variables such as ``var/i``) is kept in the run and not drawn here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

MOST_SERIES = 8  # colours that can be told apart
MOST_EXTRA = 9  # panels for keys that only the person knows

_HELD = re.compile(r"(^|[/_.\- ])(val|valid|validation|test|eval|dev|heldout|held_out)($|[/_.\- ])")
_LOSS = re.compile(r"(^|[/_.\- ])(loss|nll|cost)($|[/_.\- ])")
_SUM = re.compile(r"(^|[/_.\- ])(running|total|sum|cum|epoch)([/_.\- ])")
_SCORE = re.compile(
    r"(^|[/_.\- ])(acc|accuracy|f1|auc|auroc|precision|recall|iou|dice|r2|top1|top5)($|[/_.\- ])"
)
_SEEN = re.compile(r"^(var|out)/")
_OF_PARAMETERS = ("grad_norm/", "weight_norm/", "update_ratio/")
MOST_TOLD, MOST_TOLD_BYTES = 400, 12_000  # keys that are not drawn; any other can be looked for
OTHERS = "other ranks\n"  # before a key: no key of a person, which a file keeps on one line


@dataclass(frozen=True)
class Place:
    """Where a series is drawn."""

    panel: str
    label: str
    is_dashed: bool = False
    is_held_out: bool = False


@dataclass
class PanelSpec:
    """A panel as the page gets it."""

    id: str
    title: str
    options: Mapping[str, Any] = field(default_factory=dict)
    series: list[dict[str, Any]] = field(default_factory=list)
    num_more: int = 0

    def as_json(self) -> dict[str, Any]:
        """A plain dict; the page compares it with what it had."""
        more = {"more": self.num_more} if self.num_more else {}
        series = list(self.series)
        return {"id": self.id, "title": self.title, **self.options, **more, "series": series}


# id -> (title, options); their order is the order of panels that come together
KNOWN: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "loss": ("Loss", {"noisy": True}),
    "grad_norm": ("Gradient norm", {"noisy": True, "log": True}),
    "weight_norm": ("Weight norm", {}),
    "update_ratio": (
        "Update ratio",
        {
            "log": True,
            "band": {"low": 1e-4, "high": 1e-2, "label": "healthy"},
            "about": "Size of a step over size of the weights; about 1e-3 is usual",
        },
    ),
    "lr": ("Learning rate", {"zero": True}),
    "throughput": ("Throughput", {"zero": True}),
    "memory": ("Memory, GiB", {"zero": True}),
    "scores": ("Scores", {}),
    "wait": ("Data wait", {"zero": True, "about": "Share of the time spent waiting for data"}),
    "load": ("Load, %", {"zero": True}),
}


def place(key: str) -> Place | None:
    """The place of a key; None if it is not drawn in the live view.

    Parameters
    ----------
    key : str
        As in the store: ``loss``, ``val/loss``, ``grad_norm/total``, ``out/val_acc``.
    """
    if key.startswith("auto/"):
        inner = place(key.removeprefix("auto/"))
        return None if inner is None else replace(inner, label=f"{inner.label} (measured)")
    return _measured(key) if key.partition("/")[0] in _MEASURED else _named(key)


_MEASURED = {
    *("loss", "grad_norm", "weight_norm", "update_ratio", "lr", "throughput", "system"),
    *("nonfinite", "every", "mark"),
}
MACHINE = {"throughput", "memory", "load", "wait"}


def _measured(key: str) -> Place | None:
    """What the instruments write."""
    head, slash, rest = key.partition("/")
    if head == "loss":
        return Place("loss", rest if slash else "train")
    if head in ("nonfinite", "every", "mark"):
        return None  # a gap has its tick, a mark its place on the axis
    if not slash:
        return Place(head, head.replace("_", " "))
    if head == "lr":
        return Place("lr", " ".join(rest.replace("group", "group ").split("/")))
    if head == "throughput":
        return _THROUGHPUT.get(rest)
    if head == "system":
        return _system(rest)
    owner, _, last = rest.rpartition("/")  # the owner: which of several optimizers
    if last not in _TOTALS:
        return None  # of one parameter
    label = _TOTALS[last] if not owner or last != "total" else ""
    return Place(head, f"{owner} {label}".strip())


_TOTALS = {"total": "total", "preclip": "before clipping"}
_THROUGHPUT = {
    "steps_per_s": Place("throughput", "steps/s"),
    "data_wait": Place("wait", "of the time"),
}


def _system(rest: str) -> Place | None:
    """``memory_gib``, ``cpu_pct``, ``gpu0/memory_gib``, ``gpu0/load_pct``."""
    device, _, reading = rest.rpartition("/")
    name = "CPU" if not device else device.upper().removesuffix("0") or "GPU"
    panel = {"memory_gib": "memory", "cpu_pct": "load", "load_pct": "load"}.get(reading)
    return None if panel is None else Place(panel, name, is_dashed=bool(device))


def _named(key: str) -> Place | None:
    """What a person logged, assigned in a loop or printed."""
    name = _SEEN.sub("", key)
    low = name.lower()
    is_held_out = bool(_HELD.search(low))
    is_loss = bool(_LOSS.search(low))
    if is_loss and not _SUM.search(low) and (is_held_out or "train" in low or name == key):
        label = "val" if low in ("val/loss", "val_loss") else name
        return Place("loss", label, is_dashed=True, is_held_out=is_held_out)
    if _SCORE.search(low):
        return Place("scores", name, is_dashed=is_held_out, is_held_out=is_held_out)
    if name != key:
        return None
    group, slash, rest = key.partition("/")
    return Place(f"key:{group}", rest if slash else key)


class Board:
    """The panels of one run, growing as keys appear.

    Parameters
    ----------
    first_number : int
        The number of the first series; a board that replaces another goes on counting.
    patience_s : float
        How long readings of the machine wait for those of the training, to come after them.

    Attributes
    ----------
    version : int
        Rises when `panels` gives something new.
    """

    def __init__(self, first_number: int = 0, patience_s: float = 0.0) -> None:
        self._next = first_number
        self.version = 0
        self._patience_s = patience_s
        self._machine_after_s = 0.0
        self._panels: dict[str, PanelSpec] = {}
        self._known: dict[str, int | None] = {}
        self._labels: set[tuple[str, str]] = set()
        self._order: list[str] = []
        self._is_split_loss = False
        self.keys: dict[int, str] = {}
        self.panel_of: dict[int, str] = {}
        self._rank_of: dict[str, int] = {}
        self._of_others: dict[str, int] = {}

    @property
    def next_number(self) -> int:
        """The number that the next series will get."""
        return self._next

    def number(self, key: str, rank: int = 0) -> int | None:
        """The number of a series that is drawn, None for any other."""
        if rank != self.rank_of(key):
            return self._of_others.get(key)
        return self._known.get(key)

    def rank_of(self, key: str) -> int:
        """The rank whose points are the series; those of all others are shown faint behind it."""
        return self._rank_of.get(key, 0)

    def add(self, keys: Iterable[str], now_s: float = 0.0, rank: int = 0) -> bool:
        """Take note of keys; True if a panel or series is new.

        Parameters
        ----------
        keys : iterable of str
            Any, also those known.
        now_s : float
            Seconds of some clock that does not go back.
        rank : int
            Of their writer.
        """
        keys = list(keys)
        is_other = self._add_others(keys, rank)
        new = [key for key in keys if key not in self._known]
        places = [(key, spot) for key in new if (spot := place(key)) is not None]
        for key in new:
            self._known[key] = None
            self._rank_of[key] = rank
        # the training loss first; what a person logged before what was only seen in a loop
        places.sort(
            key=lambda pair: (
                _rank(pair[1].panel),
                pair[0].partition("/")[0] != "loss",
                bool(_SEEN.match(pair[0])),
            )
        )
        changed = [self._place(key, spot) for key, spot in places]
        is_changed = self._split_loss(new) or any(changed)
        is_changed |= self._arrange(now_s) or is_other
        self.version += is_changed
        return is_changed

    def _add_others(self, keys: Iterable[str], rank: int) -> bool:
        """Where several ranks have a series, one more holds the points of all but the first."""
        changed = False
        for key in keys:
            number = self._known.get(key)
            if number is None or key in self._of_others or rank == self._rank_of[key]:
                continue
            panel = self._panels[self.panel_of[number]]
            series = {"id": self._next, "key": key, "label": "other ranks", "faint": True}
            panel.series.append(series)
            self._of_others[key] = self._next
            self.keys[self._next] = f"{OTHERS}{key}"
            self.panel_of[self._next] = panel.id
            self._next += 1
            changed = True
        return changed

    def catalogue(self) -> dict[str, Any]:
        """Keys that are not drawn: how many, and as many as are not too much for the page."""
        rest = [key for key, number in self._known.items() if number is None]
        rest.sort(key=lambda key: key.startswith(_OF_PARAMETERS))  # the maps show those
        shown, size = [], 0
        for key in rest[:MOST_TOLD]:
            size += len(key) + 3
            if size > MOST_TOLD_BYTES:
                break
            shown.append(key)
        return {"n": len(rest), "keys": shown}

    def find(self, text: str) -> list[str]:
        """Keys that contain a text, whatever its case; those that begin with it first."""
        low = text.lower()
        found = [key for key in self._known if low in key.lower()]
        return sorted(found, key=lambda key: (not key.lower().startswith(low), len(key), key))

    def _arrange(self, now_s: float) -> bool:
        """New panels go behind those that are shown; the machine's wait for the training's.

        Memory and load are read before the first step, norms a moment after it.
        """
        waiting = [panel for panel in self._panels if panel not in self._order]
        training = [panel for panel in waiting if panel not in MACHINE]
        if not self._order:
            if not training:
                return False
            self._machine_after_s = now_s + self._patience_s
        if now_s < self._machine_after_s:
            waiting = training
        self._order += sorted(waiting, key=_rank)
        return bool(waiting)

    def panels(self) -> list[dict[str, Any]]:
        """All panels in the order of their coming, as JSON."""
        return [self._panels[id].as_json() for id in self._order if self._panels[id].series]

    def _place(self, key: str, spot: Place) -> bool:
        if key == "loss" and self._is_split_loss:
            return False
        if (spot.panel, spot.label) in self._labels:
            return False  # val_loss both assigned and printed: one line says it
        panel = self._panels.get(spot.panel)
        if panel is None:
            if spot.panel not in KNOWN and self._num_extra() >= MOST_EXTRA:
                return False
            title, options = KNOWN.get(spot.panel, (spot.panel.removeprefix("key:"), {}))
            panel = self._panels[spot.panel] = PanelSpec(spot.panel, title, options)
        if sum(not series.get("faint") for series in panel.series) >= MOST_SERIES:
            panel.num_more += 1
            return True
        self._labels.add((spot.panel, spot.label))
        self._known[key] = self._next
        self.keys[self._next] = key
        self.panel_of[self._next] = spot.panel
        series = {"id": self._next, "key": key, "label": spot.label}
        if spot.is_dashed:
            series["dashed"] = True
        if spot.is_held_out:
            series["held"] = True
        panel.series.append(series)
        self._next += 1
        return True

    def _split_loss(self, new: list[str]) -> bool:
        """Several optimizers with a loss each (a GAN): the mixed `loss` means nothing then."""
        if not any(key.startswith("loss/") for key in new):
            return False
        self._is_split_loss = True
        panel = self._panels["loss"]
        panel.series[:] = [series for series in panel.series if series["key"] != "loss"]
        return True

    def _num_extra(self) -> int:
        return sum(panel not in KNOWN for panel in self._panels)


def _rank(panel: str) -> int:
    names = list(KNOWN)
    return names.index(panel) if panel in KNOWN else len(names)
