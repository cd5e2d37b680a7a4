"""Two runs held against each other, point by point and tensor by tensor."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from nbtrack.records import ComparedSeries, Difference
from nbtrack.store import StoredRun
from nbtrack.versioning.contents.weights import first_difference

if TYPE_CHECKING:
    pass

TOLERANCE = 1e-5  # relative; float32 carries 6e-8, and a few thousand steps of rounding add up

# Read on a clock, so that no two executions agree.
_OF_THE_MACHINE = ("system/", "throughput/", "every/")
_CLOCK_WORD = re.compile(
    r"(^|[/_\s])(time|times|timing|elapsed|duration|took|eta|secs?|seconds?|minutes?|ms|"
    r"fps|speed|latency|wall|it_s|\w+_per_s\w*)($|[/_\s])",
    re.IGNORECASE,
)
# Read when the time budget of the instruments allows, at other steps each time.
_THINNED = ("grad_norm/", "weight_norm/", "update_ratio/", "nonfinite/", "var/", "out/", "amp/")


def compare_points(
    recorded: StoredRun,
    again: StoredRun,
    clock: Collection[str] = (),
    stopped_at: int | None = None,
) -> list[ComparedSeries]:
    """Every series of the recorded run against the same one of the other.

    Parameters
    ----------
    clock : collection of str
        Names of the cell whose values come from a clock: their series are left out, as are those
        of the machine (system, throughput).
    stopped_at : int, optional
        The last step of a repetition that was stopped early: what is recorded from that step on
        is compared as far as both have it.

    Returns
    -------
    list of ComparedSeries
        In the order in which the series were first logged; those that only the second run has
        come last.

    Notes
    -----
    Readings that are thinned to save time are compared at the steps that both runs have.
    """
    ours, theirs = _by_key(recorded), _by_key(again)
    kept = [key for key in dict.fromkeys([*ours, *theirs]) if not _is_of_clock(key, clock)]
    return [_compare(key, ours.get(key), theirs.get(key), stopped_at) for key in kept]


def is_close(series: ComparedSeries) -> bool:
    """Whether all points agree within the tolerance."""
    return series.largest <= TOLERANCE


def compare_weights(
    recorded: Mapping[str, Any], again: Mapping[str, Any]
) -> tuple[int, Difference | None]:
    """How many tensors were compared, and the first that differs.

    Parameters
    ----------
    recorded, again : mapping
        As ``replay.json`` has them under ``weights``.
    """
    found = first_difference(recorded, again)
    if found is None:
        return len(recorded), None
    name, reason = found
    return len(recorded), Difference(
        what="weights",
        name=name,
        recorded=_short(recorded.get(name)),
        again=_short(again.get(name)) if name in again else reason,
    )


def compare_variables(
    recorded: Mapping[str, Any], again: Mapping[str, Any], clock: Collection[str] = ()
) -> list[Difference]:
    """The small variables of the cell whose last values differ."""
    return [
        Difference(what="variable", name=name, recorded=value, again=again.get(name))
        for name, value in recorded.items()
        if not _is_of_clock(f"var/{name}", clock) and not _same_value(value, again.get(name))
    ]


def _short(weight: Any) -> str | None:
    return None if weight is None else str(weight.get("digest", weight))[:12]


def _same_value(a: Any, b: Any) -> bool:
    return bool(a == b) or (a != a and b != b)


def _is_of_clock(key: str, clock: Collection[str]) -> bool:
    if key.startswith(_OF_THE_MACHINE):
        return True
    room, _, name = key.partition("/")
    if room in ("var", "out") and name.split("/")[0] in clock:
        return True
    return room == "out" and _CLOCK_WORD.search(name) is not None  # printed: its source is unknown


def _by_key(run: StoredRun) -> dict[str, Any]:
    """Steps and values of each series, in order of time, rank after rank."""
    points = run.points()
    if points.empty:
        return {}
    points = points.sort_values("rank", kind="stable")
    return {
        str(key): (group["step"].to_numpy(), group["value"].to_numpy())
        for key, group in points.groupby("key", observed=True, sort=False)
    }


def _compare(key: str, ours: Any, theirs: Any, stopped_at: int | None) -> ComparedSeries:
    import numpy as np

    none = (np.empty(0, "i8"), np.empty(0, "f8"))
    is_thinned = key.removeprefix("auto/").startswith(_THINNED)
    is_of_one = ours is None or theirs is None
    if is_of_one and (is_thinned or _all_from(ours or theirs, stopped_at)):
        return ComparedSeries(key=key, num_points=0)
    (steps_a, a), (steps_b, b) = ours or none, theirs or none
    place_a, place_b, only_a, only_b = _aligned(steps_a, steps_b)
    if is_thinned:
        only_a = only_b = ()
    if stopped_at is not None:
        only_a = [i for i in only_a if steps_a[i] < stopped_at]
        only_b = [i for i in only_b if steps_b[i] < stopped_at]
    left, right, steps = a[place_a], b[place_b], steps_a[place_a]
    differs = (left != right) & ~(np.isnan(left) & np.isnan(right))
    found: list[Difference] = []
    if differs.any():
        at = int(np.flatnonzero(differs)[np.argmin(steps[differs])])
        x, y = float(left[at]), float(right[at])
        size = abs(x - y) if math.isfinite(x) and math.isfinite(y) else None
        step = int(steps[at])
        found.append(Difference(what="series", name=key, step=step, recorded=x, again=y, size=size))
    if len(only_a):
        at = only_a[0]
        found.append(_missing(key, int(steps_a[at]), float(a[at]), None))
    if len(only_b):
        at = only_b[0]
        found.append(_missing(key, int(steps_b[at]), None, float(b[at])))
    first = min(found, key=lambda difference: difference.step or 0, default=None)
    largest = _largest(left[differs], right[differs])
    if len(only_a) or len(only_b):
        largest = math.inf
    return ComparedSeries(key=key, num_points=len(left), first=first, largest=largest)


def _missing(key: str, step: int, recorded: Any, again: Any) -> Difference:
    return Difference(what="series", name=key, step=step, recorded=recorded, again=again)


def _all_from(series: Any, stopped_at: int | None) -> bool:
    """Whether a series begins only where the repetition was stopped."""
    return stopped_at is not None and bool((series[0] >= stopped_at).all())


def _aligned(steps_a: Any, steps_b: Any) -> tuple[Any, Any, Any, Any]:
    """Places of the points that belong together, and of those with no partner.

    The k-th point of a step belongs to the k-th of that step in the other run.
    """
    import numpy as np

    if len(steps_a) == len(steps_b) and bool((steps_a == steps_b).all()):
        every = np.arange(len(steps_a))
        return every, every, (), ()
    places = []
    for steps in (steps_a, steps_b):
        seen: dict[int, int] = {}
        where: dict[tuple[int, int], int] = {}
        for place, step in enumerate(steps.tolist()):
            nth = seen[step] = seen.get(step, -1) + 1
            where[step, nth] = place
        places.append(where)
    of_a, of_b = places
    both = [name for name in of_a if name in of_b]
    return (
        np.array([of_a[name] for name in both], dtype="i8"),
        np.array([of_b[name] for name in both], dtype="i8"),
        [place for name, place in of_a.items() if name not in of_b],
        [place for name, place in of_b.items() if name not in of_a],
    )


def _largest(left: Any, right: Any) -> float:
    """The largest difference, relative to the larger of the two values."""
    import numpy as np

    if not len(left):
        return 0.0
    if not (np.isfinite(left) & np.isfinite(right)).all():
        return math.inf
    return float((np.abs(left - right) / np.maximum(np.abs(left), np.abs(right))).max())
