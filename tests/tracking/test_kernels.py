"""``%%track`` in kernels of their own: ipykernel, nbclient, papermill, plain ``ipython``."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import nbtrack

LOOP = """
import time, torch
w = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for step in range({steps}):
    optimizer.zero_grad()
    loss = ((w - 1) ** 2).sum()
    loss.backward()
    optimizer.step()
    print("did", step, flush=True)
    time.sleep({sleep_s})
"""


def text_of(shown) -> str:
    return "".join(m["content"]["text"] for m in shown if m["msg_type"] == "stream")


def test_a_busy_kernel_hears_the_interrupt_button(start_kernel):
    kernel = start_kernel()
    cell = kernel.send("%%track" + LOOP.format(steps=2000, sleep_s=0.01))
    kernel.wait_for_text(cell, "did 3")
    kernel.manager.interrupt_kernel()
    reply, shown = kernel.wait(cell)
    assert (reply["status"], reply["ename"]) == ("error", "RunStopped")
    assert nbtrack.get(-1).status == "stopped"
    # The kernel goes on: the next cell runs, and interrupts are Python's own again.
    reply, shown = kernel.run("print(step >= 3)")
    assert text_of(shown) == "True\n"


def test_an_awaiting_cell_can_be_interrupted(start_kernel):
    kernel = start_kernel()
    cell = kernel.send(
        "%%track\nimport asyncio\nprint('here', flush=True)\nawait asyncio.sleep(60)"
    )
    kernel.wait_for_text(cell, "here")
    kernel.manager.interrupt_kernel()
    reply, _ = kernel.wait(cell)
    assert reply["status"] == "error"
    assert nbtrack.get(-1).status == "interrupted"


def test_a_killed_kernel_leaves_a_lost_run_with_every_step(start_kernel):
    kernel = start_kernel()
    cell = kernel.send("%%track" + LOOP.format(steps=100_000, sleep_s=0.001))
    kernel.wait_for_text(cell, "did 50\n")
    pid = kernel.manager.provisioner.pid
    os.kill(pid, signal.SIGKILL)
    while kernel.manager.provisioner.process.poll() is None:
        time.sleep(0.01)
    run = nbtrack.get(-1)
    assert run.status == "lost"
    # Step 50 was printed, so steps 0 to 50 had been kept by then.
    steps = list(run.series("loss")["step"])
    assert steps == list(range(len(steps)))
    assert len(steps) > 50
    # The next start in any process writes it down.
    with nbtrack.start("next") as following:
        deadline = time.monotonic() + 30
        while '"lost"' not in (run.path / "run.json").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert following.status == "done"


def test_a_live_run_of_another_process_is_left_alone(start_kernel):
    kernel = start_kernel()
    cell = kernel.send("%%track" + LOOP.format(steps=1000, sleep_s=0.01))
    kernel.wait_for_text(cell, "did 3")
    nbtrack.Store().runs.mark_lost()
    assert nbtrack.get(-1).status == "running"
    kernel.manager.interrupt_kernel()
    kernel.wait(cell)


def test_two_kernels_share_one_store(start_kernel):
    kernels = start_kernel(), start_kernel()
    cells = [
        k.send(f"%%track k{n}" + LOOP.format(steps=30, sleep_s=0)) for n, k in enumerate(kernels)
    ]
    for kernel, cell in zip(kernels, cells, strict=True):
        reply, _ = kernel.wait(cell)
        assert reply["status"] == "ok"
    for n in range(2):
        run = nbtrack.get(f"k{n}")
        assert (run.status, len(run.series("loss"))) == ("done", 30)


def test_the_live_view_becomes_a_picture_when_the_cell_ends(start_kernel):
    kernel = start_kernel()
    reply, shown = kernel.run("%%track" + LOOP.format(steps=5, sleep_s=0))
    assert reply["status"] == "ok"
    widget = "application/vnd.jupyter.widget-view+json"
    bundles = [
        m["content"]["data"]
        for m in shown
        if m["msg_type"] in ("display_data", "update_display_data")
    ]
    assert widget in bundles[0]
    assert widget not in bundles[-1]
    assert {"image/png", "image/svg+xml", "text/plain"} <= set(bundles[-1])


def test_without_the_live_view_a_line_of_text_tells_the_end(start_kernel):
    kernel = start_kernel()
    _, shown = kernel.run("%%track quiet --no-live" + LOOP.format(steps=5, sleep_s=0))
    assert not any(m["msg_type"] == "display_data" for m in shown)
    last = text_of(shown).strip().splitlines()[-1]
    assert "quiet" in last
    assert "done" in last


def test_figures_displays_and_results_are_kept_in_order(start_kernel):
    kernel = start_kernel()
    reply, shown = kernel.run(
        "%%track --no-live\n%matplotlib inline\nimport matplotlib.pyplot as plt\n"
        "from IPython.display import HTML\nprint('one')\ndisplay(HTML('<b>two</b>'))\n"
        "plt.plot([1, 2]);\nplt.show()\nprint('four')\nplt.plot([2, 1])\n6 * 7"
    )
    assert reply["status"] == "ok"
    outputs = nbtrack.get(-1).outputs
    assert [o.kind for o in outputs] == [
        "stdout",
        "display",
        "display",
        "stdout",
        "result",
        "display",
    ]
    assert outputs[1].data["text/html"] == "<b>two</b>"
    assert outputs[4].data["text/plain"] == "42"
    for figure in (outputs[2], outputs[5]):
        assert base64.b64decode(figure.data["image/png"]).startswith(b"\x89PNG")
    # As ever in the notebook, too: two pictures, one html, one result.
    kinds = [m["msg_type"] for m in shown]
    assert (kinds.count("display_data"), kinds.count("execute_result")) == (3, 1)


def notebook(*cells: str):
    new = nbformat.v4
    return new.new_notebook(
        cells=[new.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )


def test_run_all_stops_at_the_tracked_cell_that_fails(tmp_path):
    book = notebook("%load_ext nbtrack", "%%track\nx = 1\n1 / 0", "after = True")
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert nbtrack.get(-1).status == "failed"
    assert book.cells[2].execution_count is None


def test_the_run_knows_its_cell_in_a_notebook(tmp_path):
    book = notebook("%load_ext nbtrack", "%%track" + LOOP.format(steps=3, sleep_s=0))
    NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    (cell,) = nbtrack.get(-1).cells
    assert (cell.source, cell.count) == (book.cells[1].source, 2)
    kinds = [list(output.get("data", {})) for output in book.cells[1].outputs]
    assert any("image/png" in kind for kind in kinds)
    assert not any("widget-view" in mime for kind in kinds for mime in kind)


def test_papermill_runs_tracked_cells(tmp_path):
    source, result = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    nbformat.write(
        notebook("%load_ext nbtrack", "%%track p" + LOOP.format(steps=3, sleep_s=0)), source
    )
    subprocess.run(
        [sys.executable, "-m", "papermill", str(source), str(result), "--no-progress-bar"],
        check=True,
        capture_output=True,
        timeout=180,
    )
    assert (nbtrack.get(-1).name, nbtrack.get(-1).status) == ("p", "done")


def test_plain_ipython_tracks_with_a_line_of_text(tmp_path):
    loop = "%%track terminal\nfor k in range(3):\n    a = abs(k)"
    nbformat.write(notebook("%load_ext nbtrack", loop), tmp_path / "cells.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", "cells.ipynb"],
        text=True,
        capture_output=True,
        timeout=120,
        cwd=tmp_path,
        check=True,
    )
    run = nbtrack.get(-1)
    assert (run.name, run.status) == ("terminal", "done")
    assert list(run.series("var/a")["value"]) == [0, 1, 2]
    assert run.cells[0].source.rstrip() == loop
    assert f"nbtrack: terminal {run.id} done" in done.stdout


def test_a_script_that_forgets_to_finish_ends_done_and_a_crash_ends_failed(tmp_path):
    for name, last_line, status in (("fine", "", "done"), ("crash", "1 / 0", "failed")):
        code = f"import nbtrack\nrun = nbtrack.start({name!r})\nrun.log({{'a': 1}})\n{last_line}\n"
        subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120, cwd=tmp_path)
        assert (nbtrack.get(name).status, len(nbtrack.get(name).series("a"))) == (status, 1)


def test_a_forked_child_logs_and_leaves_the_end_to_its_parent(tmp_path):
    code = """
import os, nbtrack
run = nbtrack.start("parent")
run.log({"a": 0})
if (child := os.fork()) == 0:
    run.log({"a": 1, "b": 2})
    raise SystemExit(0)
os.waitpid(child, 0)
assert nbtrack.get("parent").status == "running"
run.log({"a": 2})
run.finish()
"""
    subprocess.run([sys.executable, "-c", code], timeout=120, cwd=tmp_path, check=True)
    run = nbtrack.get("parent")
    assert run.status == "done"
    assert sorted(run.series("a")["value"]) == [0, 1, 2]
    assert list(run.series("b")["value"]) == [2]
