"""The norms of every parameter as maps, layers by steps (`nbtrack.views.heatmap`).

Rows are layers (weight and bias together), first layer on
top; of a model with more than 64, neighbours whose names begin alike share a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbtrack.views.heatmap import NOT_FINITE, HeatMap, Rows, codes

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrack.store.tail import Piece

MAPS = {
    "grad_norm": "Gradient norm",
    "weight_norm": "Weight norm",
    "update_ratio": "Update ratio",
}
MOST_ROWS = 64
MOST_PARAMETERS = 4096  # 4 kB each and map; later ones are left out and counted
NAMES_SHOWN = 8  # of a row, for the page to ask for


def parameter_of(key: str) -> tuple[str, str] | None:
    """Map and parameter of a key; None for a total and for any other series.

    Examples
    --------
    >>> parameter_of("grad_norm/block1.conv.weight")
    ('grad_norm', 'block1.conv.weight')
    """
    head, _, name = key.partition("/")
    if head not in MAPS or not name or name in ("total", "preclip"):
        return None
    if name.startswith("preclip/") or name.endswith(("/total", "/preclip")):
        return None  # of one optimizer among several, or a second reading
    return head, name


@dataclass(frozen=True)
class Row:
    """One row of the maps.

    Attributes
    ----------
    label : str
        The layer, or what the layers of the row have in common.
    members : sequence of int
        Numbers of its parameters.
    num_layers : int
    """

    label: str
    members: Sequence[int]
    num_layers: int = 1


def rows_of(names: Sequence[str], most: int = MOST_ROWS) -> list[Row]:
    """Parameters in model order as at most `most` rows.

    Layers that stand beside each other are joined where their names begin alike, on the longest
    beginnings for which the rows are few enough; where these would be very few, equally many
    neighbours go into each.
    """
    layers: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        head, dot, _ = name.rpartition(".")
        layers.setdefault(head if dot and head else name, []).append(number)
    rows = [Row(layer, members) for layer, members in layers.items()]
    if len(rows) <= most:
        return rows
    finer = rows
    for depth in range(max(row.label.count(".") for row in rows), 0, -1):
        joined = _joined(rows, lambda label, depth=depth: ".".join(label.split(".")[:depth]))
        if len(joined) > most:
            finer = joined
            continue
        neighbours = _in_equal_parts(finer, most)
        return joined if len(joined) >= len(neighbours) // 2 else neighbours
    return _in_equal_parts(finer, most)


def _in_equal_parts(rows: Sequence[Row], most: int) -> list[Row]:
    """So many rows that stand beside each other in one: ``layers.0 to 1``."""
    size = -(-len(rows) // most)
    parts = [rows[at : at + size] for at in range(0, len(rows), size)]
    return [_together(part, _from_to(part[0].label, part[-1].label)) for part in parts]


def _from_to(first: str, last: str) -> str:
    before, after = first.split("."), last.split(".")
    shared = 0
    while shared < min(len(before), len(after)) - 1 and before[shared] == after[shared]:
        shared += 1
    return f"{first} to {'.'.join(after[shared:])}"


def _joined(rows: Sequence[Row], beginning: Any) -> list[Row]:
    groups: list[tuple[str, list[Row]]] = []
    for row in rows:
        label = beginning(row.label)
        if not groups or groups[-1][0] != label:
            groups.append((label, []))
        groups[-1][1].append(row)
    return [_together(members, label) for label, members in groups]


def _together(rows: Sequence[Row], label: str) -> Row:
    if len(rows) == 1:
        return rows[0]
    return Row(label, [m for row in rows for m in row.members], sum(row.num_layers for row in rows))


def _speaking(id: str, row: Row, names: Sequence[str]) -> Sequence[int]:
    """Whose readings a row shows: a bias that starts at zero has a ratio that says nothing."""
    if id != "update_ratio":
        return row.members
    weights = [m for m in row.members if names[m].rpartition(".")[2].startswith("weight")]
    return weights or row.members


class Heat:
    """The maps of a run, filled from its record files."""

    def __init__(self) -> None:
        self.maps: dict[str, HeatMap] = {}
        self.names: list[str] = []
        self.num_left_out = 0
        self._numbers: dict[str, int] = {}
        self._lookup: dict[Path, tuple[int, Any, Any]] = {}
        self._rows: list[Row] = []
        self._rows_of = -1
        self._dirty: dict[str, int] = {}

    def clear(self) -> None:
        """Forget all: the run is read anew."""
        self.maps = {id: HeatMap(version=old.version + 1) for id, old in self.maps.items()}
        self.names, self._numbers, self._lookup = [], {}, {}
        self.num_left_out, self._rows_of = 0, -1

    def add(self, piece: Piece) -> None:
        """Take in the readings of rank 0 of a piece; the others are left alone."""
        if piece.rank or not piece.names:
            return
        kinds, parameters = self._of_file(piece)
        numbers = [number for number, _, _ in piece.bounds]
        if not any(0 <= number < len(kinds) and kinds[number] >= 0 for number in numbers):
            return
        sizes = [end - begin for _, begin, end in piece.bounds]
        number = np.repeat(numbers, sizes)
        number = np.where((number >= 0) & (number < len(kinds)), number, -1)
        kind = np.where(number >= 0, kinds[number], -1)
        for i, id in enumerate(MAPS):
            own = np.flatnonzero(kind == i)
            if len(own):
                found = self.maps.setdefault(id, HeatMap())
                changed = found.add(parameters[number[own]], piece.steps[own], piece.values[own])
                self._dirty[id] = min(self._dirty.get(id, changed), changed)

    def _of_file(self, piece: Piece) -> tuple[Any, Any]:
        """For each key of a file: which map it belongs to, or -1, and which parameter."""
        known, kinds, parameters = self._lookup.get(piece.path, (-1, None, None))
        if known != len(piece.names):
            found = [self._place(key) for key in piece.names]
            kinds = np.array([kind for kind, _ in found])
            parameters = np.array([parameter for _, parameter in found])
            self._lookup[piece.path] = (len(piece.names), kinds, parameters)
        return kinds, parameters

    def _place(self, key: str) -> tuple[int, int]:
        found = parameter_of(key)
        if found is None:
            return -1, 0
        number = self._numbers.get(found[1])
        if number is None:
            if len(self.names) >= MOST_PARAMETERS:
                self.num_left_out += 1
                return -1, 0
            number = self._numbers[found[1]] = len(self.names)
            self.names.append(found[1])
        return list(MAPS).index(found[0]), number

    @property
    def rows(self) -> list[Row]:
        """The rows of all maps."""
        if self._rows_of != len(self.names):
            self._rows_of = len(self.names)
            self._rows = rows_of(self.names)
            for each in self.maps.values():
                each.version += 1
            self._dirty = dict.fromkeys(self.maps, 0)
        return self._rows

    def trait(self) -> dict[str, Any]:
        """What the page must know to draw the maps: rows and kinds; empty without readings."""
        rows = self.rows
        if not rows or not self.maps:
            return {}
        layers = sum(row.num_layers for row in rows)
        about = f"{layers:,} layers in {len(rows)} groups" if layers > len(rows) else ""
        if self.num_left_out:
            about += f"{about and ', '}{self.num_left_out:,} series left out"
        return {
            "rows": [
                {
                    "label": row.label[:200],
                    "names": [self.names[m] for m in row.members[:NAMES_SHOWN]],
                    "of": len(row.members),
                }
                for row in rows
            ],
            "layers": layers,
            "about": about,
            "maps": [{"id": id, "title": title} for id, title in MAPS.items() if id in self.maps],
        }

    def readings(self, id: str) -> Rows:
        """A map by its rows."""
        members = [_speaking(id, row, self.names) for row in self.rows]
        return self.maps[id].rows(members, is_ratio=id == "update_ratio")

    def message(self, id: str, begin: int = 0) -> tuple[dict[str, Any], bytes]:
        """A map from a column on, as it goes to the page.

        Returns
        -------
        (dict, bytes)
            See `nbtrack.views.feed`; newest values as float32, lows and highs as bytes.
        """
        rows, found = self.rows, self.maps[id]
        shown = self.readings(id)
        low, high = codes(shown.lows[:, begin:]), codes(shown.highs[:, begin:])
        high[shown.is_odd[:, begin:]] = NOT_FINITE
        message = {
            "t": "heat",
            "map": id,
            "v": found.version,
            "first": found.first,
            "per": found.per,
            "rows": len(rows),
            "cols": found.columns,
            "from": begin,
        }
        return message, shown.newest.astype("<f4").tobytes() + low.tobytes() + high.tobytes()

    def news(self) -> Mapping[str, int]:
        """Maps with columns that were not yet told, and the first of these columns."""
        return dict(self._dirty)

    def told(self, ids: Iterable[str]) -> None:
        """What was new of these maps has been sent."""
        for id in ids:
            self._dirty.pop(id, None)
