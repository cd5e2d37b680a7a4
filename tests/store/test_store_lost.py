"""A run whose writer has died is lost; one whose writer lives is left alone."""

import os
import signal
import time
from dataclasses import replace

import psutil
import pytest

from nbtrack.store.heartbeat import beat, describe_writer, state_of
from nbtrack.store.runfile import read_info, write_info

WAITING = """
writer = start()
writer.log({"loss": 0.5}, 0)
writer.log({"loss": 0.25}, 1)
print(writer.info.id)
sys.stdin.read()
"""


def test_a_run_is_lost_as_soon_as_its_process_is_gone(program, store):
    process = program(WAITING)
    run = store.get(process.stdout.readline().strip())
    assert run.status == "running"
    assert store.runs.mark_lost() == []
    process.kill()  # now a zombie: dead, though its pid is still there
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert run.status == "lost"
    process.wait(timeout=30)
    assert run.status == "lost"
    assert run.ended_s == pytest.approx((run.path / "heartbeat").stat().st_mtime)
    assert store.runs().status.tolist() == ["lost"]
    assert [info.status for info in store.runs.infos()] == ["lost"]
    assert read_info(run.path).status == "running"  # so far it is only shown


def test_mark_lost_writes_status_end_and_summary_down(program, store):
    process = program(WAITING)
    run_id = process.stdout.readline().strip()
    process.kill()
    process.wait(timeout=30)
    assert store.runs.mark_lost() == [run_id]
    info = read_info(store.get(run_id).path)
    assert (info.status, info.steps) == ("lost", 2)
    assert info.summary["loss"]["last"] == 0.25
    assert info.ended_s is not None
    assert not (store.get(run_id).path / "reserve").exists()
    assert store.runs.mark_lost() == []


def test_a_stopped_process_is_alive(program, store):
    process = program(WAITING)
    run = store.get(process.stdout.readline().strip())
    os.kill(process.pid, signal.SIGSTOP)
    old = time.time() - 300
    os.utime(run.path / "heartbeat", (old, old))
    assert run.status == "running"
    assert store.runs.mark_lost() == []
    process.kill()


@pytest.mark.parametrize(
    ("where", "silent_s", "shown", "written"),
    [
        ("here", 300, "running", "running"),  # the process is seen to be alive
        ("here", 700, "lost", "lost"),  # alive, but nobody touches the heartbeat any more
        ("elsewhere", 60, "running", "running"),
        ("elsewhere", 300, "lost", "running"),
        ("elsewhere", 700, "lost", "lost"),
        ("another process with that pid", 0, "lost", "lost"),
        ("no such process", 0, "lost", "lost"),
        ("before the reboot", 60, "running", "running"),
        ("before the reboot", 300, "lost", "running"),
    ],
)
def test_what_is_shown_and_what_is_written_down(store, start, where, silent_s, shown, written):
    writer = start(started_s=time.time() - 1000)
    change = {
        "here": {},
        "elsewhere": {"host": "another machine"},
        "another process with that pid": {"started_s": 1.0},
        "no such process": {"pid": 2**22 + 1},
        "before the reboot": {"boot_id": "another"},
    }[where]
    write_info(writer.path, replace(writer.info, writer={**describe_writer(), **change}))
    then = time.time() - silent_s
    os.utime(writer.path / "heartbeat", (then, then))
    assert store.get(-1).status == shown
    assert store.runs().status.tolist() == [shown]
    store.runs.mark_lost()
    assert read_info(writer.path).status == written


def test_a_beat_keeps_a_run_from_elsewhere_alive(store, start):
    writer = start(writer={"host": "another machine"}, started_s=time.time() - 1000)
    then = time.time() - 300
    os.utime(writer.path / "heartbeat", (then, then))
    assert store.get(-1).status == "lost"
    beat(writer.path)
    assert store.get(-1).status == "running"


def test_this_process_describes_itself_as_alive():
    assert state_of(describe_writer()) == "alive"
    assert state_of({}) == "elsewhere"
    assert state_of({**describe_writer(), "pid": None}) == "elsewhere"


def test_a_finished_run_is_never_lost(store, writer):
    writer.finish("failed")
    then = time.time() - 5000
    os.utime(writer.path / "heartbeat", (then, then))
    assert store.get(-1).status == "failed"
    assert store.runs.mark_lost() == []
