"""What the autograd graph of a loss tells about the loss, whatever the style of the code.

Only the part near the root is read: as far as the first matrix product, which belongs to the model.
"""

from __future__ import annotations

from typing import Any

# These move or convert values, and change none.
_SHAPE = frozenset(
    {"View", "Reshape", "ReshapeAlias", "UnsafeView", "Transpose", "T", "Permute", "Unsqueeze"}
    | {"Squeeze", "Slice", "Select", "Clone", "Alias", "ToCopy", "Contiguous", "Narrow", "Index"}
)
_DIFFERENCES = frozenset({"Sub", "Rsub"})
_EXPECTS_LOGITS = {
    "LogSoftmax": "cross-entropy",
    "BinaryCrossEntropyWithLogits": "binary cross-entropy with logits",
}
_SATURATES = {"Softmax": "softmax", "SafeSoftmax": "softmax", "Sigmoid": "sigmoid"}
_MODEL = frozenset({"Addmm", "Mm", "Bmm", "Convolution", "Embedding", "NativeBatchNorm"})
_STANDARD = frozenset({"MseLoss", "NllLoss", "NllLoss2D", "BinaryCrossEntropy", "SmoothL1Loss"})
_STANDARD |= frozenset({"BinaryCrossEntropyWithLogits", "HuberLoss"})
_MAX_NODES = 400


def kind(node: Any) -> str:
    """``"LogSoftmax"`` for a ``LogSoftmaxBackward0``."""
    return str(node.name()).rpartition("::")[2].partition("Backward")[0]


def shape_of(node: Any, output: int = 0) -> tuple[int, ...] | None:
    """The shape of what a node has computed; None where torch does not tell."""
    try:
        return tuple(int(size) for size in node._input_metadata[output].shape)
    except (AttributeError, IndexError, RuntimeError, TypeError):
        return None


def read_loss(root: Any) -> dict[str, Any]:
    """Facts of the loss that backward is called on.

    Parameters
    ----------
    root : Tensor of shape ()

    Returns
    -------
    dict
        ``is_leaf``; ``saturated`` as ``[what, before which loss]``; ``broadcast`` as
        ``[shape before, shape after]``; ``negated``, ``nll_max``, ``bce_range``, ``num_classes``
        where there is something to say.

    Notes
    -----
    Reads saved tensors of the loss alone: two or three reductions over the size of a batch of
    predictions, and one wait for the device for each.
    """
    node = getattr(root, "grad_fn", None)
    if node is None:
        return {"is_leaf": True}
    facts: dict[str, Any] = {"is_leaf": False}
    first = _skip_shape(node)
    if kind(first) == "Neg" and kind(_skip_shape(_inputs(first)[0])) in _STANDARD:
        facts["negated"] = kind(_skip_shape(_inputs(first)[0]))
    for each, users in _near(node):
        name = kind(each)
        if name in _EXPECTS_LOGITS and "saturated" not in facts:
            before = _inputs(each)
            found = kind(_skip_shape(before[0])) if before else ""
            if found in _SATURATES:
                facts["saturated"] = [_SATURATES[found], _EXPECTS_LOGITS[name]]
        if name in ("NllLoss", "NllLoss2D"):
            facts.update(_nll(each))
        elif name == "BinaryCrossEntropyWithLogits":
            target = each._saved_target
            if target.device.type == "cpu":  # a device is not waited for
                facts["bce_range"] = [float(target.min()), float(target.max())]
        if "broadcast" not in facts and name in (*_DIFFERENCES, "Expand"):
            outer = _outer(each, name, users)
            if outer:
                facts["broadcast"] = outer
    return facts


def _inputs(node: Any) -> list[Any]:
    return [each for each, _ in node.next_functions if each is not None]


def _skip_shape(node: Any) -> Any:
    for _ in range(12):
        inputs = _inputs(node)
        if kind(node) not in _SHAPE or not inputs:
            break
        node = inputs[0]
    return node


def _near(root: Any) -> list[tuple[Any, list[Any]]]:
    """The nodes of the loss with the nodes that use them, down to the model's own."""
    users: dict[Any, list[Any]] = {root: []}
    queue = [root]
    for node in queue:
        if len(queue) > _MAX_NODES or kind(node) in _MODEL:
            continue
        for below in _inputs(node):
            if below not in users:
                users[below] = []
                queue.append(below)
            users[below].append(node)
    return [(node, users[node]) for node in queue]


def _nll(node: Any) -> dict[str, Any]:
    given = node._saved_self
    facts: dict[str, Any] = {"num_classes": int(given.shape[1 if given.dim() > 1 else 0])}
    is_log = kind(_skip_shape(_inputs(node)[0])) in ("LogSoftmax", "Log")
    if not is_log and given.device.type == "cpu":
        facts["nll_max"] = float(given.max())
    return facts


def _outer(node: Any, name: str, users: list[Any]) -> list[Any] | None:
    """The shapes before and after, where N predictions became N x N differences."""
    after = shape_of(node)
    inputs = _inputs(node)
    if after is None or len(after) != 2 or after[0] != after[1] or after[0] < 2 or len(inputs) != 1:
        return None
    if name == "Expand" and not any(kind(u) in ("MseLoss", "Sub", "SmoothL1Loss") for u in users):
        return None
    if name in _DIFFERENCES and kind(inputs[0]) in ("Unsqueeze", "Expand"):
        return None  # asked for in so many words
    before = shape_of(inputs[0], node.next_functions[0][1] if node.next_functions[0][0] else 0)
    if before not in ((after[0], 1), (after[0],), (1, after[0])):
        return None
    for user in users:
        saved = getattr(user, "_saved_target", None) if kind(user) == "MseLoss" else None
        if saved is not None:
            if 0 not in saved.stride():
                return None  # the target itself has N x N values
        elif kind(user) in ("Pow", "Abs") and not _is_outer_difference(user._saved_self):
            return None
    return [list(before or ()), list(after)]


def _is_outer_difference(d: Any) -> bool:
    """Whether ``d[i, j] = p[i] - y[j]``, as the difference of two vectors."""
    if d.device.type != "cpu":
        return False  # not known without waiting for the device
    rest = d - d[:, :1] - d[:1, :] + d[:1, :1]
    return bool(rest.abs().max() <= 1e-4 * (1e-6 + d.abs().max()))
