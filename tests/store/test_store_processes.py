"""Several processes and threads: kill -9, 32 at once, forks, threads."""

import os
import signal
import sys
import threading

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def test_every_point_logged_before_kill_9_is_read_back(program, store):
    process = program("""
writer = start()
for step in range(10**9):
    writer.log({"loss": 1 / (step + 1), "val": {"acc": step}}, step)
    print(step)
""")
    for line in process.stdout:
        if int(line) >= 500:
            break
    process.send_signal(signal.SIGKILL)
    printed = [int(line), *(int(rest) for rest in process.stdout.read().split())][-1]
    process.wait(timeout=30)
    run = store.get(-1)
    loss, acc = run.series("loss"), run.series("val/acc")
    assert len(loss) >= printed + 1  # all of them: 100 %
    assert loss.step.tolist() == list(range(len(loss)))
    assert loss.value.tolist() == [1 / (step + 1) for step in range(len(loss))]
    assert acc.value.tolist() == loss.step.tolist()
    assert run.status == "lost"


@needs_fork
def test_32_processes_at_once_get_ids_of_their_own_and_keep_all_points(program, store):
    process = program("""
import numpy, psutil  # before the fork: 32 imports would take longer than all the rest
begin = time.time() + 0.5
children = []
for child in range(32):
    pid = os.fork()
    if not pid:
        time.sleep(max(begin - time.time(), 0))
        ids = [store.new_id() for _ in range(20)]
        writer = start(f"child {child}")
        for step in range(100):
            writer.log({"a": step * 1000 + child, f"own_{child}": step})
        writer.finish()
        os.write(1, (" ".join(ids) + "\\n").encode())
        os._exit(0)
    children.append(pid)
assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
""")
    taken = process.communicate(timeout=60)[0].split()
    assert process.returncode == 0
    assert len(set(taken)) == len(taken) == 32 * 20
    runs = store.runs()
    assert len(runs) == 32
    assert set(runs.status) == {"done"}
    assert not set(runs.index) & set(taken)
    for run_id, name in runs.name.items():
        child = int(name.split()[1])
        run = store.get(run_id)
        assert run.series("a").value.tolist() == [step * 1000.0 + child for step in range(100)]
        assert run.series(f"own_{child}").step.tolist() == list(range(100))
        assert len(run.points()) == 200


@needs_fork
def test_a_forked_child_logs_into_files_of_its_own_and_ends_nothing(program, store):
    process = program("""
import threading
writer = start()
writer.log({"parent": 0.0}, 0)
stop = threading.Event()
def log_all_the_time():  # so that a fork falls into a call now and then
    step = 1
    while not stop.is_set():
        writer.log({"parent": step}, step)
        step += 1
thread = threading.Thread(target=log_all_the_time)
thread.start()
children = []
for child in range(5):
    pid = os.fork()
    if not pid:
        for step in range(50):
            writer.log({"child": child * 100 + step, "parent": -1.0}, step)
        writer.output("stdout", {"text": f"child {child}"})
        writer.update(name="changed by the child")
        writer.beat()
        writer.finish("failed")
        writer.log({"after": child}, 0)
        os._exit(0)
    children.append(pid)
assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
stop.set()
thread.join()
writer.output("stdout", {"text": "parent"})
print(store.get(-1).name)
print(writer.update(tags=("t",)).status, writer.lost_points)
writer.finish()
""")
    assert process.communicate(timeout=60)[0].split() == ["run", "running", "0"]
    run = store.get(-1)
    assert (run.status, run.name, run.tags) == ("done", "run", ("t",))
    child = run.series("child").value.tolist()
    assert sorted(child) == [c * 100.0 + step for c in range(5) for step in range(50)]
    parent = run.series("parent")
    own = parent.value[parent.value >= 0].tolist()
    assert own == [float(step) for step in range(len(own))]
    assert (parent.value == -1).sum() == 250
    assert sorted(run.series("after").value) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert sorted(output.data["text"] for output in run.outputs) == [
        *(f"child {c}" for c in range(5)),
        "parent",
    ]
    assert run.summary()["child"]["count"] == 250


def test_threads_that_log_into_one_run_lose_and_mix_nothing(writer, store):
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)

    def log(thread):
        for i in range(300):
            writer.log({f"t{thread}": i, "shared": thread, f"new_{thread}_{i % 7}": i})

    threads = [threading.Thread(target=log, args=(i,)) for i in range(8)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)
    run = store.get(-1)
    assert len(run.points()) == 8 * 300 * 3
    for i in range(8):
        assert run.series(f"t{i}").value.tolist() == [float(k) for k in range(300)]
    assert run.series("shared").value.value_counts().to_dict() == {float(i): 300 for i in range(8)}


def test_a_signal_handler_that_logs_in_the_middle_of_log_does_no_harm(writer, store):
    count = 0

    def handler(*_):
        nonlocal count
        count += 1
        writer.log({"a": -1, "b": -1})

    old = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for i in range(5000):
            writer.log({"a": i, "b": i})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    run = store.get(-1)
    a, b = run.series("a"), run.series("b")
    assert a.value.tolist() == b.value.tolist()
    assert sorted(a.value) == [-1.0] * count + [float(i) for i in range(5000)]
    assert count > 0


def test_another_process_adds_to_a_finished_run_in_files_of_its_own(writer, store, program):
    writer.log({"loss": 1.0}, 0)
    writer.finish("stopped")
    process = program("""
writer = store.resume(-1)
writer.log({"test/acc": 0.9}, 0)
writer.emit(["loss"], [5.0], 0, writer.now())
writer.update(notes=("evaluated later",))
writer.finish("done")
""")
    process.communicate(timeout=60)
    run = store.get(-1)
    assert (run.status, run.notes) == ("stopped", ("evaluated later",))
    assert run.ended_s == writer.info.ended_s
    assert run.series("test/acc").value.tolist() == [0.9]
    assert run.info.summary.keys() == {"loss", "auto/loss", "test/acc"}
    assert len(list(run.path.glob("points-r0-*.bin"))) == 1


def test_what_is_logged_after_the_end_is_kept_too(writer, store):
    writer.log({"loss": 1.0})
    writer.finish()
    writer.log({"loss": 2.0})
    writer.finish("failed")  # a second time: nothing
    run = store.get(-1)
    assert run.series("loss").value.tolist() == [1.0, 2.0]
    assert run.status == "done"
    assert run.summary()["loss"]["count"] == 2


def test_an_interrupt_while_a_key_is_written_garbles_no_names(writer, points, monkeypatch):
    """Ctrl-C between the write of a key's line and its count; training goes on afterwards."""
    write = os.write

    def interrupted(fd, data):
        write(fd, data)
        raise KeyboardInterrupt

    writer.log({"a": 0})
    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        writer.log({"lost to the interrupt": 1})
    monkeypatch.undo()
    for step in (1, 2):
        writer.log({"a": step, "b": step}, step)
    assert points(writer) == [(0, "a", 0), (1, "a", 1), (1, "b", 1), (2, "a", 2), (2, "b", 2)]
