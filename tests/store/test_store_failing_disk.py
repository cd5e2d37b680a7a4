"""A disk that is full or read-only: training goes on, nothing is torn, every loss is counted."""

import errno
import os
import subprocess
import sys
import warnings

import pytest

from nbtrack.store import Store


def test_a_file_that_reaches_its_limit_loses_counts_and_goes_on(program, store):
    """Real writes against a real limit: 1,000 bytes hold 35 records and 20 bytes of the next."""
    process = program("""
import resource, warnings
writer = start()
keys = [f"k{i}" for i in range(10)]
writer.log(dict.fromkeys(keys, 0.0))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for step in range(1, 10):
        writer.log(dict.fromkeys(keys, step))
print(len(caught), writer.lost_points, caught[0].category.__name__)
print(caught[0].message)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
writer.log(dict.fromkeys(keys, 10.0))
writer.finish()
""")
    counts, message = process.communicate(timeout=60)[0].splitlines()
    assert counts == "1 65 RuntimeWarning"
    assert "File too large" in message
    assert "Training goes on" in message
    run = store.get(-1)
    assert (run.status, run.info.lost_points) == ("incomplete", 65)
    values = run.points().value.tolist()
    assert values == [0.0] * 10 + [1.0] * 10 + [2.0] * 10 + [3.0] * 5 + [10.0] * 10
    assert (run.path / "points-r0.bin").stat().st_size == 45 * 28
    lost = [output.data["text"] for output in run.outputs if output.kind == "event"]
    assert lost == [
        "7 points of each of 5 series ('k5', 'k6', 'k7', ...) at steps 3 to 9 "
        "could not be written: File too large",
        "6 points of each of 5 series ('k0', 'k1', 'k2', ...) at steps 4 to 9 "
        "could not be written: File too large",
    ]


IN_A_SMALL_DISK = ["unshare", "--mount", "sh", "-c"]
AS_NO_ROOT = ["unshare", "--map-root-user", "--mount", "sh", "-c"]


@pytest.fixture
def on_a_disk(tmp_path, program_start):
    """Runs a program on a tmpfs of its own, which nobody else sees; gives back its prints."""
    return lambda options, source: _on_a_disk(tmp_path / "disk", options, program_start + source)


def _on_a_disk(folder, options, source):
    folder.mkdir()
    command = f'mount -t tmpfs -o {options} tmpfs "$1" && exec "$2" -u -c "$3" "$1/store"'
    for unshare in (IN_A_SMALL_DISK, AS_NO_ROOT):
        done = subprocess.run(
            [*unshare, command, "sh", str(folder), sys.executable, source],
            capture_output=True,
            text=True,
            timeout=60,
        )
        if "STARTED" in done.stdout:
            return done.stdout.splitlines()[1:]
    pytest.skip(f"cannot mount a tmpfs here: {done.stderr.strip()[-200:]}")


def test_a_full_disk_still_takes_the_end_of_the_run(on_a_disk):
    lines = on_a_disk(
        "size=400k",
        """
print("STARTED", flush=True)
import warnings
warnings.simplefilter("ignore")
writer = start(params={"lr": 0.1})
writer.log({"a": 0, "b": 0})
filler = open(store.path / "filler", "wb", buffering=0)
try:
    while True:
        filler.write(bytes(4096))
except OSError as error:
    pass
for step in range(1, 1000):
    writer.log({"a": step, "b": step})
lost = writer.lost_points
writer.finish()
run = store.get(-1)
print(0 < lost < 2000, run.status, run.info.lost_points == lost, dict(run.params))
print(len(run.points()) + lost, run.summary().get("a", {}).get("first"))
print([output.kind for output in run.outputs])
""",
    )
    assert lines[0] == "True incomplete True {'lr': 0.1}"
    assert lines[1] == "2000 0.0"
    assert lines[2].startswith("['event'")


NOWHERE = """
print("STARTED", flush=True)
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    writer = start()
    for step in range(100):
        writer.log({"a": step, "b": {"c": step}})
    writer.emit(["x"], [1.0], 0, writer.now())
    writer.output("stdout", {"text": "hello"})
    writer.beat()
    info = writer.finish()
print(len(caught), info.status, info.lost_points, writer.lost_points)
print(caught[0].message)
print(os.path.basename(caught[0].filename), len(store.runs()))
"""


def test_a_read_only_disk_costs_one_warning_and_training_goes_on(on_a_disk):
    lines = on_a_disk("ro", NOWHERE)
    assert lines[0] == "1 incomplete 201 201"
    assert "Read-only file system" in lines[1]
    assert "NBTRACK_DIR" in lines[1]
    assert lines[2] == "<string> 0"  # the warning points at the user's line


def test_a_store_below_a_file_costs_one_warning_and_training_goes_on(tmp_path, program):
    (tmp_path / "file").write_text("in the way")
    source = f"store = Store({str(tmp_path / 'file' / 'store')!r})\n" + NOWHERE
    lines = program(source).communicate(timeout=60)[0].splitlines()[1:]
    assert lines[0] == "1 incomplete 201 201"
    assert "Not a directory" in lines[1]
    assert lines[2] == "<string> 0"


def test_a_store_that_becomes_writable_takes_what_comes_then(tmp_path, start, monkeypatch):
    monkeypatch.setattr("nbtrack.store.recorder._RETRY_S", 0.0)
    (tmp_path / "store").write_text("in the way")
    with pytest.warns(RuntimeWarning, match="cannot write run.json"):
        writer = start()
    writer.log({"a": 1})
    (tmp_path / "store").unlink()
    writer.log({"a": 2})
    writer.beat()  # also writes the run.json that could not be written
    store = Store(tmp_path / "store")
    assert store.get(-1).status == "running"
    assert store.get(-1).series("a").value.tolist() == [2.0]
    assert writer.finish().status == "incomplete"
    assert store.get(-1).info.lost_points == 1


class FailingDisk:
    """Takes so many bytes for one file and then no more, until `is_full` is set to False."""

    def __init__(self, monkeypatch, room):
        self.is_full, self.room, self.write = True, room, os.write
        monkeypatch.setattr(os, "write", self)

    def __call__(self, fd, data):
        if not self.is_full:
            return self.write(fd, data)
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self.write(fd, data[: self.room])
        self.room -= written
        return written


@pytest.mark.parametrize("room", [0, 1, 27, 28, 29, 55, 56, 83, 84])
def test_wherever_a_write_stops_whole_records_are_left(writer, points, monkeypatch, room):
    writer.log({"a": 0, "b": 0, "c": 0})
    disk = FailingDisk(monkeypatch, room)
    with warnings.catch_warnings(record=True):
        writer.log({"a": 1, "b": 1, "c": 1})
    assert writer.lost_points == 3 - room // 28
    disk.is_full = False
    writer.log({"a": 2, "b": 2, "c": 2})
    kept = [(0, key, 0.0) for key in "abc"] + [(1, key, 1.0) for key in "abc"][: room // 28]
    assert points(writer) == kept + [(2, key, 2.0) for key in "abc"]


@pytest.mark.parametrize("room", [0, 1, 27, 28, 56, 57, 84, 111, 112])
def test_of_several_readings_written_at_once_whole_records_are_left(
    writer, points, monkeypatch, room
):
    batches = [(("a", "b"), [1.0, 1.0], 1, 0.1), (["a"], [2.0], 2, 0.2), (("b",), [3.0], 3, 0.3)]
    for keys, values, _, time_s in batches:
        writer.emit(keys, values, 0, time_s - 1)
    disk = FailingDisk(monkeypatch, room)
    with warnings.catch_warnings(record=True):
        writer.emit_all(batches)
    assert writer.lost_points == 4 - room // 28
    disk.is_full = False
    writer.emit(["a"], [4.0], 4, 0.4)
    kept = [(1, "a", 1.0), (1, "b", 1.0), (2, "a", 2.0), (3, "b", 3.0)][: room // 28]
    assert points(writer)[4:] == [*kept, (4, "a", 4.0)]


@pytest.mark.parametrize("room", [0, 1, 9, 10, 14])
def test_keys_that_cannot_be_written_lose_their_points_and_no_others(
    writer, points, monkeypatch, room
):
    writer.log({"a": 0})
    disk = FailingDisk(monkeypatch, room)
    with pytest.warns(RuntimeWarning, match="No space left"):
        writer.log({"a": 1, "long_key\n": 1, "other": 1})
    disk.is_full = False
    for step in (2, 3):
        writer.log({"a": step, "long_key\n": step, "other": step})
    later = [(s, key, float(s)) for s in (2, 3) for key in ("a", "long_key\n", "other")]
    assert [point for point in points(writer) if point[0] >= 2] == later
    assert writer.lost_points == 3 - len([p for p in points(writer) if p[0] == 1])


def test_a_torn_record_that_cannot_be_taken_back_is_left_alone_in_its_file(
    writer, points, monkeypatch
):
    def truncate(fd, size):
        raise OSError(errno.EPERM, "Operation not permitted")

    writer.log({"a": 0})
    disk = FailingDisk(monkeypatch, 10)
    monkeypatch.setattr(os, "ftruncate", truncate)
    with pytest.warns(RuntimeWarning, match="No space left"):
        writer.log({"a": 1})
    disk.is_full = False
    writer.log({"a": 2})
    writer.log({"a": 3})
    assert points(writer) == [(0, "a", 0.0), (2, "a", 2.0), (3, "a", 3.0)]
    assert (writer.path / "points-r0.bin").stat().st_size == 38
    assert len(list(writer.path.glob("points-r0-*.bin"))) == 1


def test_a_disk_that_works_costs_no_warning_and_the_run_is_done(writer, store):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for step in range(100):
            writer.log({"a": step})
        writer.finish()
    assert (store.get(-1).status, store.get(-1).info.lost_points) == ("done", 0)
    assert store.get(-1).outputs == []


def test_a_failed_run_with_lost_points_stays_failed(writer, store, monkeypatch):
    writer.log({"a": 0})
    disk = FailingDisk(monkeypatch, 0)
    with pytest.warns(RuntimeWarning):
        writer.log({"a": 1})
    disk.is_full = False
    writer.finish("failed", error={"name": "ValueError"})
    assert (store.get(-1).status, store.get(-1).info.lost_points) == ("failed", 1)
