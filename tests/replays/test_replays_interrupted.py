"""Cells that were interrupted hard, half-way, and whose half-done state a later run needs."""

from __future__ import annotations

import pytest

import nbtrack
from nbtrack.versioning.repeating.reproduce import reproduce

SETUP = "import time, torch\nw = torch.randn(3, requires_grad=True)"
TRAIN = """optimizer = torch.optim.Adam([w], lr=0.1)
for k in range(4000):
    loss = ((w - torch.rand(3)) ** 2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if k % 5 == 0:
        print('did', k, flush=True)
    time.sleep(0.01)"""
# no name of it tells one pass from another but what the weights and the random state are
FUNCTION = """def train():
    optimizer = torch.optim.SGD([w], lr=0.01)
    while True:
        ((w - torch.rand(3)) ** 2).sum().backward()
        optimizer.step()
        print('did', flush=True)
        time.sleep(0.01)"""
AFTER = "%%track\nfirst = w.detach().clone()\n" + TRAIN.replace("4000", "3")


def interrupted(kernel, cells, text):
    for cell in cells[:-1]:
        kernel.run(cell)
    sent = kernel.send(cells[-1])
    kernel.wait_for_text(sent, text)
    kernel.manager.interrupt_kernel()
    assert kernel.wait(sent)[1].startswith("KeyboardInterrupt")
    kernel.run(AFTER)
    run = nbtrack.get(-1)
    return run, reproduce(run, say=lambda line: None)


@pytest.mark.parametrize(
    "cells",
    [(SETUP, TRAIN), (SETUP, FUNCTION, "train()")],
    ids=["a loop of the cell", "a loop of a function, with no counter"],
)
def test_a_cell_is_interrupted_again_where_it_was(start_kernel, cells):
    kernel = start_kernel()
    kernel.run("%load_ext nbtrack")
    run, found = interrupted(kernel, cells, "did 20" if "range" in cells[-1] else "did\n" * 4)
    [cell] = [cell for cell in run.replay["cells"] if cell["moment"]]
    assert cell["error"] == "KeyboardInterrupt"
    assert (found.verdict, found.reason) == ("identical", None), (found, cell["moment"])


def test_a_cell_whose_moment_does_not_come_again_is_named(start_kernel):
    kernel = start_kernel()
    kernel.run("%load_ext nbtrack")
    loop = (
        "for k in range(90):\n    w.data += os.getpid()\n    print('did', k)\n    time.sleep(.01)"
    )
    _, found = interrupted(kernel, (SETUP, "import os", loop), "did 3")
    assert found.verdict == "different"
    assert "was interrupted part-way then, and ran to its end now" in found.reason


def test_a_run_that_was_interrupted_at_once_is_given_back_up_to_its_step(start_kernel):
    kernel = start_kernel()
    for cell in ("%load_ext nbtrack", SETUP):
        kernel.run(cell)
    sent = kernel.send("%%track\n" + TRAIN.replace("time.sleep(0.01)", "time.sleep(5 * (k > 9))"))
    kernel.wait_for_text(sent, "did 10")  # it sleeps after that step
    kernel.manager.interrupt_kernel()
    kernel.wait_for_text(sent, "interrupt again")
    kernel.manager.interrupt_kernel()
    assert kernel.wait(sent)[1].startswith("KeyboardInterrupt")
    run = nbtrack.get(-1)
    found = reproduce(run, say=lambda line: None)
    assert (run.status, run.steps, found.verdict) == ("interrupted", 11, "identical"), found
    assert {each.num_points for each in found.series if each.key == "loss"} == {11}


def test_a_cell_that_failed_for_a_reason_from_outside_is_named(start_kernel):
    kernel = start_kernel()
    cells = ("%load_ext nbtrack", "import os")
    for cell in (*cells, SETUP):
        kernel.run(cell)
    failing = f"x = 1\nif os.getpid() == {kernel.pid}:\n    raise ValueError\nx = 2"
    assert kernel.wait(kernel.send(failing))[1].startswith("ValueError")
    kernel.run("%%track\nr = x")
    found = reproduce(nbtrack.get(-1), say=lambda line: None)
    assert found.verdict == "different"
    assert found.reason.endswith("ended with ValueError then, and ran to its end now")
