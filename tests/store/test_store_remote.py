"""Runs pushed to a folder or a bucket, and pulled into another store."""

from __future__ import annotations

import json
import os
import threading

import pytest

import nbtrack
from nbtrack.cli import main
from nbtrack.errors import BlobNotFound, RunNotFound, StoreError


@pytest.fixture
def store(tmp_path):
    """A store with a run that keeps a large blob, which shares most chunks with that of another."""
    store = nbtrack.Store(tmp_path / "here")
    data = os.urandom(6 * 2**20)
    for name, content in (("one", data), ("two", data + b"more")):
        with nbtrack.start(name, store=store) as run:
            run.log(loss=0.5)
            (tmp_path / "x.bin").write_bytes(content)
            run.save("x", tmp_path / "x.bin")
    return store


def files(folder) -> dict:
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "index" not in path.name and path.name != "pushed.json"
    }


def test_a_run_comes_back_as_it_was_and_nothing_is_sent_twice(store, tmp_path):
    url = (tmp_path / "there").as_uri()
    one = store.push(url, "one")
    two = store.push(url, "two")
    assert one.num_bytes > 6 * 2**20
    assert two.num_bytes < 4.5 * 2**20  # the last chunk, and the run's small files
    ids = [store.get(position).id for position in (-1, 0)]
    assert (store.push(url).runs, store.push(url).num_files) == (ids, 0)
    other = nbtrack.Store(tmp_path / "other")
    pulled = other.pull(url)
    assert sorted(pulled.runs) == sorted(ids)
    assert other.get("two").load("x")[-4:] == b"more"
    assert other.get("one").series("loss").equals(store.get("one").series("loss"))
    assert (other.blobs.verify(), other.pull(url).num_files) == ([], 0)
    # a pushed folder is a store itself
    assert nbtrack.Store(tmp_path / "there").get("one").id == store.get("one").id


def test_only_the_run_that_is_asked_for_is_pulled(store):
    url = "memory://team"
    store.push(url)
    other = nbtrack.Store(store.path.parent / "other")
    assert other.pull(url, store.get("two").id[:5]).runs == [store.get("two").id]
    assert len(other.runs()) == 1
    with pytest.raises(RunNotFound):
        other.pull(url, "zzzzzz")


def test_a_push_that_was_cut_off_is_gone_on_with(store, tmp_path):
    there = tmp_path / "there"
    store.push(str(there), "one")
    run_id = store.get("one").id
    (there / "runs" / run_id / "run.json").unlink()
    (there / "runs" / run_id / "pushed.json").unlink()
    blobs = [path for path in (there / "blobs").rglob("*") if path.is_file()]
    [whole] = [path for path in blobs if path.read_bytes().startswith(b"nbtrack chunks")]
    chunk = max(blobs, key=lambda path: path.stat().st_size)
    lost = chunk.stat().st_size
    chunk.unlink()
    whole.unlink()  # it is written when all its chunks are there
    other = nbtrack.Store(tmp_path / "other")
    with pytest.raises(StoreError, match="not whole"):
        other.pull(str(there))
    assert lost < store.push(str(there), "one").num_bytes < lost + 100_000
    other.pull(str(there))
    assert other.blobs.verify() == []


@pytest.mark.parametrize("what", ["blob", "file"])
def test_what_came_damaged_is_refused(store, tmp_path, what):
    there = tmp_path / "there"
    store.push(str(there), "one")
    if what == "blob":
        damaged = max((there / "blobs").rglob("*"), key=lambda path: path.stat().st_size)
    else:
        damaged = there / "runs" / store.get("one").id / "points-r0.bin"
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    other = nbtrack.Store(tmp_path / "other")
    with pytest.raises((BlobNotFound, StoreError), match=r"digest|damaged"):
        other.pull(str(there))
    assert len(other.runs()) == 0


def test_a_run_that_is_running_is_carried_as_it_is_and_again_when_it_has_ended(tmp_path):
    store, other = nbtrack.Store(tmp_path / "here"), nbtrack.Store(tmp_path / "other")
    url = str(tmp_path / "there")
    run = nbtrack.start("long", store=store)
    run.log(loss=2.0)
    store.push(url)
    other.pull(url)
    assert len(other.get(-1).series("loss")) == 1
    run.log(loss=1.0)
    run.finish()
    store.push(url)
    other.pull(url)
    assert (other.get(-1).status, len(other.get(-1).series("loss"))) == ("done", 2)
    own = json.loads((store.run_folder(run.id) / "run.json").read_text())
    store.pull(url)  # it is this store's own: left as it is
    assert json.loads((store.run_folder(run.id) / "run.json").read_text()) == own


def test_several_pushers_at_once_do_no_harm(store, tmp_path):
    url = str(tmp_path / "there")
    pushers = [threading.Thread(target=store.push, args=(url,)) for _ in range(4)]
    for pusher in pushers:
        pusher.start()
    for pusher in pushers:
        pusher.join()
    other = nbtrack.Store(tmp_path / "other")
    assert len(other.pull(url).runs) == 2
    assert other.blobs.verify() == []
    assert not [path for path in files(tmp_path / "there") if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nosuch://x/y", "Protocols are"),
        ("s3://bucket/x", "s3fs"),
        ("/nowhere/at/all", "no run at"),
    ],
)
def test_a_url_that_cannot_be_used_says_what_to_do(tmp_path, url, said, capsys):
    pytest.importorskip("fsspec")
    if url.startswith("s3"):
        try:
            import s3fs  # noqa: F401
        except ImportError:
            pass
        else:
            pytest.skip("s3fs is here")
    assert main(["pull", url, "--store", str(tmp_path / "other")]) == 1
    assert said in capsys.readouterr().err


def test_the_command_line_pushes_and_pulls(store, tmp_path, capsys):
    assert main(["push", "one", str(tmp_path / "there"), "--store", str(store.path)]) == 0
    assert main(["pull", str(tmp_path / "there"), "--store", str(tmp_path / "other")]) == 0
    assert "1 run: " in capsys.readouterr().out
    assert nbtrack.Store(tmp_path / "other").get(-1).name == "one"
