"""What a comparison comes to: groups, verdict, and what else differs, in words and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nbtrack.errors import UsageError
from nbtrack.evaluate.chosen import Chosen, choose
from nbtrack.evaluate.differ import Differences, also_differ, differences
from nbtrack.evaluate.groups import Group, group_runs
from nbtrack.evaluate.metric import Metric, choose_metric
from nbtrack.evaluate.overlay import ALONG, Reader
from nbtrack.evaluate.table import frame
from nbtrack.evaluate.verdict import Piece, Verdict, judge
from nbtrack.store import Store
from nbtrack.versioning.diff import show
from nbtrack.views.words import sig

if TYPE_CHECKING:
    import pandas as pd

START = {
    "query": None,
    "metric": None,
    "statistic": "last",
    "better": None,
    "group_by": None,
    "x": "step",
    "unchecked": (),
    "a": None,
    "b": None,
    "paired": False,
}


class Judgement:
    """Runs held against each other, for one choice of metric and groups."""

    def __init__(
        self,
        store: Store,
        what: Sequence[Any],
        choice: Mapping[str, Any] | None = None,
        reader: Reader | None = None,
        chosen: Chosen | None = None,
    ) -> None:
        self._store, self._what = store, tuple(what)
        self._choice = {**START, **(choice or {})}
        self._reader = reader or Reader()
        self._chosen = chosen or choose(store, self._what)
        rows = [entry.row for entry in self._chosen.entries]
        options = self._choice
        self.metric: Metric | None = choose_metric(
            rows, options["metric"], options["statistic"], options["better"]
        )
        if options["x"] not in ALONG:
            raise UsageError(f"x is one of {', '.join(ALONG)}; got {options['x']!r}")
        self.groups: list[Group] = group_runs(
            self._chosen.entries,
            self.metric,
            options["group_by"],
            sides=self._chosen.sides,
            unchecked=options["unchecked"],
        )
        letters = [group.letter for group in self.groups]
        for side in ("a", "b"):
            if options[side] is not None and options[side] not in letters:
                raise UsageError(f"there is no group {options[side]!r}: {', '.join(letters)}")
        self.verdict: Verdict = judge(
            self.groups,
            self.metric,
            a=options["a"],
            b=options["b"],
            pairs_seeds=bool(options["paired"]),
        )

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        return self.verdict.sentence

    @cached_property
    def differences(self) -> Differences | None:
        """What sets the two groups of the verdict apart; None with fewer than two."""
        if self.verdict.a is None or self.verdict.b is None:
            return None
        return differences(self.verdict.a, self.verdict.b)

    def params_diff(self) -> pd.DataFrame:
        """The parameters in which the two groups differ, those that matter most first.

        Returns
        -------
        DataFrame
            Indexed by name, a column for each group by its letter; where the runs of a group have
            several values, all of them in a tuple.
        """
        import pandas as pd

        found = self.differences
        if found is None:
            empty: pd.DataFrame = pd.DataFrame(index=pd.Index([], name="name", dtype=object))
            return empty
        names = [name for name, _, _ in found.params]
        sides = [
            [values[0] if len(values) == 1 else values for values in column]
            for column in ([old for _, old, _ in found.params], [new for _, _, new in found.params])
        ]
        table: pd.DataFrame = pd.DataFrame(
            {found.a.letter: sides[0], found.b.letter: sides[1]},
            index=pd.Index(names, name="name", dtype=object),
            dtype=object,
        )
        return table

    def code_diff(self) -> Any:
        """What differs between one run of each of the two groups, as `nbtrack.diff` gives it.

        Returns
        -------
        RunDiff or None
            ``.cells`` are the cells; shown as a page in a notebook. None with fewer than two
            groups.
        """
        return None if self.differences is None else self.differences.runs

    def table(self) -> pd.DataFrame:
        """The runs, newest first: group, parameters that vary, seed, metric, whether it counts.

        Returns
        -------
        DataFrame
            Indexed by run id. The metric is as shown: in percent where its label says so, NaN
            where the run does not count, and ``why not`` says why.
        """
        found: pd.DataFrame = frame(self._chosen.entries, self.groups, self.metric)
        return found

    @property
    def detail(self) -> list[Piece]:
        """What the sentence rests on, in pieces of text, those that matter stressed."""
        verdict, metric = self.verdict, self.metric
        if metric is None:
            return []
        lower = ", lower is better" if metric.better == "lower" else ""
        pieces: list[Piece] = [(f"{metric.label} {metric.at}{lower}", False)]
        found = self.differences
        if found is not None:
            named = self._named(found)
            for name, old, new in found.params:
                if name in named:
                    pieces.append((f", {name} {_told(new)} against {_told(old)}", False))
            pieces.append((".", False))
            also = also_differ(found, named)
            if also:
                pieces.append((f" {found.a.letter} and {found.b.letter} also differ in ", False))
                for k, name in enumerate(also[:6]):
                    join = "" if not k else " and " if k == len(also[:6]) - 1 else ", "
                    pieces += [(join, False)] if join else []
                    pieces.append((name, True))
                more = f" and {len(also) - 6} more" if len(also) > 6 else ""
                alone = f"{' and '.join(named)} alone may" if named else "it may"
                pieces.append((f"{more}, so {alone} not be the cause.", False))
        else:
            pieces.append((".", False))
        for sentence in (*verdict.others, *verdict.notes, *verdict.excluded):
            pieces.append((f" {sentence}", False))
        return pieces

    def _named(self, found: Differences) -> list[str]:
        """The parameters that the comparison is about: those asked for, else the weightiest."""
        names = [name for name, _, _ in found.params]
        asked = [name for name in self._choice["group_by"] or () if name in names]
        return asked or names[:1]

    @property
    def call(self) -> str:
        """The call that opens a comparison of these runs again."""
        query = self._chosen.query
        return f"nbtrack.compare({query!r})" if query else "nbtrack.compare(...)"

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        lines = [self.sentence, "".join(text for text, _ in self.detail), ""]
        for group in self.groups[:20]:
            mean = "no run counts" if group.mean is None else sig(group.mean, 4)
            if group.n:
                mean += f" {self.metric.unit if self.metric else ''}".rstrip()
                mean += f"  ({sig(min(group.numbers), 4)} to {sig(max(group.numbers), 4)})"
            runs = "1 run" if group.n == 1 else f"{group.n} runs"
            lines.append(f"{group.letter}  {group.label}: {mean}, {runs}")
        if len(self.groups) > 20:
            lines.append(f"and {len(self.groups) - 20} more groups")
        return "\n".join(lines)


def _told(values: Sequence[Any]) -> str:
    shown = ["none" if value is None else show(value) for value in values[:3]]
    return " or ".join(shown) + (" …" if len(values) > 3 else "")
