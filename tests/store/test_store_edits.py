"""What a person changes of a run afterwards, while another process writes it or years later."""

import json
import subprocess
import sys

import pytest

from nbtrack.errors import RunNotFound
from nbtrack.records import RunInfo
from nbtrack.store import Store

WRITER = """
import sys
from nbtrack.records import RunInfo
from nbtrack.store import Store

writer = Store(sys.argv[1]).start(RunInfo(id="aaaaa1", name="old", started_s=1.0, tags=("a", "b")))
print("started", flush=True)
sys.stdin.readline()
writer.update(tags=("a", "b", "late"), notes=("from the training",))
print("updated", flush=True)
sys.stdin.readline()
writer.finish()
"""


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def ended(store):
    writer = store.start(RunInfo(id="bbbbb1", name="first", started_s=1.0, tags=("x",)))
    writer.finish()
    return store.get("bbbbb1")


def test_an_ended_run_is_renamed_tagged_and_noted(store, ended):
    assert list(store.runs()["tags"]) == [("x",)]  # the index has read it
    ended.name = "second"
    ended.tags += ("best",)
    ended.notes = "the one of the paper"
    assert (ended.name, ended.tags, ended.notes) == (
        "second",
        ("x", "best"),
        ("the one of the paper",),
    )
    table = store.runs('tag:best and notes ~ paper and name = "second"')
    assert list(table.index) == ["bbbbb1"]
    assert list(Store(store.path).runs()["name"]) == ["second"]  # and another process
    raw = json.loads((ended.path / "run.json").read_text())
    assert (raw["name"], raw["tags"]) == ("first", ["x"])  # the writer's file is the writer's


def test_an_edit_of_a_running_run_survives_the_process_that_writes_it(store):
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdout.readline()
        store.runs.edit("aaaaa1", name="new", tags=["b", "mine"])
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        run = store.get("aaaaa1")
        assert run.name == "new"
        assert run.tags == ("b", "mine", "late")  # "a" stays away, what came later is seen
        assert run.notes == ("from the training",)
        store.runs.edit("aaaaa1", tags=["b"])
        process.stdin.write("\n")
        process.stdin.flush()
        process.wait(30)
    info = store.runs.infos()[0]
    assert (info.status, info.name, info.tags) == ("done", "new", ("b",))
    store.runs.edit("aaaaa1", tags=["b", "a"])
    assert store.get("aaaaa1").tags == ("b", "a")  # taken away, and given back


def test_what_is_no_name_or_tag_is_refused_and_nothing_changes(store, ended):
    for wrong in ({"name": " "}, {"tags": "best"}, {"tags": [""]}, {"tags": [3]}):
        with pytest.raises(ValueError, match="text"):
            store.runs.edit("bbbbb1", **wrong)
    with pytest.raises(RunNotFound):
        store.runs.edit("nobody", name="x")
    assert not (ended.path / "edits.json").exists()
    assert (ended.name, ended.tags) == ("first", ("x",))


def test_damaged_edits_do_not_hide_the_run(store, ended):
    (ended.path / "edits.json").write_text("{")
    assert list(Store(store.path).runs()["name"]) == ["first"]


def test_runs_that_repeat_or_go_on_are_named(store, ended):
    for run_id, more in (("ccccc1", {"reproduces": "bbbbb1"}), ("ccccc2", {"resumes": "bbbbb1"})):
        store.start(RunInfo(id=run_id, name="n", started_s=2.0, **more)).finish()
    assert store.runs.leaning_on("bbbbb1") == ["ccccc2", "ccccc1"]
    assert store.runs.leaning_on("ccccc1") == []
