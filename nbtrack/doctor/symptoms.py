"""From the facts of an `Observer` to findings: pure functions, one for each kind of fault.

Each wants to be sure: a fact has to have been seen at least twice, and most of the times that it
was looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nbtrack.records import Finding

Facts = Mapping[str, Any]
_MOST = 0.75


def missing_zero_grad(facts: Facts) -> Finding | None:
    """Gradients that were there after a step, and were added to until the next."""
    for one in facts["optimizers"]:
        if one["windows"] >= 2 and one["stale"] > 0.5 * one["windows"]:
            partly = one["stale_share"] < _MOST
            which = "of some parameters are" if partly else "are"
            return Finding(
                code="missing_zero_grad",
                severity="error",
                origin="loop",
                title="Gradients of earlier steps are never cleared"
                if one["stale"] == one["windows"]
                else "Gradients of earlier steps are cleared too rarely",
                sentence=f"The gradients {which} not cleared between two steps of {one['kind']}: "
                f"in {one['stale']} of the {one['windows']} pairs of steps that were looked at, "
                "backward added to the gradients that the step before had used.",
                advice="call optimizer.zero_grad() before loss.backward(), at every step",
                first_step=one["first_stale"],
                evidence={"stale": one["stale"], "looked_at": one["windows"]},
                keys=("grad_norm/total",),
            )
    return None


def step_order(facts: Facts) -> Finding | None:
    """A step that is never called, that finds no gradients, or whose optimizer is thrown away."""
    if facts["remade"] >= 3:
        kind = facts["optimizers"][-1]["kind"] if facts["optimizers"] else "optimizer"
        return Finding(
            code="step_order",
            severity="error",
            origin="optimizer",
            title="A new optimizer is made at every step",
            sentence=f"{facts['remade'] + 1} {kind} optimizers of the same parameters took one "
            "step each: its momentum and averages are thrown away every time.",
            advice="make the optimizer once, before the loop",
            first_step=1,
            evidence={"optimizers": facts["remade"] + 1},
        )
    for one in facts["optimizers"]:
        if one["looked"] >= 2 and one["empty"] >= _MOST * one["looked"]:
            if facts["num_reached"] and not one["reached"]:
                continue  # another parameter's gradients: see `params_not_optimized`
            if facts["backwards"] and not one["reached"]:
                continue  # see `detached_graph`
            return Finding(
                code="step_order",
                severity="error",
                origin="loop",
                title="The optimizer steps without gradients",
                sentence=f"At {one['empty']} of the {one['looked']} steps of {one['kind']} that "
                "were looked at, every gradient was zero or missing when step() was called.",
                advice="keep the order zero_grad(), backward(), step()",
                first_step=0,
                evidence={"empty": one["empty"], "looked_at": one["looked"]},
                keys=("grad_norm/total",),
            )
    return None


def step_missing(facts: Facts) -> Finding | None:
    """Backward passes, an optimizer that holds the parameters, and never a step; at the end."""
    idle = facts["backwards"] >= 4 and not facts["optimizers"]
    if not (idle and facts["optimizer_in_sight"] and facts["num_reached"]) or facts["moved"]:
        return None
    return Finding(
        code="step_order",
        severity="error",
        origin="loop",
        title="optimizer.step() is never called",
        sentence=f"There were {facts['backwards']:,} backward passes and no step: the weights are "
        "what they were at the start.",
        advice="call optimizer.step() after loss.backward()",
        first_step=0,
        evidence={"backwards": facts["backwards"], "steps": 0},
    )


def params_not_optimized(facts: Facts) -> Finding | None:
    """Parameters that get gradients and that no optimizer holds."""
    loose = facts["not_held"]
    if not loose or not facts["optimizers"] or facts["looks"] < 2:
        return None
    if sum(one["steps"] for one in facts["optimizers"]) < 2:
        return None
    names = [one["name"] for one in loose]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    stale = not any(one["reached"] for one in facts["optimizers"])
    unregistered = [one for one in loose if one["root"] is None]
    # An optimizer of an image or a prompt alone leaves the network in between as it is.
    partly = [one for one in loose if one["fresh"] and facts["num_held"]]
    if stale:
        title = "The optimizer holds the parameters of another model"
        sentence = (
            f"None of the parameters that {facts['optimizers'][0]['kind']} holds is in the graph "
            f"of the loss, and it holds none of those that are: {shown}."
        )
        advice = "make the optimizer again after the model: Adam(model.parameters())"
    elif unregistered and len(unregistered) == len(loose):
        title = f"{len(loose)} parameters are in no module and no optimizer"
        sentence = (
            "They get gradients and stay as they were: no module lists them, as where layers are "
            "kept in a plain list or dict."
        )
        advice = "keep the layers in nn.ModuleList or nn.ModuleDict, tensors in nn.Parameter"
    elif partly:
        title = f"{len(loose)} parameters are in no optimizer"
        sentence = (
            f"{shown} get gradients at every step and stay at their random initial values: no "
            "optimizer holds them."
        )
        advice = "give the optimizer all parameters, or freeze these with requires_grad_(False)"
    else:
        return None
    return Finding(
        code="params_not_optimized",
        severity="error" if stale or unregistered else "warning",
        origin="optimizer",
        title=title,
        sentence=sentence,
        advice=advice,
        first_step=0,
        evidence={"parameters": names[:20], "number": len(names)},
        module=names[0],
    )


def detached_graph(facts: Facts) -> Finding | None:
    """A loss with no way back to a parameter."""
    losses = facts["losses"]
    cut = [one for one in losses if one["is_leaf"]]
    steps = any(one["steps"] for one in facts["optimizers"])
    if len(losses) < 2 or facts["num_reached"] or not facts["optimizers"] or not steps:
        return None
    if any(one["reached"] for one in facts["optimizers"]):
        return None
    if cut and len(cut) < len(losses):
        return None
    if not cut and not all(
        one["looked"] >= 2 and one["empty"] == one["looked"] for one in facts["optimizers"]
    ):
        return None
    return Finding(
        code="detached_graph",
        severity="error",
        origin="loss",
        title="The loss is cut off from the model",
        sentence="The graph of the loss leads to no parameter, so backward gives no gradient to "
        f"any of the {facts['optimizers'][0]['num_parameters']} that the optimizer holds.",
        advice="look for .detach(), .item(), .data, numpy, argmax or torch.tensor(...) between "
        "the model and the loss",
        first_step=losses[0]["step"],
        evidence={"losses": len(losses), "parameters_reached": 0},
    )


def softmax_before_ce(facts: Facts) -> Finding | None:
    """Probabilities where the loss expects logits."""
    found = [one for one in facts["losses"] if "saturated" in one]
    if not found or len(found) < _MOST * len(facts["losses"]):
        return None
    what, loss = found[0]["saturated"]
    inner = "log-softmax" if loss == "cross-entropy" else "sigmoid"
    return Finding(
        code="softmax_before_ce",
        severity="error",
        origin="loss",
        title=f"{what.capitalize()} before {loss}",
        sentence=f"The loss applies {inner} itself; here its input has been through {what} "
        "already, so that it can neither come near zero nor give large gradients.",
        advice=f"return the logits, and apply {what} only to show probabilities",
        first_step=found[0]["step"],
        evidence={"before": what, "loss": loss},
        keys=("loss",),
    )


def broadcast_loss(facts: Facts) -> Finding | None:
    """N predictions and N targets that became N x N differences."""
    found = [one for one in facts["losses"] if "broadcast" in one]
    if not found or len(found) < 0.5 * len(facts["losses"]):
        return None
    before, after = (
        " x ".join(map(str, shape)) + ("" if len(shape) > 1 else " values")
        for shape in found[0]["broadcast"]
    )
    return Finding(
        code="broadcast_loss",
        severity="error",
        origin="loss",
        title="Prediction and target broadcast inside the loss",
        sentence=f"A prediction of {before} became {after} differences: every prediction is "
        "compared with every target.",
        advice="give both the same shape: pred.squeeze(1), or y.unsqueeze(1)",
        first_step=found[0]["step"],
        evidence={"before": found[0]["broadcast"][0], "after": found[0]["broadcast"][1]},
        keys=("loss",),
    )


def wrong_loss(facts: Facts) -> Finding | None:
    """A loss that cannot mean what it is given."""
    losses = facts["losses"]

    def most(has: Callable[[Mapping[str, Any]], bool]) -> list[Mapping[str, Any]]:
        found = [one for one in losses if has(one)]
        return found if len(found) >= max(2, _MOST * len(losses)) else []

    told: tuple[str, str, str] | None = None
    found = most(lambda one: one.get("nll_max", -1.0) > 1e-3)
    if found:
        told = (
            "NLLLoss without log-probabilities",
            f"The input of nll_loss goes up to {found[0]['nll_max']:.3g}; log-probabilities are "
            "never above 0.",
            "use cross_entropy on the logits, or log_softmax before nll_loss",
        )
    elif found := most(lambda one: one.get("num_classes") == 1):
        told = (
            "Cross-entropy over a single class",
            "The loss sees one class, so its softmax is always 1 and the loss always 0.",
            "use binary_cross_entropy_with_logits for one output, or two outputs",
        )
    elif found := most(lambda one: _outside(one.get("bce_range"))):
        low, high = found[0]["bce_range"]
        told = (
            "Targets outside 0 to 1 in a binary cross-entropy",
            f"The targets go from {low:.3g} to {high:.3g}; with those the loss has no lowest "
            "value that means a fit.",
            "encode the labels as 0 and 1",
        )
    elif len(facts["optimizers"]) == 1 and (found := most(lambda one: "negated" in one)):
        told = (
            "The loss has the wrong sign",
            f"What is minimised is minus {found[0]['negated']}: the model is taught to be wrong.",
            "take the minus away",
        )
    if told is None:
        return None
    return Finding(
        code="wrong_loss",
        severity="error",
        origin="loss",
        title=told[0],
        sentence=told[1],
        advice=told[2],
        first_step=found[0]["step"],
        evidence={k: v for k, v in found[0].items() if k not in ("step", "is_leaf")},
        keys=("loss",),
    )


def _outside(limits: Any) -> bool:
    return limits is not None and (limits[0] < -1e-6 or limits[1] > 1 + 1e-6)


def eval_mode(facts: Facts) -> Finding | None:
    """Training that goes on in eval mode after it began in train mode."""
    modes = facts["modes"]
    if len(modes) != 2 or not modes[0][0] or modes[1][0] or modes[1][1] or modes[1][2] < 10:
        return None  # more changes than one: somebody takes care of the mode
    _, _, passes, first = modes[1]
    return Finding(
        code="eval_mode",
        severity="error",
        origin="loop",
        title="Training goes on in eval mode",
        sentence=f"Since backward pass {first:,} the model is in eval mode, for {passes:,} passes "
        "and to the end: dropout and batch normalisation no longer train.",
        advice="call model.train() at the start of each epoch",
        evidence={"passes_in_train_mode": modes[0][2], "passes_in_eval_mode": passes},
    )


ALL: tuple[Callable[[Facts], Finding | None], ...] = (
    detached_graph,
    params_not_optimized,
    step_order,
    missing_zero_grad,
    broadcast_loss,
    softmax_before_ce,
    wrong_loss,
    eval_mode,
)
AT_END = (step_missing,)
