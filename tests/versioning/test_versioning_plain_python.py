"""A cell as plain Python does what it did under IPython."""

from __future__ import annotations

import asyncio
import os

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from nbtrack.records import RunInfo
from nbtrack.versioning.plain_python import plain_python
from nbtrack.versioning.script import script_of


def converted(cell: str) -> str:
    return plain_python(TransformerManager().transform_cell(cell))


def executed(cell: str) -> dict:
    names: dict = {"__name__": "__main__"}
    exec(compile(converted(cell), "<script>", "exec"), names)
    return names


def test_plain_code_stays_as_it_is():
    code = "x = 1  # a comment\n\nfor i in range(3):\n    x += i\n"
    assert converted(code) == code


def test_magics_about_display_do_nothing_and_stay_readable():
    text = converted("%matplotlib inline\nx = 2")
    assert "'%matplotlib inline'" in text
    assert executed("%matplotlib inline\nx = 2")["x"] == 2


def test_a_timed_statement_is_executed_for_its_effect():
    assert executed("%time x = 3")["x"] == 3
    assert executed("%%time\nx = 1\ny = x + 1")["y"] == 2
    assert executed("%%capture kept\nprint('quiet')\nz = 4")["z"] == 4


def test_a_magic_inside_a_block_keeps_its_place():
    assert executed("if True:\n    %time x = 5\nelse:\n    x = 0")["x"] == 5


def test_shell_commands_are_run(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    names = executed("files = !echo hello\n!touch made")
    assert names["files"] == ["hello"]
    assert (tmp_path / "made").exists()
    executed("%%bash\ntouch also")
    assert (tmp_path / "also").exists()


def test_a_file_that_a_cell_writes_is_written_and_can_be_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    executed("%%writefile part.py\ny = 7\n")
    assert (tmp_path / "part.py").read_text() == "y = 7\n"
    assert executed("%run part.py")["y"] == 7
    assert executed("y = 0\n%run -i part.py\nz = y")["z"] == 7


def test_cd_and_env(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBT_TEST", "before")
    executed(f"%cd {tmp_path}\n%env NBT_TEST=after")
    assert os.environ["NBT_TEST"] == "after"


def test_top_level_await_becomes_a_coroutine_that_binds_the_same_names():
    names = executed("import asyncio\nawait asyncio.sleep(0)\nvalue = 3\ndef f(): return value")
    assert names["value"] == 3
    assert names["f"]() == 3
    assert names["asyncio"] is asyncio


@pytest.mark.parametrize("code", ["this is not python", "x ="])
def test_what_does_not_parse_is_given_back(code):
    assert plain_python(code) == code


def test_text_outside_of_ascii_before_a_magic_is_kept():
    assert executed("s = 'épée ☃'; x = 1\n%time t = 'ü'")["t"] == "ü"


def test_a_script_starts_the_run_with_the_name_and_seed_and_no_other_word_of_the_line():
    """The 5 of ``--checkpoint-every 5`` was taken for the name."""
    code = "get_ipython().run_line_magic('track', 'a --checkpoint-every 5 --keep-data --seed 3')\n"
    script = script_of(
        RunInfo(id="x", name="a", started_s=0.0), [{"source": "", "code": code}], bytes.fromhex
    )
    assert "import nbtrack; nbtrack.start('a', seed=3)  #" in script
