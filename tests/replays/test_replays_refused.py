"""What cannot be given back, or not all of it: the verdict says so, and why."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from played import in_shell

import nbtrack
from nbtrack.versioning.repeating.reproduce import reproduce

SETUP = "import os, random, time, torch\nw = torch.randn(3, requires_grad=True)"
LOOP = """%%track
lr = 0.1
optimizer = torch.optim.SGD([w], lr=lr)
for k in range(8):
    loss = ((w - torch.rand(3)) ** 2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()"""
SLOW_LOOP = LOOP.replace("range(8)", "range(400)") + "\n    print('did', k, flush=True)\n" + (
    "    time.sleep(0.01)"
)  # fmt: skip


def played(shell, *cells: str):
    """The newest run of these cells."""
    assert in_shell(shell, cells)[-1] == ""
    return nbtrack.get(-1)


def again(run, **options):
    return reproduce(run, say=lambda line: None, **options)


@pytest.mark.parametrize(
    "source", ["time.time_ns() % 1009", "int.from_bytes(os.urandom(4), 'big')"]
)
def test_a_result_from_outside_is_different_from_the_step_where_it_enters(shell, source):
    loop = LOOP.replace("torch.rand(3)", f"(0 if k < 3 else {source})")
    found = again(played(shell, SETUP, loop))
    assert (found.verdict, found.first_difference.name) == ("different", "loss")
    assert found.first_difference.step == 3
    assert "from outside" in found.reason


def test_a_file_at_an_absolute_path_that_changed_since_is_named(shell, tmp_path):
    path = tmp_path / "far" / "numbers.txt"
    path.parent.mkdir()
    path.write_text("1.5")
    run = played(shell, "r = 0", f"text = open({str(path)!r}).read()", "%%track\nr = float(text)")
    path.write_text("2.5")
    found = again(run)
    assert found.verdict == "different"
    assert found.reason == f"{path} changed since"
    path.unlink()
    found = again(run)
    assert found.verdict == "failed"
    assert str(path) in found.sentence


def test_a_file_beside_the_notebook_is_put_back_as_it_was(shell):
    cells = (
        "rows = open('houses.csv').read().split()",
        "%%track\nr = float(rows[5].split(',')[0])",
    )
    run = played(shell, *cells)
    Path("houses.csv").write_text("nothing is left")
    assert again(run).verdict == "identical"
    Path("houses.csv").unlink()
    assert again(run).verdict == "identical"


def test_files_in_folders_around_the_notebook_s_are_found(shell, tmp_path):
    data, sub = tmp_path / "data", Path("sub")
    data.mkdir()
    sub.mkdir()
    (data / "x.txt").write_text("3")
    (sub / "y.txt").write_text("4")
    run = played(
        shell,
        "x = int(open('../data/x.txt').read())",
        "import os\nos.chdir('sub')",
        "%%track\nr = x + int(open('y.txt').read())",
    )
    assert again(run).verdict == "identical"


def test_the_order_of_a_set_of_texts_is_named(shell):
    found = again(
        played(shell, "letters = list(set('abcdefghijkl'))", "%%track\nr = ''.join(letters)")
    )
    assert found.verdict == "different"
    assert "PYTHONHASHSEED" in found.reason


def test_a_large_file_that_is_gone_is_named(shell):
    path = Path("large.bin").absolute()
    path.write_bytes(bytes(17 * 2**20))
    run = played(shell, "data = open('large.bin', 'rb').read()", "%%track\nr = sum(data[:9])")
    path.unlink()
    found = again(run)
    assert found.verdict == "failed"
    assert found.sentence.endswith(f"{path} is missing, and was not kept.")


def test_a_large_file_is_put_back_where_it_was_asked_to_be_kept(shell):
    Path("large.bin").write_bytes(os.urandom(17 * 2**20))
    read = "data = open('large.bin', 'rb').read()"
    run = played(shell, read, "%%track --keep-data\nr = sum(data[:9])")
    Path("large.bin").unlink()
    assert again(run).verdict == "identical"


def test_a_cell_that_asks_for_input_fails_and_says_so(shell, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *prompt: "3")
    run = played(shell, "n = int(input('how many? '))", "%%track\nr = n * 2")
    found = again(run)
    assert found.verdict == "failed"
    assert "asks for input" in found.sentence
    assert "cell 2" in found.sentence


def test_a_run_that_failed_fails_in_the_same_way(shell):
    loop = LOOP + "\n    if k == 3:\n        raise ValueError('no more')"
    assert in_shell(shell, [SETUP, loop])[-1] == "ValueError: no more"
    run = nbtrack.get(-1)
    found = again(run)
    assert (run.status, found.run.status, found.verdict) == ("failed", "failed", "identical")
    assert found.run.error["message"] == "no more"
    assert found.num_weights == len(run.replay["weights"])


def test_another_number_of_threads_is_named_and_no_failure(shell, monkeypatch):
    import torch

    torch.set_num_threads(1)
    run = played(shell, SETUP, LOOP)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    found = again(run)
    assert found.verdict in ("identical", "close", "different")
    assert any("threads" in name for name, _, _ in found.environment), found.environment


def test_one_thing_changed_is_different_for_that_reason(shell):
    found = again(played(shell, SETUP, LOOP), changes={"lr": 0.3})
    assert (found.verdict, found.reason) == ("different", "lr is 0.3 now")
    assert found.run.params["lr"] == 0.3
    assert found.first_difference.step in (0, 1)


def test_the_first_steps_can_be_proved_alone(shell):
    found = again(played(shell, SETUP, LOOP), steps=5)
    assert found.verdict == "identical", found
    assert {each.num_points for each in found.series if each.key == "loss"} == {5}


def test_what_cannot_be_pickled_is_left_out_and_named(shell):
    more = (
        "\nimport threading\nlock = threading.Lock()\nlines = (k for k in range(3))\n"
        "twice = lambda x: 2 * x"
    )
    run = played(shell, SETUP, LOOP.replace("%%track", "%%track --save-weights") + more)
    assert run.status == "done"
    assert run.replay["failed"] == []
    assert {"lock", "lines"} <= set(run.replay["state"]["left_out"])
    assert again(run).verdict == "identical"


def interrupted(kernel, how) -> None:
    kernel.run("%load_ext nbtrack")
    kernel.run(SETUP)
    cell = kernel.send(SLOW_LOOP)
    kernel.wait_for_text(cell, "did 5\n")
    how(kernel)


def test_a_run_that_was_stopped_is_given_back_up_to_its_step(start_kernel):
    kernel = start_kernel()
    interrupted(kernel, lambda kernel: kernel.manager.interrupt_kernel())
    while (run := nbtrack.get(-1)).status == "running":
        time.sleep(0.1)
    found = again(run)
    assert (run.status, found.verdict) == ("stopped", "identical"), found
    assert {each.num_points for each in found.series if each.key == "loss"} == {run.steps}
    assert found.num_weights == len(run.replay["weights"])


def test_a_killed_kernel_s_run_is_given_back_up_to_its_last_step(start_kernel):
    kernel = start_kernel()
    interrupted(kernel, lambda kernel: os.kill(kernel.pid, signal.SIGKILL))
    while kernel.manager.provisioner.process.poll() is None:
        time.sleep(0.01)
    run = nbtrack.get(-1)
    known = len(run.points("loss"))
    found = again(run)
    assert (run.status, found.verdict) == ("lost", "identical"), found
    assert {each.num_points for each in found.series if each.key == "loss"} == {known}


def test_a_restored_model_says_what_the_trained_one_said(start_kernel):
    kernel = start_kernel()
    for cell in (
        "%load_ext nbtrack",
        "import torch\nx = torch.randn(40, 3)\nnet = torch.nn.Sequential(torch.nn.Linear(3, 8), "
        "torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1))",
        "%%track --save-weights\nopt = torch.optim.Adam(net.parameters(), lr=0.01)\n"
        "for k in range(10):\n    loss = net(x).pow(2).mean()\n    opt.zero_grad()\n"
        "    loss.backward()\n    opt.step()",
    ):
        kernel.run(cell)
    told = (
        "print(net.eval()(x).detach().numpy().tobytes().hex(), torch.rand(1).item(), loss.item())"
    )
    before = kernel.run(told)
    kernel.close()
    fresh = start_kernel()
    fresh.run("import torch, nbtrack\nnames = nbtrack.get(-1).restore()")
    assert fresh.run(told) == before
    # the optimizer steps the model that came back
    assert fresh.run("print(opt.param_groups[0]['params'][0] is net[0].weight)") == "True\n"


def test_seeded_cells_from_before_nbtrack_was_loaded_are_given_back(start_kernel):
    kernel = start_kernel()
    for cell in (
        "import random",
        "random.seed(4)",
        "xs = [random.random() for _ in range(3)]",
        "%load_ext nbtrack",
        "%%track\nr = xs[-1] + random.random()",
    ):
        kernel.run(cell)
    assert again(nbtrack.get(-1)).verdict == "identical"


def test_unseeded_cells_from_before_nbtrack_was_loaded_are_named_as_the_reason(start_kernel):
    kernel = start_kernel()
    for cell in ("import random", "x = random.random()", "%load_ext nbtrack", "%%track\nr = x"):
        kernel.run(cell)
    found = again(nbtrack.get(-1))
    assert found.verdict == "different"
    assert "before nbtrack was loaded" in found.reason


def test_a_training_that_goes_on_after_a_stop_is_given_back(start_kernel):
    """The second run needs just as many steps of the first as it made until it was stopped."""
    kernel = start_kernel()
    interrupted(kernel, lambda kernel: kernel.manager.interrupt_kernel())
    while nbtrack.get(-1).status == "running":
        time.sleep(0.1)
    kernel.run(LOOP)
    found = again(nbtrack.get(-1))
    assert found.verdict == "identical", found
    cells = nbtrack.get(found.original).replay["cells"]
    assert cells[-2]["stopped_after"] is not None
