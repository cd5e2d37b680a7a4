"""The verdict on a repetition, and the likely reason where it is not the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from nbtrack.records import ComparedSeries, Difference, Reproduction
from nbtrack.store import StoredRun
from nbtrack.versioning.repeating.compare_runs import (
    TOLERANCE,
    compare_points,
    compare_variables,
    compare_weights,
    is_close,
)
from nbtrack.versioning.repeating.environment_diff import environment_differences, likely_reason
from nbtrack.versioning.repeating.replay_plan import Plan
from nbtrack.versioning.repeating.workspace import Workspace
from nbtrack.versioning.replay_file import read_replay

Verdict = Literal["identical", "close", "different"]


def judge(
    recorded: StoredRun,
    again: StoredRun,
    replay: Mapping[str, Any],
    workspace: Workspace,
    plan: Plan,
    changes: Mapping[str, Any],
    duration_s: float,
) -> Reproduction:
    """Hold a run against its repetition.

    Parameters
    ----------
    replay : mapping
        The recorded run's ``replay.json``.
    changes : mapping
        Parameters that were changed on purpose.
    """
    now = read_replay(again.path)
    clock = set(replay.get("clock", ()))
    series = compare_points(recorded, again, clock, plan.last_step)
    is_whole = plan.last_step is None or recorded.status == "stopped" == again.status
    weights = (replay.get("weights") or {}, now.get("weights") or {}) if is_whole else ({}, {})
    num_weights, weight = compare_weights(*weights) if all(weights) else (0, None)
    variables = (
        compare_variables(replay.get("variables") or {}, now.get("variables") or {}, clock)
        if is_whole and not any(each.num_points for each in series)
        else []
    )
    end = _end(recorded, again, plan)
    first = _first([each.first for each in series if each.first], weight, variables, end)
    verdict: Verdict = "identical"
    if first is not None:
        is_all_close = all(map(is_close, series)) and not variables and end is None
        verdict = (
            "close" if is_all_close and any(each.num_points for each in series) else "different"
        )
    differences = environment_differences(
        replay.get("environment") or {}, now.get("environment") or {}
    )
    reason = None
    if first is not None:
        reason = _reason(differences, recorded, replay, now, workspace, plan, changes)
    return Reproduction(
        verdict=verdict,
        sentence=_sentence(verdict, first, series, num_weights, changes),
        original=recorded.id,
        run=again,
        first_difference=first,
        reason=reason,
        details=tuple(_details(series, num_weights, weight, reason, recorded, again, workspace)),
        series=tuple(series),
        num_weights=num_weights,
        weights=(replay.get("weights_digest"), now.get("weights_digest")),
        environment=tuple((each.name, each.recorded, each.present) for each in differences),
        restored=_restored(recorded, replay, workspace, differences),
        folder=_shown(workspace.folder),
        duration_s=duration_s,
    )


def failed(
    recorded: StoredRun,
    workspace: Workspace,
    why: str,
    again: StoredRun | None = None,
    duration_s: float = 0.0,
) -> Reproduction:
    """The outcome where a run could not be repeated."""
    reason = None
    if changed := workspace.with_status("changed"):
        reason = f"{', '.join(changed)} changed since"
    return Reproduction(
        verdict="failed",
        sentence=f"Failed. Run {recorded.id} could not be repeated: {why}.",
        original=recorded.id,
        run=again,
        reason=reason or why,
        details=tuple(
            filter(None, [reason, f"notebook, script and data: {_shown(workspace.folder)}"])
        ),
        folder=_shown(workspace.folder),
        duration_s=duration_s,
    )


def _end(recorded: StoredRun, again: StoredRun, plan: Plan) -> Difference | None:
    """Whether one of them ended by an exception of which the other knows nothing."""
    before, after = ((run.error or {}).get("name") for run in (recorded, again))
    if before == after or plan.last_step is not None:
        return None
    return Difference(
        what="end", name="how it ended", recorded=before or "done", again=after or "done"
    )


def _first(
    series: Sequence[Difference],
    weight: Difference | None,
    variables: Sequence[Difference],
    end: Difference | None,
) -> Difference | None:
    """The earliest; of those of one step the loss, then what was logged first."""
    if series:
        return min(series, key=lambda each: (each.step or 0, _rank(each.name)))
    return weight or (variables[0] if variables else end)


def _rank(key: str) -> int:
    """Of differences at one step, which one to name: the cause before its effects."""
    order = ("lr", "loss", "grad_norm", "weight_norm", "update_ratio")
    room = key.removeprefix("auto/").partition("/")[0]
    if room in ("var", "out"):  # of the pass that a step ends in: they may be of the next one
        return len(order) + 1
    return order.index(room) if room in order else len(order)


def _sentence(
    verdict: Verdict,
    first: Difference | None,
    series: Sequence[ComparedSeries],
    num_weights: int,
    changes: Mapping[str, Any],
) -> str:
    changed = ", ".join(f"{name} {value}" for name, value in changes.items())
    aside = f" ({changed} was changed)" if changed else ""
    if verdict == "identical":
        kinds = {
            "every point": any(each.num_points for each in series),
            "every weight": num_weights > 0,
        }
        found = [kind for kind, is_there in kinds.items() if is_there]
        what = " and ".join(found) or "every plain value that the cell left"
        return f"Identical. {what.capitalize()} is the same, bit for bit{aside}."
    assert first is not None
    if verdict == "close":
        largest = max((each.largest for each in series), default=0.0)
        bound = f"all points agree within {_sig(TOLERANCE)}"
        most = f", the largest relative difference is {_sig(largest)}" if largest else ""
        return f"Close. Not bit for bit: {bound}{most}{aside}."
    if first.what == "series":
        size = "" if first.size is None else f", by {_sig(first.size)}"
        return f"Different from step {first.step:,}: series {first.name}{size}{aside}."
    return f"Different: {first}{aside}."


def _reason(
    differences: Sequence[Any],
    recorded: StoredRun,
    replay: Mapping[str, Any],
    now: Mapping[str, Any],
    workspace: Workspace,
    plan: Plan,
    changes: Mapping[str, Any],
) -> str | None:
    """The likeliest cause: what was changed, then data, random state, order, environment."""
    if changes:
        return ", ".join(f"{name} is {value} now" for name, value in changes.items())
    if changed := [*workspace.with_status("changed"), *_changed_files(replay, now)]:
        return f"{', '.join(dict.fromkeys(changed))} changed since"
    for cell, there in list(zip(replay.get("cells") or (), now.get("cells") or (), strict=False))[
        :-1
    ]:
        if cell.get("error") and not there.get("error"):
            ended = (
                "was interrupted part-way"
                if cell["error"] == "KeyboardInterrupt"
                else f"ended with {cell['error']}"
            )
            return f"cell {cell['count']} {ended} then, and ran to its end now"
    mine, theirs = replay.get("data") or {}, now.get("data") or {}
    other = [
        name
        for name, value in mine.items()
        if name in theirs and value.get("digest") and value["digest"] != theirs[name].get("digest")
    ]
    if likely := likely_reason(differences):
        return likely
    if problems := plan.problems():
        return problems[0]
    if unseen := [note for note in replay.get("notes") or () if "before nbtrack" in note]:
        return str(unseen[0])
    if other:
        return f"the data in {', '.join(other)} is not the same{_of_sets(replay)}"
    if (batch := _first_other_batch(recorded, replay, now)) is not None:
        return f"other samples went in, or in another order, from batch {batch:,} on"
    if replay.get("missing"):
        return f"no cell on record makes {', '.join(replay['missing'])}"
    python = (replay.get("environment") or {}).get("python") or {}
    of_sets = (
        "the order of a set of texts (PYTHONHASHSEED was not set), "
        if python.get("hash_seed") == "random"
        else ""
    )
    return (
        "nothing on record differs: what is left is an operation that is not deterministic "
        f"(--deterministic names it), {of_sets}or something read from outside, such as a clock or "
        "the network"
    )


def _sig(value: float) -> str:
    """Two digits, and an exponent without zeros: 3.2e-7."""
    return re.sub(r"e-0*", "e-", f"{value:.2g}")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _shown(folder: Path) -> str:
    """A folder as seen from the working folder, where it lies in it."""
    return str(folder.relative_to(Path.cwd())) if folder.is_relative_to(Path.cwd()) else str(folder)


def _of_sets(replay: Mapping[str, Any]) -> str:
    """A word on the order of sets, where the cells make one and every process orders it anew."""
    python = (replay.get("environment") or {}).get("python") or {}
    makes_one = any(re.search(r"\bset\(", cell["code"]) for cell in replay.get("cells") or ())
    if python.get("hash_seed") != "random" or not makes_one:
        return ""
    return ": maybe the order of a set of texts (PYTHONHASHSEED was not set)"


def _changed_files(replay: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Files that both runs read in one place, by an absolute path, with other contents."""
    before = {file["path"]: file.get("digest") for file in replay.get("files") or ()}
    return [
        file["path"]
        for file in now.get("files") or ()
        if file["path"] in before and file.get("digest") != before[file["path"]]
    ]


def _first_other_batch(
    recorded: StoredRun, replay: Mapping[str, Any], now: Mapping[str, Any]
) -> int | None:
    """The number of the first batch of samples that differs; None where none does."""
    orders = [(each.get("order") or {}) for each in (replay, now)]
    if orders[0].get("digest") == orders[1].get("digest"):
        return None
    blobs = recorded.store.blobs
    a, b = (blobs.get(order["digests"]) if order else b"" for order in orders)
    pairs = zip(range(0, len(a), 8), range(0, len(b), 8), strict=False)
    return next((at // 8 for at, _ in pairs if a[at : at + 8] != b[at : at + 8]), len(a) // 8)


def _details(
    series: Sequence[ComparedSeries],
    num_weights: int,
    weight: Difference | None,
    reason: str | None,
    recorded: StoredRun,
    again: StoredRun,
    workspace: Workspace,
) -> list[str]:
    points = sum(each.num_points for each in series)
    lines = [
        f"{_count(points, 'point')} in {len(series)} series and "
        f"{_count(num_weights, 'weight tensor')} compared",
        f"run {recorded.id}, again as {again.id}",
    ]
    firsts = [each.first for each in series if each.first]
    firsts.sort(key=lambda each: (each.step or 0, _rank(each.name)))
    lines += [f"first difference: {each}" for each in firsts[:4]]
    if weight is not None:
        lines.append(f"first tensor that differs: {weight.name}")
    if reason:
        lines.append(f"likely reason: {reason}")
    return [*lines, f"notebook, script and data: {_shown(workspace.folder)}"]


def _restored(
    recorded: StoredRun,
    replay: Mapping[str, Any],
    workspace: Workspace,
    differences: Sequence[Any],
) -> dict[str, str]:
    """What was put back, in words, as a person would ask for it."""
    cells = replay.get("cells") or ()
    drew = [cell for cell in cells if cell.get("drew")]
    sources = sorted({name.partition(":")[0] for cell in drew for name in cell["drew"]})
    random = f"{', '.join(sources)} in {_count(len(drew), 'cell')}" if drew else "none drawn"
    variables = _count(len(replay.get("data") or ()), "variable")
    return {
        "code": f"{len(cells)} of {replay.get('num_executed') or len(cells)} cells",
        "parameters": f"{len(recorded.params)}",
        "random state": random,
        "data": f"{_count(len(workspace.data), 'file')}, {variables}",
        "environment": _count(len(differences), "difference") if differences else "same",
    }
