"""The first line of a tracked cell, and nothing else, is rewritten."""

from __future__ import annotations

import ast

import pytest

from nbtrack.capture import first_statement_is_track, is_tracked, track_transformer


def transformed(cell: str) -> list[str]:
    return track_transformer(cell.splitlines(keepends=True))


@pytest.mark.parametrize(
    "cell", ["%%track", "%%track\nx", "%%track a --seed 1\nx", "\n\n%%track\nx", "%%track \t\nx"]
)
def test_a_tracked_cell_is_known(cell):
    assert is_tracked(cell)


@pytest.mark.parametrize(
    "cell", ["", None, "x = 1", "# %%track\nx", "%track", "%%tracking\nx", "x\n%%track", "%%track?"]
)
def test_any_other_cell_is_not(cell):
    assert not is_tracked(cell)
    if cell:
        assert transformed(cell) == cell.splitlines(keepends=True)


def test_the_rest_of_the_cell_keeps_its_text_and_its_line_numbers():
    body = ["x = 1\n", "\n", "%timeit x\n", "!ls\n", "await y"]
    lines = transformed("%%track it's --note \"a 'b'\"\n" + "".join(body))
    assert lines[1:] == body
    assert first_statement_is_track(ast.parse(lines[0])) == "it's --note \"a 'b'\""


def test_a_cell_magic_beneath_becomes_the_call_that_ipython_would_write():
    lines = transformed("%%track a\n\n%%time -q\nx = 1\ny = 2\n")
    assert lines[1] == "\n"
    assert lines[2] == "get_ipython().run_cell_magic('time', '-q', 'x = 1\\ny = 2\\n')\n"
    assert len(lines) == 3


@pytest.mark.parametrize("code", ["x = 1", "get_ipython().run_line_magic('time', 'x')", ""])
def test_no_other_statement_is_taken_for_the_line(code):
    assert first_statement_is_track(ast.parse(code)) is None
