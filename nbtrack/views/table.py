"""`RunsTable`: the runs of a store, one line each, newest first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from nbtrack.views.frames import averages
from nbtrack.views.rows import read_rows, score_key, score_title
from nbtrack.views.table_page import to_html
from nbtrack.views.words import ago, count, duration, shorten, sig, spark

if TYPE_CHECKING:
    from nbtrack.store import Store

MOST_ROWS = 50
MOST_CHARACTERS = 105
HIDDEN = "* would not re-run from the top of the notebook: nbtrack.get(ID).info.hidden says why"


class RunsTable:
    """The newest runs as a table: HTML in a notebook, text anywhere else.

    Parameters
    ----------
    store : Store
    query : str, optional
        Which runs; as for ``store.runs``.
    limit : int
        Rows shown at most; the caption says of how many.

    Attributes
    ----------
    rows : list of TableRow
    num_matching, num_runs : int
        Runs that match the query, and runs in the store.
    score : str
        The held-out score that has a column of its own; empty if there is none.

    Raises
    ------
    QueryError
        If the query cannot be read, or names a field that no run has.
    """

    def __init__(self, store: Store, query: str | None = None, limit: int = MOST_ROWS) -> None:
        found = store.runs.rows(query)
        self.query = query
        self.num_matching = len(found)
        self.num_runs = len(store.runs.ids()) if query else len(found)
        self.now_s = time.time()
        self.score = score_key(found[:limit])
        self.rows = read_rows(store, found[:limit], self.score, self.now_s)

    @property
    def caption(self) -> str:
        """How many runs there are, and how many of them are shown."""
        runs = "run" if self.num_matching == 1 else "runs"
        if not self.num_runs:
            return "no runs yet: put %%track on the first line of a cell"
        text = f"{count(self.num_matching)} {runs}"
        if self.query:
            verb = "matches" if self.num_matching == 1 else "match"
            text = f"{count(self.num_matching)} of {count(self.num_runs)} runs {verb}"
        if len(self.rows) < self.num_matching:
            return f"{text}, the newest {len(self.rows)} shown"
        return f"{text}, newest first" if self.num_matching > 1 else text

    def _repr_html_(self) -> str:
        return to_html(self.rows, self.caption, self.score, self.now_s)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": str(self)}

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        """The table as text, at most 105 characters wide."""
        if not self.rows:
            return self.caption
        name, changed = 18, 26
        lines = _aligned(self._lines(name, changed))
        excess = max(map(len, lines)) - MOST_CHARACTERS
        if excess > 0:
            changed = max(8, changed - excess)
            name = max(8, name - max(0, excess - (26 - changed)))
            lines = _aligned(self._lines(name, changed))
        foot = [HIDDEN] if any(row.hidden for row in self.rows) else []
        return "\n".join([*(line[:MOST_CHARACTERS] for line in lines), self.caption, *foot])

    def _lines(self, name: int, changed: int) -> list[list[str]]:
        most = max(row.steps or 0 for row in self.rows)
        heads = ["run", "name", "changed since previous", "status", ">steps", ">loss", "curve"]
        lines = [[*heads, ">" + score_title(self.score, 12), ">time", "ago"]]
        for row in self.rows:
            width = max(3, round(8 * (row.steps or 0) / most)) if most else 8
            lines.append(
                [
                    row.id,
                    shorten(row.name, name - 2) + " *" if row.hidden else shorten(row.name, name),
                    shorten(row.changed, changed),
                    row.status,
                    "" if row.steps is None else count(row.steps),
                    sig(row.loss),
                    spark(averages(np.asarray(row.curve), width)),
                    sig(row.score),
                    duration(row.duration_s),
                    ago(self.now_s - row.started_s),
                ]
            )
        return lines


def _aligned(lines: list[list[str]]) -> list[str]:
    """Columns side by side; a head that begins with ``>`` is of numbers; empty columns go."""
    is_right = [head.startswith(">") for head in lines[0]]
    lines = [[head.removeprefix(">") for head in lines[0]], *lines[1:]]
    used = [j for j in range(len(lines[0])) if any(line[j] for line in lines[1:])]
    widths = {j: max(len(line[j]) for line in lines) for j in used}
    return [
        "  ".join(
            line[j].rjust(widths[j]) if is_right[j] else line[j].ljust(widths[j]) for j in used
        ).rstrip()
        for line in lines
    ]
