"""The leaves of a loss's graph: the tensors that its backward pass will give gradients to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_MAX_NODES = 200_000  # about 0.2 s; a graph that large has shown us its parameters long before


def leaves(roots: Iterable[Any], max_nodes: int = _MAX_NODES) -> list[Tensor]:
    """The leaf tensors below `roots`, each once, in the order of a walk from the roots.

    Parameters
    ----------
    roots : iterable of Tensor or GradientEdge
    max_nodes : int
        The walk stops there; the leaves found until then are returned.

    Returns
    -------
    list of Tensor
        The same order for graphs of the same form. A root that is itself a leaf counts.

    Notes
    -----
    About 1 us a node. Nothing is kept alive but the leaves returned.
    """
    found: list[Tensor] = []
    seen: set[Any] = set()
    queue: list[Any] = []
    for root in roots:
        node = getattr(root, "grad_fn", None) or getattr(root, "node", None)
        if node is not None:
            queue.append(node)
        elif getattr(root, "requires_grad", False):
            found.append(root)
    position = 0
    seen.update(queue)
    while position < len(queue) and position < max_nodes:
        node = queue[position]
        position += 1
        variable = getattr(node, "variable", None)
        if variable is not None:
            found.append(variable)
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                queue.append(following)
    return found
