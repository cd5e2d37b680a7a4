"""`CompareFeed`: answers what a page asks about a comparison.

A comparison is given as an object that answers; nothing of the room that makes it is imported.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from nbtrack.errors import NbtrackError, QueryError

Message = dict[str, Any]

MOST_PAGES = 64  # whose choices are kept; the page that was silent longest is forgotten
MOST_CURVES = 200  # of one question
MOST_POINTS = 2_000  # of a curve of one question
MOST_PREDICTIONS = 500  # rows of one question


class CompareFeed:
    """Questions of pages and their answers; each page has a choice of its own.

    Parameters
    ----------
    source : object
        With ``payload``, ``choose``, ``curves``, ``overlay`` and ``prediction_page``, as
        `nbtrack.Comparison` has them. Nothing of it is changed by a question.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._pages: OrderedDict[str, Any] = OrderedDict()
        self._lock = Lock()  # the kernel may hear in more threads than one
        self._answers: dict[str, Callable[[Any, Mapping[str, Any]], Message]] = {
            "choose": self._choose,
            "curves": self._curves,
            "overlay": self._overlay,
            "predictions": self._predictions,
        }

    def first(self) -> Message:
        """The payload that a page opens with."""
        return dict(self._source.payload())

    def answer(self, asked: Mapping[str, Any]) -> Message:
        """The answer to one question; what fails is told and never raised.

        Parameters
        ----------
        asked : mapping
            ``t`` says what is asked, ``me`` which page asks; ``n`` comes back with the answer.

        Returns
        -------
        dict
            ``{"t": "wrong", "why", "text", "start", "end"}`` for a query that cannot be read,
            ``{"t": "failed", "why"}`` for what else went wrong.
        """
        about = {"to": asked.get("me"), "n": asked.get("n"), "of": asked.get("t")}
        try:
            answer = self._answers[str(asked["t"])]
            with self._lock:
                return {**answer(self._of(str(asked.get("me"))), asked), **about}
        except QueryError as error:
            word = {"text": error.text, "start": error.start, "end": error.end}
            return {"t": "wrong", "why": error.why, **word, **about}
        except (NbtrackError, LookupError) as error:
            return {"t": "failed", "why": str(error), **about}
        except Exception as error:
            return {"t": "failed", "why": f"{type(error).__name__}: {error}", **about}

    def _of(self, page: str) -> Any:
        return self._pages.get(page, self._source)

    def _choose(self, source: Any, asked: Mapping[str, Any]) -> Message:
        chosen = source.choose(dict(asked["choice"]))
        payload = chosen.payload()
        page = str(asked.get("me"))
        self._pages[page] = chosen
        self._pages.move_to_end(page)
        while len(self._pages) > MOST_PAGES:
            self._pages.popitem(last=False)
        return {"t": "chosen", "payload": payload}

    def _curves(self, source: Any, asked: Mapping[str, Any]) -> Message:
        ids = [str(run_id) for run_id in asked["ids"]][:MOST_CURVES]
        return {"t": "curves", "curves": source.curves(ids)}

    def _overlay(self, source: Any, asked: Mapping[str, Any]) -> Message:
        named = {name: asked[name] for name in ("metric", "x", "lo", "hi") if name in asked}
        most = min(max(int(asked.get("most") or 240), 2), MOST_POINTS)
        return {"t": "overlay", "overlay": source.overlay(**named, most=most)}

    def _predictions(self, source: Any, asked: Mapping[str, Any]) -> Message:
        named = {name: asked[name] for name in ("split", "offset", "only") if name in asked}
        limit = min(max(int(asked.get("limit") or 50), 1), MOST_PREDICTIONS)
        return {"t": "predictions", "page": source.prediction_page(**named, limit=limit)}
