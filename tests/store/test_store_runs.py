"""Listing runs, finding one, deleting one; the index may be stale, damaged, locked or gone."""

import json
import shutil
import sqlite3
import time

import pandas as pd
import pytest

from nbtrack.errors import RunNotFound, StoreError
from nbtrack.store import Store


@pytest.fixture
def three(start):
    """Runs at the times 100, 200 and 300, made in another order."""
    writers = [
        start("base", started_s=200.0, params={"lr": 0.1}, tags=("baseline",)),
        start("base", started_s=300.0, params={"lr": 0.01, "momentum": 0.9}),
        start("wide", started_s=100.0, params={"width": 64}),
    ]
    for writer, loss in zip(writers, (0.5, 0.25, 1.0), strict=True):
        writer.log({"loss": 2.0, "val/acc": 1 - loss})
        writer.log({"loss": loss})
        writer.emit(["lr/group0", "grad_norm/total", "grad_norm/w"], [0.1, 1.0, 2.0], 0, 0.0)
        writer.finish(steps=2, ended_s=writer.info.started_s + 60)
    return [writer.info.id for writer in writers]


def test_runs_are_listed_newest_first(store, three):
    table = store.runs()
    assert table.index.tolist() == [three[1], three[0], three[2]]
    assert table.index.name == "id"
    assert table.name.tolist() == ["base", "base", "wide"]
    assert table.loss.tolist() == [0.25, 0.5, 1.0]
    assert table.steps.tolist() == [2, 2, 2]
    assert table.duration_s.tolist() == [60.0] * 3
    assert table.started.iloc[0] == pd.Timestamp(300, unit="s", tz="UTC")
    assert table.tags.tolist() == [(), ("baseline",), ()]
    assert table["params.lr"].iloc[0] == 0.01
    assert pd.isna(table["params.lr"].iloc[2])
    assert table["val/acc"].tolist() == [0.75, 0.5, 0.0]
    assert "grad_norm/total" in table
    assert "grad_norm/w" not in table
    assert store.runs.ids() == table.index.tolist()


def test_an_empty_store_lists_nothing_and_makes_nothing(tmp_path):
    store = Store(tmp_path / "none")
    assert len(store.runs()) == 0
    assert {"name", "status", "loss"} <= set(store.runs().columns)
    assert len(store.runs("lr < 1")) == 0
    with pytest.raises(RunNotFound, match="holds no run yet"):
        store.get(-1)
    assert not (tmp_path / "none").exists()


def test_a_run_is_found_by_id_name_prefix_and_position(store, three):
    first, newest, oldest = three
    assert store.get(first).id == first
    assert store.get("base").id == newest  # the newest of that name
    assert store.get("wide").id == oldest
    assert store.get(oldest[:5]).id == oldest
    assert [store.get(i).id for i in (0, 1, 2)] == [oldest, first, newest]
    assert [store.get(i).id for i in (-1, -2, -3)] == [newest, first, oldest]
    assert store.get("-1").id == store.get().id == newest


@pytest.mark.parametrize("which", ["nothing", "", 3, -4, "7", "../runs"])
def test_a_run_that_is_not_there_is_a_lookup_error(store, three, which):
    with pytest.raises(LookupError, match="no run"):
        store.get(which)


def test_a_misspelt_run_gets_a_hint(store, three):
    with pytest.raises(RunNotFound, match="Did you mean 'base'"):
        store.get("bsae")


def test_a_prefix_of_two_runs_is_an_error_that_names_both(store, three):
    for name in ("zzzzz1", "zzzzz2"):
        shutil.copytree(store.run_folder(three[0]), store.run_folder(name))
    with pytest.raises(RunNotFound, match="zzzzz1") as caught:
        store.get("zzzzz")
    assert "zzzzz2" in str(caught.value)


def test_the_listing_follows_what_happens_to_the_runs(store, start):
    assert len(store.runs()) == 0
    writer = start("one")
    assert store.runs().status.tolist() == ["running"]
    writer.log({"loss": 1.0})
    assert store.runs().loss.tolist() == [1.0]
    writer.log({"loss": 0.5})
    assert store.runs().loss.tolist() == [0.5]
    writer.update(name="two")
    writer.finish()
    assert store.runs()[["name", "status"]].to_numpy().tolist() == [["two", "done"]]
    shutil.rmtree(writer.path)
    assert len(store.runs()) == 0


def test_a_new_process_reads_the_index_and_not_every_file(store, three, monkeypatch):
    expected = store.runs()
    read = []
    monkeypatch.setattr("nbtrack.store.index.row_of", lambda folder: read.append(folder))
    pd.testing.assert_frame_equal(Store(store.path).runs(), expected)
    assert read == []


def break_index(path, how):
    if how == "deleted":
        path.unlink()
    elif how == "not sqlite":
        path.write_bytes(b"no database at all" * 1000)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif how == "other version":
        with sqlite3.connect(path) as database:
            database.execute("DROP TABLE runs")
            database.execute("CREATE TABLE runs (something TEXT)")
            database.execute("PRAGMA user_version = 99")
    elif how == "damaged rows":
        with sqlite3.connect(path) as database:
            database.execute("UPDATE runs SET row = 'no json'")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "a folder":
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize(
    "how",
    ["deleted", "not sqlite", "cut", "other version", "damaged rows", "empty", "a folder"],
)
def test_an_index_that_is_gone_or_damaged_is_rebuilt(store, three, how, monkeypatch):
    expected = store.runs()
    path = store.path / "index.sqlite"
    break_index(path, how)
    pd.testing.assert_frame_equal(Store(store.path).runs(), expected)
    if how != "a folder":
        with sqlite3.connect(path) as database:
            assert database.execute("SELECT count(*) FROM runs").fetchone() == (3,)
        monkeypatch.setattr("nbtrack.store.index.row_of", None)  # the index is enough again
    pd.testing.assert_frame_equal(Store(store.path).runs(), expected)


def test_a_locked_index_delays_a_listing_only_a_little(store, three, program):
    expected = store.runs()
    process = program("""
import sqlite3
database = sqlite3.connect(store.path / "index.sqlite", isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("locked")
sys.stdin.read()
""")
    process.stdout.readline()
    begin = time.monotonic()
    pd.testing.assert_frame_equal(Store(store.path).runs(), expected)
    assert time.monotonic() - begin < 2


def test_reindex_reads_every_run_anew(store, three):
    store.runs()
    with sqlite3.connect(store.path / "index.sqlite") as database:
        [(text,)] = database.execute("SELECT row FROM runs WHERE id = ?", three[:1])
        wrong = json.dumps(json.loads(text) | {"name": "wrong"})
        database.execute("UPDATE runs SET row = ? WHERE id = ?", (wrong, three[0]))
    other = Store(store.path)
    assert "wrong" in other.runs().name.tolist()  # a cache that lies is believed ...
    other.runs.reindex()
    assert "wrong" not in other.runs().name.tolist()  # ... until it is built anew
    assert "wrong" not in Store(store.path).runs().name.tolist()


def test_a_run_folder_copied_to_another_store_is_a_run_there(store, three, tmp_path):
    other = Store(tmp_path / "other")
    assert len(other.runs()) == 0
    shutil.copytree(store.run_folder(three[0]), other.run_folder(three[0]))
    assert other.runs().index.tolist() == [three[0]]
    copied, original = other.get("base"), store.get(three[0])
    assert copied.info == original.info
    pd.testing.assert_frame_equal(copied.points(), original.points())
    shutil.copytree(store.run_folder(three[0]), other.run_folder("renamed"))
    assert sorted(other.runs().index) == sorted([three[0], "renamed"])
    assert other.get("renamed").info.id == "renamed"


def test_delete_removes_the_files_and_the_row(store, three):
    store.runs()
    store.runs.delete(three[0])
    assert not store.run_folder(three[0]).exists()
    assert three[0] not in store.runs.ids()
    assert three[0].encode() not in (store.path / "index.sqlite").read_bytes()
    assert len(store.runs()) == 2
    with pytest.raises(RunNotFound):
        store.runs.delete(three[0])


def test_delete_leaves_a_run_that_is_being_written_and_names_its_process(store, writer):
    with pytest.raises(StoreError, match="still being written by process"):
        store.runs.delete(writer.info.id)
    writer.finish()
    store.runs.delete(writer.info.id)
    assert store.runs.ids() == []


@pytest.mark.parametrize("name", ["", ".", "..", "other"])
def test_delete_takes_ids_only(store, three, name):
    with pytest.raises(RunNotFound):
        store.runs.delete(name)
    assert len(store.runs()) == 3


def test_infos_are_whole_and_can_be_limited(store, three):
    infos = store.runs.infos(limit=2)
    assert [info.id for info in infos] == [three[1], three[0]]
    assert infos[0] == store.get(three[1]).info
    assert [info.id for info in store.runs.infos("tag:baseline")] == [three[0]]


def test_what_is_no_run_is_no_run(store, three):
    (store.runs_folder / "notes.txt").write_text("by hand")
    (store.runs_folder / "empty").mkdir()
    store.new_id()
    assert len(store.runs()) == 3


def test_an_id_is_taken_only_once(store, writer):
    with pytest.raises(FileExistsError, match="take a new_id"):
        store.start(writer.info)
    assert len({store.new_id() for _ in range(100)}) == 100
    assert all(run_id[0].isalpha() and len(run_id) == 6 for run_id in [store.new_id()])


def test_new_ids_leave_the_random_state_of_the_program_alone(store):
    import random

    random.seed(0)
    state = random.getstate()
    store.new_id()
    assert random.getstate() == state
