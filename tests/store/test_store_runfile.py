"""``run.json``: unknown fields, newer formats, damage, and values of all kinds."""

import json
import math
import time
from pathlib import Path

import numpy as np
import pytest

from nbtrack.errors import FormatTooNew, StoreError
from nbtrack.records import Cell, RunInfo
from nbtrack.store.runfile import from_json, read_info, to_json, write_info


def edit(run_folder, **changes):
    path = run_folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_every_field_comes_back_as_it_was():
    info = RunInfo(
        id="abc123",
        name="näme \ud800",
        started_s=1.5,
        status="failed",
        ended_s=2.5,
        params={"lr": 0.1, "nested": {"a": [1, None, "x"]}, "clip": math.inf},
        tags=("a", "b"),
        notes=("line\none",),
        seed=0,
        changed=("lr 0.1 → 0.01",),
        cells=(Cell("x = 1\n", "id", 3), Cell("y")),
        notebook="a.ipynb",
        error={"name": "ValueError", "line": 3},
        lost_points=2,
        steps=10,
        summary={"loss": {"last": 0.5}},
        saved={"model": {"digest": "00"}},
        readings={"grad_norm": "every 10 steps"},
        writer={"pid": 1},
        snapshot="ff",
        extra={"future": [1]},
    )
    assert from_json(to_json(info).encode(), Path("run.json")) == info


def test_unknown_fields_are_kept_when_the_run_is_written_again(store, writer):
    edit(writer.path, colour="red", later={"a": [1, 2]})
    assert store.get(-1).info.extra == {"colour": "red", "later": {"a": [1, 2]}}
    again = store.resume(-1)
    again.update(notes=("seen",))
    kept = json.loads((writer.path / "run.json").read_text())
    assert (kept["colour"], kept["later"], kept["notes"]) == ("red", {"a": [1, 2]}, ["seen"])


def test_a_newer_format_is_a_clear_error_and_the_file_is_left_alone(store, start):
    start("old").finish()
    writer = start("new")
    writer.finish()
    edit(writer.path, format=2)
    before = (writer.path / "run.json").read_bytes()
    with pytest.raises(FormatTooNew, match="has format 2, and this nbtrack reads up to format 1"):
        store.get(writer.info.id)
    with pytest.warns(RuntimeWarning, match="left out") as caught:
        assert store.runs().name.tolist() == ["old"]
    assert writer.info.id in str(caught[0].message)
    assert store.runs().name.tolist() == ["old"]  # warned once: a second warning would be an error
    assert store.runs.mark_lost() == []
    assert (writer.path / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": "1"}', '{"format": 1}', '{"format": 1, "tags": 3}']
)
def test_a_damaged_run_json_is_an_error_for_that_run_only(store, start, text):
    start("good").finish()
    bad = start("bad")
    (bad.path / "run.json").write_text(text)
    with pytest.raises(StoreError, match="damaged"):
        store.get(bad.info.id)
    with pytest.warns(RuntimeWarning, match=bad.info.id):
        assert store.runs().name.tolist() == ["good"]


def test_fields_that_are_missing_have_their_defaults(store, writer):
    document = {"format": 1, "id": writer.info.id, "name": "short", "started_s": 5.0}
    (writer.path / "run.json").write_text(json.dumps(document | {"status": "done"}))
    info = store.get(-1).info
    assert (info.name, info.params, info.cells, info.ended_s) == ("short", {}, (), None)


def test_params_that_json_does_not_know_are_written_in_words(store, start):
    writer = start(
        params={
            "numpy": np.float32(0.5),
            "array": np.array([3]),
            "path": Path("a/b"),
            "set": {2, 1},
            "cls": int,
            "tuple": (1, 2),
            ("a", 1): 2,
            3: "x",
        }
    )
    assert dict(store.get(-1).params) == {
        "numpy": 0.5,
        "array": [3],
        "path": "a/b",
        "set": [1, 2],
        "cls": "<class 'int'>",
        "tuple": [1, 2],
        "('a', 1)": 2,
        "3": "x",
    }
    recursive = {"a": 1}
    recursive["self"] = recursive
    writer.update(params=recursive)
    assert store.get(-1).params["a"] == 1


def test_a_reader_sees_the_old_or_the_new_file_and_never_a_half(store, writer, program):
    """One process rewrites ``run.json`` without pause, this one reads it."""
    program("""
writer = store.resume(-1)
print("writing")
while True:
    for size in (1, 5000):
        writer.update(notes=("x" * size,))
""").stdout.readline()
    sizes = set()
    end = time.monotonic() + 0.5
    while time.monotonic() < end or len(sizes) < 2:
        notes = read_info(writer.path).notes
        sizes.add(len(notes[0]) if notes else 0)
        assert sizes <= {0, 1, 5000}


def test_a_stored_run_shows_what_changed_since(store, writer):
    run = store.get(-1)
    assert run.tags == ()
    writer.update(tags=("new",), name="other")
    assert (run.tags, run.name) == (("new",), "other")
    assert repr(run) == f"<run {run.id} 'other': running>"


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(writer, monkeypatch):
    def replace(self, target):
        raise OSError(28, "No space left on device")

    before = (writer.path / "run.json").read_bytes()
    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(OSError, match="No space"):
        write_info(writer.path, writer.info)
    assert (writer.path / "run.json").read_bytes() == before
    assert {path.name for path in writer.path.iterdir()} == {"run.json", "heartbeat", "reserve"}
