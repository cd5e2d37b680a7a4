"""One parameter of a slice changed where it is written: what ``--with lr=0.01`` runs."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Sequence
from typing import Any, NamedTuple

from nbtrack.capture.parameters.literals import MISSING
from nbtrack.capture.parameters.program import read_program
from nbtrack.capture.parameters.reach import Reach
from nbtrack.capture.parameters.scopes import cell_and_line, path_of
from nbtrack.capture.parameters.sites import Site, Sites
from nbtrack.capture.parameters.vocabulary import is_field_term, plain_name
from nbtrack.errors import UsageError
from nbtrack.records import Cell


class _Place(NamedTuple):
    """A piece of a cell's code: lines from 1, columns in bytes of UTF-8."""

    cell: int
    line: int
    column: int
    end_line: int
    end_column: int


def substitute(cells: Sequence[tuple[Cell, str]], name: str, value: Any) -> list[str]:
    """The cells as typed, with the value of one parameter replaced where it comes from.

    Parameters
    ----------
    cells : sequence of (Cell, str)
        The slice with each cell's code as Python, the tracked cell last.
    name : str
        As in ``run.params``: ``lr``, ``opt_d.lr``; in another case, or by a common synonym
        (``learning_rate``), where nothing has the very name.
    value : number, str, bool, None or list of them
        What to write instead.

    Returns
    -------
    list of str
        One source a cell. Magics, comments, layout and line numbers stay as they are.

    Raises
    ------
    UsageError
        (a ValueError) that says what can be changed, if no line gives the parameter its value, or
        several do that differ.
    """
    sites = Reach(read_program([code for _, code in cells])).sites
    places: dict[_Place, tuple[str, ast.expr]] = {}
    try:
        chosen = _choose(name, _settable(sites), sites)
    except (
        UsageError
    ):  # no parameter of a training; a name that is given a plain value all the same
        assigned = _assigned(cells, name)
        if assigned is None:
            raise
        places[assigned[0]] = repr(value), assigned[1]
        chosen = []
    for site in chosen:
        expr = _written(site, sites)
        position, line = cell_and_line(expr.lineno)
        end_line = cell_and_line(expr.end_lineno or expr.lineno)[1]
        place = _Place(position, line, expr.col_offset, end_line, expr.end_col_offset or 0)
        places[place] = _text(site, value, sites), expr
    sources = [cell.source for cell, _ in cells]
    for place in sorted(places, reverse=True):  # from the end: what is before it stays in place
        source = _replaced(cells[place.cell], sources[place.cell], place, *places[place])
        if source is None:
            raise UsageError(
                f"{name} is set in line {place.line} of its cell, which is not plain Python as "
                "typed: change it in the notebook"
            )
        sources[place.cell] = source
    return sources


def _assigned(cells: Sequence[tuple[Cell, str]], name: str) -> tuple[_Place, ast.expr] | None:
    """The last plain value that a cell gives a name at its top level."""
    for position in reversed(range(len(cells))):
        try:
            statements = ast.parse(cells[position][1]).body
        except (SyntaxError, ValueError):
            continue
        for statement in reversed(statements):
            match statement:
                case ast.Assign(targets=[ast.Name(id=bound)], value=ast.expr() as value):
                    pass
                case ast.AnnAssign(target=ast.Name(id=bound), value=ast.expr() as value):
                    pass
                case _:
                    continue
            if bound == name and _is_literal(value):
                ends = value.end_lineno or value.lineno, value.end_col_offset or 0
                return _Place(position, value.lineno, value.col_offset, *ends), value
    return None


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def changeable(cells: Sequence[tuple[Cell, str]]) -> list[str]:
    """The parameters of a slice that `substitute` can change."""
    sites = Reach(read_program([code for _, code in cells])).sites
    return sorted(_settable(sites))


def _settable(sites: Sites) -> dict[str, list[Site]]:
    """The sites whose value the text says, and those that are surely no object."""
    return {
        name: those
        for name, those in sites.named().items()
        if is_field_term(name) or sites.value(those[0]) is not MISSING
    }


def _choose(name: str, named: dict[str, list[Site]], sites: Sites) -> list[Site]:
    wanted = name if name in named else _synonym(name, named)
    if wanted is None:
        raise UsageError(_not_found(name, named))
    those = [site for site in named[wanted] if site.kind == named[wanted][0].kind]
    if those[0].kind in ("item", "variable"):
        return those[:1]
    values = {repr(sites.value(site)) for site in those}
    if len(values) > 1:
        listed = " and ".join(
            f"{sites.value(site)!r} (line {site.cell_and_line[1]})" for site in those
        )
        raise UsageError(
            f"{wanted} has several values in this run: {listed}. Give each its own name in the "
            "notebook, or change one of these: " + _listed(named, wanted)
        )
    return those


def _synonym(name: str, named: dict[str, list[Site]]) -> str | None:
    """The one parameter that means the same: ``LR`` or ``learning_rate`` for ``lr``."""
    for alike in (
        [each for each in named if each.lower() == name.lower()],
        [each for each in named if "." not in each and plain_name(each) == plain_name(name)],
        [each for each in named if each.rpartition(".")[2] == name],
    ):
        if len(alike) == 1:
            return alike[0]
    return None


def _not_found(name: str, named: dict[str, list[Site]]) -> str:
    near = difflib.get_close_matches(name, named, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    if not named:
        return f"no line of this run sets {name!r}, nor any other parameter that can be changed"
    return f"no line of this run sets {name!r}.{hint} These can be changed: {_listed(named)}"


def _listed(named: dict[str, list[Site]], without: str = "") -> str:
    return ", ".join(sorted(each for each in named if each != without)) or "none"


# Where, and what to write there


def _written(site: Site, sites: Sites) -> ast.expr:
    """The expression to replace: behind a second name, the one that the first name is given."""
    expr, scope = site.expr, site.scope
    for _ in range(16):
        if site.kind != "same" and path_of(expr) is None:
            break
        part = sites.behind(expr, scope)
        if part is None:
            break
        expr, scope = part
    return expr


def _text(site: Site, value: Any, sites: Sites) -> str:
    if site.start is not None:
        start = sites.start(site)
        if isinstance(value, int) and isinstance(start, int):
            return repr(value + start)
    if site.convert:
        return repr(str(value))
    old = sites.value(site)
    if old is not MISSING and isinstance(site.expr, ast.Tuple) and isinstance(value, list):
        return repr(tuple(value))
    return repr(value)


def _replaced(
    pair: tuple[Cell, str], source: str, place: _Place, text: str, expr: ast.expr
) -> str | None:
    """`source` with `expr` replaced; `place` counts in the code that IPython made of it.

    None where the cell, as typed, does not have that expression there.
    """
    cell, code = pair
    code_lines, typed = code.splitlines(), cell.source.splitlines(keepends=True)
    lines = source.splitlines(keepends=True)
    first = place.line - 1 + _num_blank(typed) - _num_blank(code_lines)
    last = first + place.end_line - place.line
    if last >= len(typed) or len(lines) != len(typed):
        return None
    shift = 0
    if place.line <= len(code_lines):  # IPython takes a common indentation away
        shift = _indent(typed[first]) - _indent(code_lines[place.line - 1])
    start, end = place.column + shift, place.end_column + (shift if last == first else 0)
    if last > first and place.end_line <= len(code_lines):
        end += _indent(typed[last]) - _indent(code_lines[place.end_line - 1])
    body = [line.encode() for line in lines[first : last + 1]]
    head, tail = body[0][:start].decode(), body[-1][end:].decode()
    inside = (
        body[0][start:end]
        if first == last
        else b"".join([body[0][start:], *body[1:-1], body[-1][:end]])
    )
    if not _is_same(inside.decode(), expr):
        return None
    lines[first : last + 1] = [f"{head}{text}{_kept_layout(chr(10) * (last - first), tail)}"]
    return "".join(lines)


def _is_same(text: str, expr: ast.expr) -> bool:
    try:
        return ast.dump(ast.parse(f"({text})", mode="eval").body) == ast.dump(expr)
    except (SyntaxError, ValueError):
        return False


def _num_blank(lines: Sequence[str]) -> int:
    """Blank lines at the top."""
    return next((k for k, line in enumerate(lines) if line.strip()), len(lines))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _kept_layout(gap: str, tail: str) -> str:
    """The rest of the last line of a piece of several, with as many line ends as before."""
    body = tail.rstrip("\r\n")
    return body + gap + tail[len(body) :]
