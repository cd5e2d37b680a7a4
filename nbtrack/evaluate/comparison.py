"""`Comparison`: runs held against each other, for a notebook, a page, a report or a terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from nbtrack.errors import UsageError
from nbtrack.evaluate import picture
from nbtrack.evaluate.chosen import Chosen, choose
from nbtrack.evaluate.code import code_json
from nbtrack.evaluate.differ import also_differ, differ_json
from nbtrack.evaluate.groups import varying
from nbtrack.evaluate.importance import parallel_json
from nbtrack.evaluate.judgement import START, Judgement
from nbtrack.evaluate.metric import CHOICES, Metric, better_of, choose_metric, metric_keys
from nbtrack.evaluate.overlay import ALONG, overlay, overlay_json
from nbtrack.evaluate.predictions import prediction_page
from nbtrack.evaluate.statistics import effect_words
from nbtrack.evaluate.table import curves, table_json
from nbtrack.evaluate.verdict import interval_json
from nbtrack.store import Store
from nbtrack.views.words import count

PARTS = (
    *("head", "verdict", "groups", "table", "overlay", "parallel", "differ", "code"),
    "predictions",
)


class Comparison(Judgement):
    """Runs held against each other: what differs, which is better, and how sure that is.

    Made by `nbtrack.compare`. In a notebook it shows itself; it also works without a browser.

    Attributes
    ----------
    groups : list of Group
        Runs taken as repetitions of one thing; ``.letter``, ``.label``, ``.numbers``, ``.mean``.
    metric : Metric or None
        The series that runs are judged by; None where no run has one.
    verdict : Verdict
        ``.kind``, ``.sentence``, ``.interval`` (positive where `b` is better), ``.effect``.
    """

    def figure(self) -> Any:
        """The curves under the verdict, as a matplotlib Figure."""
        return picture.figure(self)

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        try:
            found: dict[str, Any] = _widgets().compare_bundle(self)
        except ImportError:  # no anywidget here: the picture remains
            found = self.static_bundle()
        return found

    @property
    def widget(self) -> Any:
        """The interactive view as a widget, for ``mo.ui.anywidget`` and layouts of your own.

        Raises
        ------
        ImportError
            If anywidget is missing.
        """
        return _widgets().compare_widget(self)

    def choose(self, choice: Mapping[str, Any]) -> Comparison:
        """The same comparison with another metric, grouping, pair of groups, query, ...

        Parameters
        ----------
        choice : mapping
            Some of ``query``, ``metric``, ``statistic``, ``better``, ``group_by``, ``x``,
            ``unchecked`` (ids), ``a`` and ``b`` (letters), ``paired``.

        Raises
        ------
        UsageError
            If a name or a word is unknown.
        QueryError
            If the query cannot be read.
        """
        unknown = sorted(set(choice) - set(START))
        if unknown:
            raise UsageError(f"a comparison has no choice {unknown[0]!r}: {', '.join(START)}")
        new = {**self._choice, **choice}
        if isinstance(new["group_by"], str):
            new["group_by"] = [new["group_by"]]
        if {"group_by", "query"} & set(choice) and not {"a", "b"} & set(choice):
            new["a"] = new["b"] = None  # letters mean other groups then
        if choice.get("metric") and "better" not in choice:
            new["better"] = None
        if "query" not in choice:
            return Comparison(self._store, self._what, new, self._reader, self._chosen)
        query = str(choice["query"] or "").strip()
        if not query:
            return Comparison(self._store, self._what, new, self._reader)
        ids = self._store.runs.rows(query)
        found = choose(self._store, [[str(row["id"]) for row in ids]])
        chosen = Chosen(found.entries, (), query, found.num_all)
        return Comparison(self._store, self._what, new, self._reader, chosen)

    def payload(self, parts: Iterable[str] | None = None) -> dict[str, Any]:
        """What a page shows, as JSON: all parts, or some of `PARTS`.

        Raises
        ------
        UsageError
            If there is no such part.
        """
        wanted = PARTS if parts is None else tuple(parts)
        found: dict[str, Any] = {"version": 1}
        for part in wanted:
            if part not in PARTS:
                raise UsageError(f"a comparison has no part {part!r}: {', '.join(PARTS)}")
            found[part] = getattr(self, f"_{part}")()
        return found

    def curves(self, run_ids: Iterable[str]) -> dict[str, list[float | None]]:
        """Small curves of some runs, by id; unknown ids are left out."""
        wanted = set(run_ids)
        entries = [entry for entry in self._chosen.entries if entry.id in wanted]
        return curves(entries, self.metric, self._reader)

    def overlay(
        self,
        metric: str | None = None,
        x: str | None = None,
        lo: float | None = None,
        hi: float | None = None,
        most: int = 240,
    ) -> dict[str, Any]:
        """The curves of a metric along step, time or epoch, or finer points of a part of them."""
        chosen = self.metric
        if metric is not None:
            chosen = choose_metric([entry.row for entry in self._chosen.entries], metric)
        along: Any = x or self._choice["x"]
        if chosen is None:
            empty = Metric("", better="lower")
            return overlay_json(overlay([], empty, self._reader, along=along), empty, along, "")
        found = overlay(
            self.groups, chosen, self._reader, along=along, low=lo, high=hi, most=int(most)
        )
        return overlay_json(found, chosen, along, self._title())

    def static_bundle(self) -> dict[str, Any]:
        """The picture that a saved notebook holds: HTML with a table, SVG, PNG and text."""
        return picture.bundle(self)

    def _title(self) -> str:
        numbers = {group.n for group in self.groups if group.n}
        runs = f"{max(numbers, default=0)} runs" if len(numbers) == 1 else "the runs"
        by = self._choice["group_by"] or varying([g.entries[0] for g in self.groups])[:2]
        over = "each run" if numbers <= {1} else f"mean and range over {runs} of each group"
        return over + (f", by {' and '.join(by)}" if by and len(self.groups) > 1 else "")

    def _head(self) -> dict[str, Any]:
        rows = [entry.row for entry in self._chosen.entries]
        metric = self.metric
        choice = {
            **self._choice,
            "query": self._chosen.query,
            "metric": metric.key if metric else None,
            "better": metric.better if metric else None,
            "unchecked": list(self._choice["unchecked"]),
            "a": self.verdict.a.letter if self.verdict.a else None,
            "b": self.verdict.b.letter if self.verdict.b else None,
        }
        keys = metric_keys(rows)
        names = varying(self._chosen.entries)
        rest = dict.fromkeys(name for entry in self._chosen.entries for name in entry.params)
        labels = {key: Metric(key, better=better_of(key)).label for key in keys}
        num = len(self._chosen.entries)
        groups = "1 group" if len(self.groups) == 1 else f"{len(self.groups)} groups"
        return {
            "choice": choice,
            "options": {
                "metrics": [{"key": key, "label": label} for key, label in labels.items()],
                "statistics": list(CHOICES),
                "group_by": list(dict.fromkeys([*names, *rest, "name"])),
                "x": [along for along in ALONG if along != "epoch" or self._has_epochs()],
            },
            "hits": num,
            "all": self._chosen.num_all,
            "metric": metric.as_json() if metric else None,
            "title": f"{count(num)} run{'' if num == 1 else 's'} in {groups}",
        }

    def _has_epochs(self) -> bool:
        entries = self._chosen.entries[:1]
        key = self.metric.key if self.metric else ""
        return any(self._reader.has_epochs(entry, key) for entry in entries)

    def _verdict(self) -> dict[str, Any]:
        verdict = self.verdict
        found = self.differences
        return {
            "kind": verdict.kind,
            "sentence": verdict.sentence,
            "detail": [[text, int(stressed)] for text, stressed in self.detail],
            "also_differ": also_differ(found, self._named(found)) if found else [],
            "others": list(verdict.others),
            "excluded": list(verdict.excluded),
            "method": verdict.method,
            "effect": None
            if verdict.effect is None
            else {"g": verdict.effect, "words": effect_words(verdict.effect)},
            "interval": interval_json(verdict, self.metric) if self.metric else None,
        }

    def _groups(self) -> list[dict[str, Any]]:
        sign = self.metric.sign() if self.metric else 1
        ranked = sorted(
            (group for group in self.groups if group.mean is not None),
            key=lambda group: -sign * (group.mean or 0.0),
        )
        ranks = {group.letter: k + 1 for k, group in enumerate(ranked)}
        return [group.as_json(ranks.get(group.letter)) for group in self.groups]

    def _table(self) -> dict[str, Any]:
        return table_json(self._chosen.entries, self.groups, self.metric, self._reader)

    def _overlay(self) -> dict[str, Any]:
        return self.overlay()

    def _parallel(self) -> dict[str, Any] | None:
        return parallel_json(self.groups, self.metric) if self.metric else None

    def _differ(self) -> dict[str, Any] | None:
        return None if self.differences is None else differ_json(self.differences)

    def _code(self) -> dict[str, Any] | None:
        found = self.differences
        if found is None or found.runs is None:
            return None
        titles = {
            f"{side}_title": f"{group.letter}, {entry.id}, as run {_moment(entry.row['started_s'])}"
            for side, group, entry in (("a", found.a, found.a_run), ("b", found.b, found.b_run))
        }
        return {**titles, **code_json(found.runs.cells)}

    def _predictions(self) -> dict[str, Any] | None:
        return self.prediction_page()

    def prediction_page(
        self,
        split: str | None = None,
        offset: int = 0,
        limit: int = 50,
        only: str = "disagree",
    ) -> dict[str, Any] | None:
        """What the two groups predicted, side by side; None where they kept nothing.

        Raises
        ------
        UsageError
            If `only` is none of disagree, wrong_a, wrong_b, all.
        """
        found = self.differences
        return None if found is None else prediction_page(found, split, offset, limit, only)


def compare(
    *runs: Any,
    metric: str | None = None,
    group_by: str | Sequence[str] | None = None,
    statistic: str = "last",
    better: str | None = None,
    paired: bool = False,
    store: Store | str | os.PathLike[str] | None = None,
) -> Comparison:
    """Hold runs against each other: what differs, which is better, and how sure that is.

    Parameters
    ----------
    *runs : run, id, start of an id, name, position, query, list of these, or DataFrame
        A name means all runs of that name; a query is one of `nbtrack.runs`, which may give the
        table too. Two or more queries, names or lists: each is a group. Without any: all runs of
        the newest run's notebook (of its name, outside of notebooks).
    metric : str, optional
        The series that runs are judged by. Without it: a held-out score, else a held-out loss,
        else another score, else the loss.
    group_by : str or sequence of str, optional
        Parameters whose equal values make a group. Without it runs form a group that are equal in
        all parameters and code but the seed.
    statistic : {"last", "min", "max", "best"}
        Which value of the series.
    better : {"higher", "lower"}, optional
        Lower for what is named as a loss or an error, else higher.
    paired : bool
        Take runs of one seed as pairs. Decide before you look: with few seeds the intervals of
        pairs are wider unless the seed moves both groups alike.
    store : Store or path, optional
        The default store without it.

    Returns
    -------
    Comparison

    Raises
    ------
    RunNotFound
        (a LookupError) if no run answers to one of them.
    QueryError
        (a ValueError) if a query cannot be read.
    UsageError
        (a ValueError) if no run has that metric or parameter.

    Notes
    -----
    Of two groups the difference of means is told with Welch's 95 % interval. Of more, the best is
    held against the next, with intervals that hold for all pairs (Games and Howell).
    """
    house = store if isinstance(store, Store) else Store(store)
    by = [group_by] if isinstance(group_by, str) else list(group_by) if group_by else None
    choice = {"metric": metric, "group_by": by, "statistic": statistic}
    return Comparison(house, runs, {**choice, "better": better, "paired": paired})


def _widgets() -> Any:
    """The widget's side, loaded when it is shown."""
    return import_module("nbtrack.views.compare_widget")


def _moment(time_s: float) -> str:
    return time.strftime("%d %b %H:%M", time.localtime(time_s)).lstrip("0")
