"""What of a run's cells a run of the notebook from the top would not do again."""

from __future__ import annotations

import json
from pathlib import Path

from nbtrack.capture.hidden import hidden_state
from nbtrack.records import Cell

A = Cell("lr = 0.1", "a", 1)
B = Cell("model = make()", "b", 2)
C = Cell("%%track\ntrain(model, lr)", "c", 3)


def write_notebook(path: Path, *cells: tuple[str, str]) -> str:
    document = {
        "cells": [{"cell_type": "code", "id": name, "source": text} for name, text in cells]
    }
    path.write_text(json.dumps(document))
    return str(path)


def test_cells_executed_once_in_order_hide_nothing(tmp_path):
    page = write_notebook(tmp_path / "n.ipynb", *[(c.cell_id, c.source) for c in (A, B, C)])
    assert hidden_state([A, B, C], [A, B, C], page) == ()
    assert hidden_state([A, B, C], [A, B, C]) == ()


def test_a_cell_that_was_executed_again_with_another_text_was_edited():
    edited = Cell("lr = 0.5", "a", 3)
    run = Cell(C.source, "c", 4)
    # the run used the first text: the second execution came later
    assert hidden_state([A, B, C], [A, B, C, edited]) == ("cell 1 was edited since",)
    # the run used the second: that is what the notebook holds
    assert hidden_state([edited, B, run], [A, B, edited, run]) == ()


def test_the_page_tells_an_edit_that_was_never_executed(tmp_path):
    page = write_notebook(tmp_path / "n.ipynb", ("a", "lr = 9"), ("b", B.source), ("c", C.source))
    assert hidden_state([A, B, C], [A, B, C], page) == ("cell 1 was edited since",)


def test_a_cell_that_is_no_longer_on_the_page_was_deleted(tmp_path):
    page = write_notebook(tmp_path / "n.ipynb", ("b", B.source), ("c", C.source))
    (said,) = hidden_state([A, B, C], [A, B, C], page)
    assert said.startswith("cell 1 was deleted")


def test_a_page_that_holds_none_of_the_cells_says_nothing(tmp_path):
    page = write_notebook(tmp_path / "n.ipynb", ("x", "1"))
    assert hidden_state([A, B, C], [A, B, C], page) == ()
    assert hidden_state([A, B, C], [A, B, C], str(tmp_path / "missing.ipynb")) == ()


def test_a_cell_above_that_ran_after_one_below_is_out_of_order(tmp_path):
    page = write_notebook(tmp_path / "n.ipynb", *[(c.cell_id, c.source) for c in (A, B, C)])
    late = Cell(A.source, "a", 3)
    run = Cell(C.source, "c", 4)
    assert hidden_state([B, late, run], [B, late, run], page) == (
        "cell 3 ran after cell 2, which stands below it",
    )


def test_a_cell_of_which_the_run_needs_two_executions():
    again = Cell(C.source, "c", 4)
    assert hidden_state([A, B, C, again], [A, B, C, again]) == ("cell 4 was executed 2 times",)


def test_imports_taken_out_of_a_cell_are_looked_for_in_it():
    part = Cell("import torch", "a", 1, is_part=True)
    whole = Cell("import math, torch\ntrain()", "a", 1)
    assert hidden_state([part, C], [whole, C]) == ()
    gone = Cell("train()", "a", 4)
    assert hidden_state([part, C], [whole, C, gone]) == ("cell 1 was edited since",)
