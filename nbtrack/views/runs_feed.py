"""What the interactive table asks, and what it is told: choose, sort, page, edit, delete.

Every question of the page is one small message and gets one answer, with the rows that are on its
screen and no others. Nothing is sent unasked, so a busy kernel costs the page nothing but waiting.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbtrack.errors import NbtrackError, QueryError
from nbtrack.views.frames import averages
from nbtrack.views.rows import read_rows, score_key
from nbtrack.views.table_columns import UNSORTED, columns_of, in_order, plain, value_of

if TYPE_CHECKING:
    from nbtrack.store import Store

MOST_ROWS = 200  # in one answer
FIRST_ROWS = 60
MOST_DELETED = 500  # at a time, and in one dialog
FRESH_S = 1.0  # typing does not look at ten thousand files for every letter
_SHARE = 0.02  # of the kernel's time, for looking after running runs
_CURVE_POINTS = 40

Message = dict[str, Any]


class RunsFeed:
    """The table's side of the conversation with its pages; knows no widget.

    Parameters
    ----------
    store : Store
    query : str, optional
        Which runs at first.
    show : mapping of str to callable, optional
        ``open`` and ``compare``: take run ids, give a widget, or None where there is none.

    Raises
    ------
    QueryError
        If the query cannot be read, or names a field that no run has.
    """

    def __init__(
        self,
        store: Store,
        query: str | None = None,
        show: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        self.store = store
        self.query = query or ""
        self.sort = ("started", True)
        self.columns: list[str] = []
        self._show = dict(show or {})
        self._all: list[dict[str, Any]] = []
        self._found: Sequence[Mapping[str, Any]] = []
        self._read_s = -math.inf
        self._version = 0
        self._choose()

    def first(self) -> Message:
        """What a page is given to begin with."""
        return self._hits({"lo": 0, "hi": FIRST_ROWS, "all": True})

    def answer(self, asked: Mapping[str, Any]) -> Message:
        """The answer to one message of a page; errors are answers too."""
        kind = str(asked.get("t"))
        do = getattr(self, f"_on_{kind}", None)
        try:
            if do is None:
                raise ValueError(f"this nbtrack does not know the question {kind!r}")
            reply: Message = do(asked)
        except QueryError as error:
            place = {"text": error.text, "start": error.start, "end": error.end}
            reply = {"t": "wrong", "why": error.why, **place}
        except (NbtrackError, OSError, ValueError, LookupError) as error:
            reply = {"t": "failed", "of": kind, "why": str(error)}
        return {**reply, "n": asked.get("n"), "to": asked.get("me")}

    # -- looking --------------------------------------------------------------------------------

    def _on_query(self, asked: Mapping[str, Any]) -> Message:
        before = self.query
        self.query = str(asked.get("q", "")).strip()
        try:
            self._choose()
        except QueryError:
            self.query = before
            raise
        return self._hits(asked)

    def _on_sort(self, asked: Mapping[str, Any]) -> Message:
        if asked["id"] not in UNSORTED:
            self.sort = (str(asked["id"]), asked.get("direction") == "descending")
        self._choose()
        return self._hits(asked)

    def _on_columns(self, asked: Mapping[str, Any]) -> Message:
        self.columns = [str(column) for column in asked["ids"]][:60]
        return self._hits(asked)

    def _on_look(self, asked: Mapping[str, Any]) -> Message:
        """Look again, now and then: new runs, and how far the running ones are."""
        begin = time.perf_counter()
        self._choose(fresh=True)
        hits = self._hits({**asked, "all": True})
        again_s = max(3.0, (time.perf_counter() - begin) / _SHARE)
        return {**hits, "again_s": again_s}

    def _on_page(self, asked: Mapping[str, Any]) -> Message:
        return self._hits(asked)

    def _on_ids(self, asked: Mapping[str, Any]) -> Message:
        chosen = self._found[int(asked["lo"]) : int(asked["hi"])]
        return {"t": "ids", "ids": [row["id"] for row in chosen]}

    def _choose(self, *, fresh: bool = False) -> None:
        if fresh or time.monotonic() - self._read_s > FRESH_S:
            self._all = self.store.runs.rows()
            self._read_s = time.monotonic()
        rows: Sequence[Mapping[str, Any]] = self._all
        if self.query:
            rows = self.store.runs.choose(self._all, self.query)
        column, descending = self.sort
        if (column, descending) != ("started", True):  # as they come
            rows = in_order(rows, column, descending=descending)
        self._found = rows
        self._version += 1

    def _hits(self, asked: Mapping[str, Any]) -> Message:
        low = max(0, int(asked.get("lo", 0)))
        high = min(len(self._found), max(low, int(asked.get("hi", 0))), low + MOST_ROWS)
        message: Message = {
            "t": "hits",
            "v": self._version,
            "query": self.query,
            "total": len(self._found),
            "runs": len(self._all),
            "sort": {
                "id": self.sort[0],
                "direction": "descending" if self.sort[1] else "ascending",
            },
            "lo": low,
            "rows": self._rows(self._found[low:high]),
            "most_steps": max((row["steps"] or 0 for row in self._found), default=0),
        }
        if asked.get("all"):
            message["columns"] = [list(column) for column in columns_of(self._all)]
            message["score"] = score_key([dict(row) for row in self._found[:MOST_ROWS]])
        return message

    def _rows(self, found: Sequence[Mapping[str, Any]]) -> list[Message]:
        now_s = time.time()
        read = read_rows(self.store, [dict(row) for row in found], "", now_s)
        return [
            {
                "id": row["id"],
                "name": row["name"],
                "status": row["status"],
                "changed": seen.changed,
                "steps": seen.steps,
                "loss": plain(seen.loss),
                "curve": [plain(round(y, 6)) for y in averages_of(seen.curve)],
                "finding": self._finding(row["id"]),
                "duration": seen.duration_s,
                "started": row["started_s"],
                "ago": now_s - row["started_s"],
                "tags": row["tags"],
                "notes": row["notes"],
                "hidden": row["hidden"],
                "v": {column: plain(value_of(row, column)) for column in self.columns},
            }
            for row, seen in zip(found, read, strict=True)
        ]

    def _finding(self, run_id: str) -> list[str] | None:
        from nbtrack.store.findings import read_findings

        try:
            findings = read_findings(self.store.run_folder(run_id))
        except OSError:
            return None
        alarms = [one for one in findings if one.severity in ("error", "warning")]
        return [alarms[0].severity, alarms[0].code] if alarms else None

    # -- doing ----------------------------------------------------------------------------------

    def _on_edit(self, asked: Mapping[str, Any]) -> Message:
        given = {name: asked[name] for name in ("name", "tags", "notes") if name in asked}
        self.store.runs.edit(str(asked["id"]), **given)
        self._choose(fresh=True)
        return self._hits(asked)

    def _on_sure(self, asked: Mapping[str, Any]) -> Message:
        """What is deleted, for the dialog that asks."""
        ids = [str(run_id) for run_id in asked["ids"]][:MOST_DELETED]
        names = {row["id"]: row["name"] for row in self._all}
        leaning = {
            run_id: others
            for run_id in ids
            if (
                others := [
                    other for other in self.store.runs.leaning_on(run_id) if other not in ids
                ]
            )
        }
        return {
            "t": "sure",
            "ids": ids,
            "names": [names.get(i, i) for i in ids],
            "leaning": leaning,
        }

    def _on_delete(self, asked: Mapping[str, Any]) -> Message:
        kept = {}
        for run_id in map(str, asked["ids"][:MOST_DELETED]):
            try:
                self.store.runs.delete(run_id)
            except LookupError:
                continue  # somebody was faster
            except OSError as error:
                kept[run_id] = str(error)
        self._choose(fresh=True)
        return {**self._hits({**asked, "all": True}), "kept": kept}

    def _on_show(self, asked: Mapping[str, Any]) -> Message:
        """Open a run or compare some: the model of a widget, or the line of code that does it."""
        ids, which = [str(run_id) for run_id in asked["ids"]], str(asked["what"])
        for run_id in ids:
            self.store.get(run_id)  # says if it is gone
        words = ", ".join(map(repr, ids))
        code = (
            f"nbtrack.live(nbtrack.get({words}))"
            if which == "open"
            else f"nbtrack.compare({words})"
        )
        widget = self._show[which](*ids) if which in self._show else None
        model = None if widget is None else widget.model_id
        return {"t": "show", "what": which, "ids": ids, "code": code, "model": model}


def averages_of(curve: Sequence[float]) -> list[float]:
    """A curve in as few points as its picture has room for."""
    import numpy as np

    return list(averages(np.asarray(curve, dtype=float), _CURVE_POINTS)) if len(curve) else []
