"""Hidden state: why a notebook, run from the top, would not do again what its kernel did."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from nbtrack.records import Cell


def hidden_state(
    needed: Sequence[Cell],
    executed: Sequence[Cell],
    notebook: str | None = None,
) -> tuple[str, ...]:
    """What would be different if the notebook were run from the top, in words.

    Parameters
    ----------
    needed : sequence of Cell
        The slice of a run, in the order of execution.
    executed : sequence of Cell
        Everything that the kernel has executed, in order.
    notebook : str, optional
        Path of the notebook. Where it is there to read, it tells which cells were deleted, and
        their order on the page; else only what the kernel saw is known.

    Returns
    -------
    tuple of str
        ``"cell 4 was edited since"``, ``"cell 4 ran after cell 6, which stands below it"``,
        ``"cell 5 was executed 2 times"``, ``"cell 3 was deleted"``; empty when nothing differs.
    """
    known = [cell for cell in needed if cell.cell_id is not None]
    page = _page(notebook)
    if not any(cell.cell_id in page for cell in known):
        page = {}  # another notebook, or one that was never saved
    latest: dict[str, str] = {}
    for cell in executed:
        if cell.cell_id is not None:
            latest[cell.cell_id] = cell.source
    found: list[str] = []
    for cell in _last_of_each(known):
        now = latest.get(str(cell.cell_id))
        if page and cell.cell_id not in page:
            found.append(f"cell {_number(cell)} was deleted, or the notebook not saved since")
            continue
        text = page[str(cell.cell_id)][1] if page else now
        if text is not None and not _holds(text, cell):
            found.append(f"cell {_number(cell)} was edited since")
    found += _repeated(known)
    found += _out_of_order(known, page)
    return tuple(found)


def _page(notebook: str | None) -> dict[str, tuple[int, str]]:
    """Per id of a code cell, its place on the page and its text; empty where none can be read."""
    if notebook is None:
        return {}
    try:
        document = json.loads(Path(notebook).read_text(encoding="utf-8"))
        return {
            str(cell["id"]): (place, _text(cell["source"]))
            for place, cell in enumerate(document["cells"])
            if cell["cell_type"] == "code"
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _holds(text: str, cell: Cell) -> bool:
    """Whether a cell still has the text that was executed, or the statements taken out of it."""
    if cell.is_part:  # imports, written anew one by one: `import a, b` holds `import a`
        words = set(re.findall(r"\w+", text))
        return words >= set(re.findall(r"\w+", cell.source))
    return text.strip() == cell.source.strip()


def _last_of_each(cells: Sequence[Cell]) -> list[Cell]:
    return list({cell.cell_id: cell for cell in cells}.values())


def _repeated(cells: Sequence[Cell]) -> list[str]:
    """Cells of which the run needs several executions."""
    times: dict[str | None, int] = {}
    for cell in cells:
        if not cell.is_part:
            times[cell.cell_id] = times.get(cell.cell_id, 0) + 1
    return [
        f"cell {_number(cell)} was executed {times[cell.cell_id]} times"
        for cell in _last_of_each(cells)
        if times.get(cell.cell_id, 0) > 1
    ]


def _out_of_order(cells: Sequence[Cell], page: dict[str, tuple[int, str]]) -> list[str]:
    """The cells that ran after one that stands below them on the page."""
    found: list[str] = []
    lowest: tuple[int, Cell] | None = None
    for cell in cells:
        place = page.get(str(cell.cell_id), (None, ""))[0]
        if place is None:
            continue
        if lowest is not None and place < lowest[0]:
            found.append(
                f"cell {_number(cell)} ran after cell {_number(lowest[1])}, which stands below it"
            )
        if lowest is None or place > lowest[0]:
            lowest = (place, cell)
    return found


def _number(cell: Cell) -> str:
    return "?" if cell.count is None else str(cell.count)
