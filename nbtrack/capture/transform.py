"""How ``%%track`` is read: as an input transformer, so that the cell runs once, as itself.

A cell magic that calls ``run_cell`` inside makes a failing cell look like a success to its caller,
fires every event twice and loses the cell's id. Here the first line is replaced by a call on the
same line, and the rest of the cell stays what it was: line numbers, the last value, top-level
``await``, ``!shell`` and ``%magic`` lines and the exception are the cell's own.
"""

from __future__ import annotations

import ast
import linecache
import re

_TRACK_LINE = re.compile(r"%%track(?:[ \t]+(?P<options>[^\r\n]*?))?[ \t]*\r?\n?\Z")


def is_tracked(raw_cell: str | None) -> bool:
    """Whether a cell, as typed, starts with ``%%track`` (blank lines before it do not count)."""
    first = (raw_cell or "").lstrip().splitlines()[:1]
    return bool(first) and _TRACK_LINE.match(first[0]) is not None


def track_transformer(lines: list[str]) -> list[str]:
    """Replace a first line ``%%track OPTIONS`` by the call that starts the run.

    To be appended to ``shell.input_transformers_cleanup``: IPython calls it with the whole cell,
    dedented and without leading blank lines, often more than once for one execution (completeness
    checks too). So it has no effect but its result.

    Parameters
    ----------
    lines : list of str
        The cell's lines with their line ends.

    Returns
    -------
    list of str
        As many lines as before. A cell magic beneath (``%%time``, ``%%capture``) becomes its
        call, as IPython itself would write it.
    """
    found = _TRACK_LINE.match(lines[0]) if lines else None
    if found is None:
        return lines
    from IPython.core.inputtransformer2 import cell_magic

    call = f"get_ipython().run_line_magic('track', {(found['options'] or '')!r})\n"
    body = lines[1:]
    blank = next((n for n, line in enumerate(body) if line.strip()), len(body))
    return [call, *body[:blank], *cell_magic(body[blank:])]


def first_statement_is_track(tree: ast.Module) -> str | None:
    """The options of the tracked cell that this tree was parsed from; None for any other cell."""
    match tree.body[:1]:
        case [
            ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(
                        value=ast.Call(func=ast.Name(id="get_ipython")), attr="run_line_magic"
                    ),
                    args=[ast.Constant(value="track"), ast.Constant(value=str(options))],
                )
            )
        ]:
            return options
    return None


def show_typed_line(filename: str, options: str) -> str:
    """Let tracebacks of the cell show its first line as typed, in place of the call.

    As a comment, because IPython parses the cached source to mark the failing expression.

    Returns
    -------
    str
        The cell as IPython keeps it for tracebacks: shell and magic lines are calls in it.
    """
    cached = linecache.cache.get(filename)
    if cached is None or len(cached) != 4 or not cached[2]:
        return ""
    size, mtime, lines, name = cached
    typed = f"#%%track {options}".rstrip() + "\n"
    # IPython's checkcache puts entries of its own dictionary back: mend both.
    entry = (size, mtime, [typed, *lines[1:]], name)
    for cache in (linecache.cache, getattr(linecache, "_ipython_cache", {})):
        if filename in cache:
            cache[filename] = entry
    return f"%%track {options}".rstrip() + "\n" + "".join(lines[1:])
