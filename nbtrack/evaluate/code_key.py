"""Whether two runs did the same, but for their seeds: their cells as text to compare.

Left out of it: what sets a seed, prints, names a run or shows it, and the loops of a sweep over
parameters and seeds, which are told by the parameters of each run.
"""

from __future__ import annotations

import ast
import json
from functools import lru_cache

from nbtrack.capture.parameters.vocabulary import is_about_looks
from nbtrack.evaluate.chosen import Entry, is_seed
from nbtrack.versioning.cell_changes import named_literals, plain_lines

_QUIET = frozenset({"print", "Generator", "default_rng", "note"})
_SHOWS = frozenset({"compare", "live", "runs", "get", "diff", "diagnose"})
_NOTHING = ast.dump(ast.Module(body=[], type_ignores=[])) + "{}"


def code_key(entry: Entry) -> str:
    """Equal for runs whose cells do the same, but for seeds, labels, prints and looks."""
    info = entry.info
    if info is None:
        return ""
    names = frozenset(entry.row["params"])
    shapes = [_shape(cell.source, names) for cell in info.cells if not cell.is_part]
    # a cell that was run again with another range of seeds is the same cell
    return "\n".join(sorted(set(shapes) - {_NOTHING}))


@lru_cache(maxsize=4096)  # the cells of a sweep are the same ones
def _shape(source: str, params: frozenset[str]) -> str:
    literals, tree = named_literals(source)
    if tree is None:
        return plain_lines(source)
    kept = {
        name: repr(value)
        for name, value in literals.items()
        if not is_seed(name) and not is_about_looks(name) and name != "name"
    }
    neutral: ast.AST = _Neutral(params).visit(tree)
    return ast.dump(neutral) + json.dumps(kept, sort_keys=True)


class _Neutral(ast.NodeTransformer):
    """Takes out what makes no other training."""

    def __init__(self, params: frozenset[str]) -> None:
        self._params = params

    def visit_Call(self, node: ast.Call) -> ast.AST:
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if "seed" in name.lower() or name in _QUIET:
            return ast.Call(func=func, args=[], keywords=[])
        if name == "start":
            node.args = []
        node.args = [a for a in node.args if not (isinstance(a, ast.Name) and is_seed(a.id))]
        node.keywords = [each for each in node.keywords if not is_seed(each.arg or "")]
        self.generic_visit(node)
        return node

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        """Of a sweep its body: the parameters of each run say where in the sweep it is."""
        self.generic_visit(node)
        targets = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
        names = [each.id for each in targets if isinstance(each, ast.Name)]
        is_sweep = len(names) == len(targets) and all(
            name in self._params or is_seed(name) for name in names
        )
        return node.body if is_sweep else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """No statement that only shows something."""
        if isinstance(node.value, ast.Name) or _is_shown(node.value):
            return None
        self.generic_visit(node)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        if _is_shown(node.value):
            return None
        names = [each.id for each in node.targets if isinstance(each, ast.Name)]
        if len(names) == len(node.targets) and all(map(is_seed, names)):
            return None
        self.generic_visit(node)
        return node


def _is_shown(node: ast.AST) -> bool:
    """``nbtrack.compare(...)`` and the like."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    owner = node.func.value
    return isinstance(owner, ast.Name) and owner.id == "nbtrack" and node.func.attr in _SHOWS
