"""The commands, as a person types them."""

from __future__ import annotations

import re
import subprocess
import sys

import nbformat
import pytest

import nbtrack
from nbtrack.cli import main


@pytest.fixture
def two_runs(tmp_path):
    for name, lr in (("low", 0.1), ("high", 9.0)):
        with nbtrack.start(name, params={"lr": lr}, tags=["t"], seed=None) as run:
            for k in range(3):
                run.log({"loss": lr / (k + 1)})
    return tmp_path


def test_ls_lists_the_runs_newest_first_and_takes_a_query(two_runs, capsys):
    assert main(["ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[1:3]] == ["high", "low"]
    assert main(["ls", "lr", "<", "1"]) == 0
    shown = capsys.readouterr().out
    assert "low" in shown
    assert "high" not in shown


def test_ls_rebuilds_a_damaged_index(two_runs, capsys):
    (nbtrack.Store().path / "index.sqlite").write_bytes(b"not a database")
    assert main(["ls", "--reindex"]) == 0
    assert "2 runs" in capsys.readouterr().out


def test_show_tells_one_run(two_runs, capsys):
    assert main(["show", "low"]) == 0
    shown = capsys.readouterr().out
    assert "nbtrack: low" in shown
    assert re.search(r"lr +0\.1 +start\(params=\)", shown)
    assert main(["show"]) == 0
    assert "lr 0.1 → 9" in capsys.readouterr().out


@pytest.fixture
def tracked(plain_shell, tmp_path):
    """A tracked cell of a real shell that reads a file and draws a number."""
    (tmp_path / "scale.txt").write_text("3")
    for cell in (
        "%load_ext nbtrack",
        "import random",
        "scale = float(open('scale.txt').read())",
        "unrelated = 1",
        "%%track drawn\nwidth = 2\nr = [random.random() * scale for _ in range(width)]",
    ):
        plain_shell.run_cell(cell, store_history=True)
    yield nbtrack.get(-1)
    plain_shell.run_line_magic("unload_ext", "nbtrack")


def test_show_tells_code_data_and_environment(tracked, capsys):
    assert main(["show", "drawn"]) == 0
    shown = capsys.readouterr().out
    assert "# cell 3  binds scale" in shown
    assert "unrelated" not in shown
    assert re.search(r"scale\.txt +1 bytes", shown)
    assert re.search(r"python +\d+\.\d+", shown)


def test_reproduce_repeats_a_run_and_says_so_with_its_status(tracked, capsys):
    assert main(["reproduce", "drawn"]) == 0
    assert capsys.readouterr().out.startswith("Identical.")
    assert main(["reproduce", tracked.id, "--with", "width=3"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("Different")
    assert "width is 3 now" in out


def test_a_bundle_is_reproduced_where_nothing_else_is(tracked, capsys, tmp_path, monkeypatch):
    assert main(["export", "drawn", "--bundle", "--to", "drawn.zip"]) == 0
    assert capsys.readouterr().out.strip() == "drawn.zip"
    (tmp_path / "scale.txt").unlink()
    monkeypatch.setenv("NBTRACK_DIR", str(tmp_path / "elsewhere"))
    assert main(["reproduce", "drawn.zip"]) == 0
    assert capsys.readouterr().out.startswith("Identical.")


def test_diff_tells_what_differs(two_runs, capsys):
    assert main(["diff", "low", "high"]) == 0
    assert "lr 0.1 → 9" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "says"), [(["show", "nope"], "nope"), (["ls", "lr <"], "^")])
def test_what_cannot_be_done_is_one_line_and_status_1(two_runs, capsys, words, says):
    assert main(words) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("nbtrack: ")
    assert says in said.err


def test_the_demo_trains_in_a_real_kernel_and_shows_its_runs(tmp_path, monkeypatch):
    monkeypatch.delenv("NBTRACK_DIR")
    done = subprocess.run(
        [sys.executable, "-m", "nbtrack.cli", "demo", "--dir", "here"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    runs = nbtrack.Store(tmp_path / "here" / ".nbtrack").runs()
    assert list(runs["status"]) == ["done"] * 3
    assert runs["loss"].iloc[1] < 0.5 < runs["loss"].iloc[0]  # lr 0.05 learns, lr 3 does not
    assert "lr 0.005 → 0.05" in done.stdout
    book = nbformat.read(tmp_path / "here" / "demo.ipynb", 4)
    pictures = [
        o
        for cell in book.cells
        for o in cell.get("outputs", [])
        if "image/png" in o.get("data", {})
    ]
    assert len(pictures) == 3
