"""Whole notebooks of many styles, most of them without seeds, given back bit for bit."""

from __future__ import annotations

import pytest
from played import Program, all_programs, execute, execute_notebook, furnish, start_script

import nbtrack
from nbtrack.versioning.repeating.reproduce import reproduce

IN_THREE_FORMS = {"raw_loop", "manual_sgd", "houses"}  # for all of them it takes minutes


@pytest.mark.slow
@pytest.mark.parametrize("program", all_programs(), ids=lambda program: program.name)
def test_a_notebook_is_given_back_as_run_script_and_notebook(program: Program, tmp_path):
    execute(program, furnish(tmp_path / "work"))
    run = nbtrack.get(-1)
    assert run.replay["failed"] == []
    assert run.replay["weights_digest"]
    is_in_three_forms = program.name in IN_THREE_FORMS
    if is_in_three_forms:
        script = start_script(run.script(), tmp_path / "script")  # beside the other: two cores
    again = reproduce(run, say=lambda line: None)
    assert (again.verdict, again.reason) == ("identical", None), again
    assert again.weights == (run.replay["weights_digest"],) * 2
    if not is_in_three_forms:
        return
    printed, _ = script.communicate(timeout=240)
    assert script.returncode == 0, printed
    of_script = nbtrack.Store(tmp_path / "script" / ".nbtrack").get(-1)
    assert of_script.replay["weights_digest"] == run.replay["weights_digest"]
    execute_notebook(run.notebook(), tmp_path / "notebook")
    of_notebook = nbtrack.get(-1)
    assert of_notebook.id not in (run.id, again.run.id)
    assert of_notebook.replay["weights_digest"] == run.replay["weights_digest"]
