"""One loss on a copy of a model, read as a training's losses are: before anything has trained."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from nbtrack.doctor import symptoms
from nbtrack.errors import UsageError
from nbtrack.records import Finding


def findings_of(model: Any, batch: Any, loss_fn: Any) -> list[Finding]:
    """What the graph of one loss tells.

    Parameters
    ----------
    model : Module
        Copied; neither it nor the random state changes.
    batch : tuple of (inputs, targets)
    loss_fn : callable
        Takes predictions and targets, gives a tensor of one element.

    Raises
    ------
    UsageError
        (a ValueError) if one of the three is missing, the batch is no pair, the model cannot be
        copied, or the loss has more than one element.
    """
    import torch

    from nbtrack.instruments.observing.loss_graph import read_loss

    if model is None or batch is None or loss_fn is None:
        raise UsageError(
            "diagnose() before training needs model=, batch= and loss_fn= together: one loss is "
            "computed from them, on a copy"
        )
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise UsageError(
            f"batch is a {type(batch).__name__} and not a pair: give batch=(inputs, targets)"
        )
    try:
        twin = copy.deepcopy(model)
    except Exception as error:
        raise UsageError(
            f"the model cannot be copied ({type(error).__name__}: {error}), and the doctor does "
            "not run the model itself: put %%track on the cell that trains it instead"
        ) from error
    with torch.random.fork_rng(), torch.enable_grad():
        loss = loss_fn(twin(batch[0]), batch[1])
    if getattr(loss, "numel", lambda: 0)() != 1:
        raise UsageError(
            f"loss_fn gave {type(loss).__name__} of shape {tuple(getattr(loss, 'shape', ()))}: a "
            "loss to call backward on has one element"
        )
    with torch.no_grad():
        read = {"step": 0, **read_loss(loss)}
    facts: Mapping[str, Any] = {"losses": [read, read], "optimizers": [{}]}
    checks = (symptoms.broadcast_loss, symptoms.softmax_before_ce, symptoms.wrong_loss)
    return [found for check in checks if (found := check(facts)) is not None]
