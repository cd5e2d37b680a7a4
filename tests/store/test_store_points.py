"""Points: what is written is what is read, in every case."""

import math
import os
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrack.errors import SeriesNotFound
from nbtrack.records import RunInfo
from nbtrack.store import Store

KEYS = st.text(max_size=8).filter(lambda key: "/" not in key)
NUMBERS = st.one_of(st.floats(), st.integers(-(2**70), 2**70), st.booleans())
CALLS = st.lists(
    st.tuples(
        st.dictionaries(KEYS, st.one_of(NUMBERS, st.dictionaries(KEYS, NUMBERS, max_size=3))),
        st.integers(-(2**63), 2**63 - 1),
    ),
    max_size=8,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(calls=CALLS)
def test_points_written_are_points_read(tmp_path, calls):
    store = Store(tmp_path / "store")
    writer = store.start(RunInfo(id=store.new_id(), name="x", started_s=time.time()))
    expected = []
    for values, step in calls:
        writer.log(values, step)
        for key, value in values.items():
            inner = value if isinstance(value, dict) else {None: value}
            for rest, number in inner.items():
                expected.append((step, key if rest is None else f"{key}/{rest}", float(number)))
    frame = store.get(writer.info.id).points()
    written = np.array([value for *_, value in expected])
    assert list(zip(frame.step, frame.key, strict=True)) == [point[:2] for point in expected]
    # bit for bit: NaN and -0.0 too
    assert frame.value.to_numpy().tobytes() == written.astype("f8").tobytes()
    writer.finish()


def test_the_frame_has_the_columns_that_the_contract_names(store, writer):
    began = writer.info.started_s
    writer.log({"loss": 0.5}, step=3, time_s=began + 1.5)
    frame = store.get(-1).points()
    assert list(frame.columns) == ["step", "time_s", "rank", "key", "value"]
    assert [str(dtype) for dtype in frame.dtypes] == [
        "int64",
        "float64",
        "int64",
        "category",
        "float64",
    ]
    assert frame.iloc[0].tolist() == [3, pytest.approx(1.5, abs=1e-6), 0, "loss", 0.5]


def test_a_run_without_points_gives_an_empty_frame_of_the_same_columns(store, writer):
    frame = store.get(-1).points()
    assert len(frame) == 0
    assert list(frame.columns) == ["step", "time_s", "rank", "key", "value"]
    assert store.get(-1).keys() == []
    assert store.get(-1).summary() == {}
    assert store.get(-1).tail().read() == {}


def test_points_can_be_asked_for_by_key(store, writer):
    for step in range(3):
        writer.log({"a": step, "b": -step, "c": 0})
    run = store.get(-1)
    assert run.points("a").value.tolist() == [0.0, 1.0, 2.0]
    some = run.points(["b", "a", "not there"])
    assert some.key.tolist() == ["a", "b"] * 3
    assert list(some.key.cat.categories) == ["a", "b"]


def test_series_gives_steps_and_values_and_a_wrong_key_gets_a_hint(store, writer):
    writer.log({"loss": 0.5}, step=4)
    writer.log({"loss": 0.25}, step=9)
    series = store.get(-1).series("loss")
    assert series.to_dict("list") == {"step": [4, 9], "value": [0.5, 0.25]}
    with pytest.raises(SeriesNotFound, match="Did you mean 'loss'"):
        store.get(-1).series("los")
    with pytest.raises(LookupError):
        store.get(-1).series("accuracy")


def test_points_are_in_order_of_time_and_equal_times_in_order_of_writing(writer, points):
    for value, time_s in [(1, 30.0), (2, 10.0), (3, 20.0), (4, 20.0)]:
        writer.log({"x": value}, step=value, time_s=writer.info.started_s + time_s)
    assert [value for _, _, value in points(writer)] == [2.0, 3.0, 4.0, 1.0]


def test_a_torn_last_record_is_ignored_wherever_it_was_cut(store, writer):
    for step in range(4):
        writer.log({"a": step}, step)
    writer.finish()
    path = writer.path / "points-r0.bin"
    whole = path.read_bytes()
    assert len(whole) == 4 * 28
    run = store.get(-1)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert run.points().value.tolist() == [float(step) for step in range(size // 28)]
        assert sum(len(v) for _, _, v in run.tail().read().values()) == size // 28
        assert run.summary().get("a", {"count": 0})["count"] == size // 28


def test_a_torn_key_line_and_a_lost_key_file_leave_the_points_readable(store, writer):
    writer.log({"a": 1.0, "b": 2.0})
    keys = writer.path / "keys-r0.txt"
    run = store.get(-1)
    keys.write_bytes(b"a\nb")  # no newline: not a whole line
    assert run.points().key.tolist() == ["a", "?1"]
    assert set(run.tail().read()) == {"a", "?1"}
    keys.unlink()
    assert run.points().key.tolist() == ["?0", "?1"]
    assert run.points().value.tolist() == [1.0, 2.0]


def test_one_write_of_28_bytes_per_point(writer):
    writer.log({"a": 1.0, "b": 2.0}, step=5, time_s=100.0)
    record = np.dtype([("key", "<i4"), ("step", "<i8"), ("time", "<f8"), ("value", "<f8")])
    records = np.fromfile(writer.path / "points-r0.bin", record)
    assert records.tolist() == [(0, 5, 100.0, 1.0), (1, 5, 100.0, 2.0)]
    assert (writer.path / "keys-r0.txt").read_text() == "a\nb\n"


def test_summary_is_right_by_hand_and_equals_a_slow_twin(store, writer):
    nan, inf = math.nan, math.inf
    table = {"a": [3.0, nan, -1.0, inf], "b": [nan], "c": [2.0, 2.0]}
    for i in range(4):
        writer.log({key: vs[i] for key, vs in table.items() if i < len(vs)}, step=10 * i)
    for summary in (store.get(-1).summary(), writer.finish().summary, store.get(-1).summary()):
        assert summary["a"] == {
            "first": 3.0,
            "last": inf,
            "min": -1.0,
            "max": 3.0,
            "count": 4,
            "last_step": 30,
        }
        assert math.isnan(summary["b"]["min"])
        assert math.isnan(summary["b"]["last"])
        assert summary["c"]["max"] == 2.0
        for key, group in store.get(-1).points().groupby("key", observed=True):
            finite = [value for value in group.value if math.isfinite(value)]
            assert summary[key]["count"] == len(group)
            assert summary[key]["last_step"] == group.step.iloc[-1]
            if finite:
                assert (summary[key]["min"], summary[key]["max"]) == (min(finite), max(finite))


def test_automatic_and_hand_logged_points_of_one_name_never_mix(store, writer):
    writer.emit(("loss", "lr/group0"), [1.0, 0.1], 0, writer.now())
    run = store.get(-1)
    assert run.keys() == ["loss", "lr/group0"]  # nothing by hand yet: no need for a prefix
    writer.log({"loss": 2.0}, step=0)
    writer.emit(("loss", "lr/group0"), [3.0, 0.1], 1, writer.now())
    assert run.series("auto/loss").value.tolist() == [1.0, 3.0]
    assert run.series("loss").value.tolist() == [2.0]
    assert run.series("lr/group0").value.tolist() == [0.1, 0.1]
    assert set(writer.finish().summary) == {"auto/loss", "loss", "lr/group0"}


def test_readings_written_at_once_are_those_written_one_by_one_in_fewer_writes(
    store, writer, points, monkeypatch
):
    batches = [
        (("loss", "lr"), [0.1 * i, 0.01], i, 100.0 + i) if i % 3 else (["var/x"], [1.0], i, 100.0)
        for i in range(30)
    ]
    twin = store.start(RunInfo(id=store.new_id(), name="twin", started_s=0.0))
    for batch in batches:
        twin.emit(*batch)
    writer.emit_all(batches[:3])  # new keys
    writes = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: writes.append(fd) or write(fd, data))
    writer.emit_all(batches[3:])
    writer.emit_all([])
    assert len(writes) == 1
    assert points(writer) == points(twin)
    one, other = ((each.path / "points-r0.bin").read_bytes() for each in (writer, twin))
    assert one == other


def test_emit_takes_a_tensor(writer, points):
    torch = pytest.importorskip("torch")
    values = torch.tensor([1.5, 2.5], requires_grad=True)
    writer.emit(["a", "b"], values, 3, writer.now())
    assert points(writer) == [(3, "a", 1.5), (3, "b", 2.5)]
