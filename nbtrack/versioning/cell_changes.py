"""Which cells of two slices belong together, and what was edited in them.

Formatting, comments and the order of the cells are no change. A literal that has a name (``lr =
0.1``, ``fit(lr=0.1)``) is told by its name, and is then no edit of its cell.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from nbtrack.records import Cell

# How much of the text two cells must share to be one; more where their ids say that they are two.
_ALIKE = 0.6
_ALIKE_DESPITE_IDS = 0.85

Kind: TypeAlias = Literal["added", "edited", "removed", "same"]
Pair: TypeAlias = tuple[Cell | None, Cell | None]


@dataclass(frozen=True)
class CellChange:
    """One cell of two runs.

    Attributes
    ----------
    kind : {"edited", "added", "removed", "same"}
        ``same`` also where only the layout or comments differ.
    before, after : Cell or None
        None where the run does not have it.
    lines : tuple of str
        A unified diff without its head; empty for the same text.
    """

    kind: Kind
    before: Cell | None
    after: Cell | None
    lines: tuple[str, ...] = ()


def cell_changes(before: Sequence[Cell], after: Sequence[Cell]) -> tuple[CellChange, ...]:
    """Every cell of two slices, in the order of the later one; removed cells come last."""
    found = []
    for old, new in pair_cells(before, after):
        kind: Kind
        if old is None or new is None:
            kind = "added" if old is None else "removed"
        elif old.is_part or new.is_part:
            kind = "same"  # another selection of its statements, not an edit
        else:
            kind = "same" if shape(old.source) == shape(new.source) else "edited"
        lines = _unified(old.source if old else "", new.source if new else "")
        found.append(CellChange(kind, old, new, lines))
    return tuple(found)


def pair_cells(before: Sequence[Cell], after: Sequence[Cell]) -> list[Pair]:
    """The cells of two slices that belong together.

    The tracked cells, which are the last, always do; then cells of one id, the latest execution
    first; then cells of one text; then cells whose texts are alike.
    """
    partner: dict[int, int] = {}
    free = list(range(len(before)))

    def join(new: int, old: int) -> None:
        partner[new] = old
        free.remove(old)

    if before and after:
        join(len(after) - 1, len(before) - 1)
    left = [k for k in reversed(range(len(after))) if k not in partner]
    for test in (_same_id, _same_text, _alike):
        for new in left:
            if new in partner:
                continue
            old = test(after[new], [(k, before[k]) for k in reversed(free)])
            if old is not None:
                join(new, old)
    pairs: list[Pair] = [
        (before[partner[k]] if k in partner else None, cell) for k, cell in enumerate(after)
    ]
    return pairs + [(before[k], None) for k in free]


def _same_id(cell: Cell, others: Iterable[tuple[int, Cell]]) -> int | None:
    if cell.cell_id is None:
        return None
    return next((k for k, other in others if other.cell_id == cell.cell_id), None)


def _same_text(cell: Cell, others: Iterable[tuple[int, Cell]]) -> int | None:
    return next((k for k, other in others if other.source == cell.source), None)


def _alike(cell: Cell, others: Iterable[tuple[int, Cell]]) -> int | None:
    best, found = 0.0, None
    lines = cell.source.splitlines()
    for k, other in others:
        has_ids = cell.cell_id is not None and other.cell_id is not None
        matcher = difflib.SequenceMatcher(None, lines, other.source.splitlines(), autojunk=False)
        ratio = matcher.ratio()
        if len(lines) < 4:
            ratio = max(ratio, difflib.SequenceMatcher(None, cell.source, other.source).ratio())
        if ratio > max(best, _ALIKE_DESPITE_IDS if has_ids else _ALIKE):
            best, found = ratio, k
    return found


def _unified(old: str, new: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2)
    return tuple(lines)[2:]


# Inside a cell


def plain_lines(source: str) -> str:
    """A cell without its magic lines, which say how to track and not what to run."""
    lines = source.splitlines()
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)


def shape(source: str) -> str:
    """A cell's code as its syntax tree in words: equal for another layout or comment."""
    text = plain_lines(source)
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text


def named_literals(source: str) -> tuple[dict[str, Any], ast.AST | None]:
    """The literals that have a name, and the tree that is left without them.

    A name that is given two literals in one cell (``Linear(bias=True)``, ``Linear(bias=False)``)
    says nothing on its own and stays in the tree. The tree is None where there is no Python.
    """
    try:
        tree = ast.parse(plain_lines(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}, None
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.keyword(arg=str(name)):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                pass
            case _:
                continue
        try:
            value = ast.literal_eval(node.value)  # type: ignore[arg-type]
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        if name in found and found[name] != value:
            continue
        found[name] = value
        node.value = ast.Constant(value=None)
    return found, tree


def other_literals(a: ast.AST | None, b: ast.AST | None) -> list[tuple[Any, Any]] | None:
    """The literals in which two trees differ; None where they differ in more than literals."""
    if a is None or b is None:
        return None
    found: list[tuple[Any, Any]] = []
    return found if _walk(a, b, found) else None


def _walk(a: Any, b: Any, found: list[tuple[Any, Any]]) -> bool:
    if isinstance(a, ast.Constant) and isinstance(b, ast.Constant):
        if type(a.value) is not type(b.value) or a.value != b.value:
            found.append((a.value, b.value))
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, ast.AST):
        return all(_walk(getattr(a, f, None), getattr(b, f, None), found) for f in a._fields)
    if isinstance(a, list):
        return len(a) == len(b) and all(_walk(x, y, found) for x, y in zip(a, b, strict=True))
    return bool(a == b)
