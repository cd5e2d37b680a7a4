"""``%%track`` in a real IPython shell: the cell runs once, as itself, and its run tells its end."""

from __future__ import annotations

import json
import signal
import sys
import threading
import warnings

import pytest

import nbtrack

TRAINING = """
import torch
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.ones(8, 2), torch.ones(8, 1)
for step in range(5):
    optimizer.zero_grad()
    loss = ((model(x) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
"""


def newest() -> nbtrack.Run:
    return nbtrack.get(-1)


def test_a_tracked_cell_keeps_one_loss_per_backward(shell, run_cell):
    assert run_cell("%%track line" + TRAINING).success
    run = newest()
    losses = run.series("loss")
    assert (run.name, run.status, run.steps) == ("line", "done", 5)
    assert list(losses["step"]) == [0, 1, 2, 3, 4]
    assert losses["value"].iloc[-1] == pytest.approx(shell.user_ns["loss"].item())
    assert set(run.series("lr/group0")["value"]) == {0.1}


def test_a_cell_without_the_line_is_left_alone(run_cell):
    assert run_cell(TRAINING.lstrip()).success
    assert len(nbtrack.runs()) == 0


def test_the_run_holds_the_cell_as_typed(run_cell):
    source = "%%track --note 'why not'\nanswer = 6 * 7  # a comment\n"
    run_cell("x = 1")
    run_cell(source)
    (cell,) = newest().cells
    assert cell.source == source
    assert cell.count == 2
    assert newest().notes == ("why not",)


def test_the_last_value_is_displayed_and_kept(run_cell):
    result = run_cell("%%track\nanswer = 6 * 7\nanswer")
    assert result.result == 42
    assert [o.data["text/plain"] for o in newest().outputs if o.kind == "result"] == ["42"]


def test_top_level_await_works(run_cell):
    result = run_cell("%%track\nimport asyncio\nawait asyncio.sleep(0)\nvalue = 3\nvalue")
    assert result.result == 3
    assert newest().status == "done"


def test_shell_and_magic_lines_work_inside(shell, run_cell, capfd):
    assert run_cell("%%track\nfiles = !echo hello\n%timeit -n1 -r1 -q -o 1 + 1").success
    assert shell.user_ns["files"] == ["hello"]


def test_time_and_capture_beneath_track_stay_cell_magics(shell, run_cell, capsys):
    assert run_cell("%%track timed\n\n%%time" + TRAINING).success
    assert "Wall time" in capsys.readouterr().out
    assert len(newest().series("loss")) == 5
    assert run_cell("%%track captured\n%%capture kept\nprint('quiet')" + TRAINING).success
    assert shell.user_ns["kept"].stdout == "quiet\n"
    assert (newest().name, len(newest().series("loss"))) == ("captured", 5)


def test_a_failure_inside_capture_is_a_failed_run(run_cell):
    run_cell("%%track\n%%capture\n1 / 0")
    assert newest().status == "failed"
    assert newest().error["name"] == "ZeroDivisionError"


def test_a_failing_cell_fails_with_its_own_traceback_and_line(run_cell, capsys):
    result = run_cell("%%track broken --tag bad\na = 1\nb = a / 0\n")
    shown = capsys.readouterr().out
    assert isinstance(result.error_in_exec, ZeroDivisionError)
    assert not result.success
    run = newest()
    assert (run.status, run.error["name"], run.error["line"]) == ("failed", "ZeroDivisionError", 3)
    assert "%%track broken --tag bad" in shown
    assert "run_line_magic" not in shown
    assert "nbtrack" not in run.error["traceback"]
    assert run.outputs[-1].kind == "error"


def test_a_syntax_error_starts_no_run(run_cell):
    assert not run_cell("%%track\nfor x in range(3)\n    pass").success
    assert len(nbtrack.runs()) == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--sed 1", "did you mean --seed?"),
        ("--seed one", "--seed"),
        ("--seed -1", "--seed"),
        ("--param lr", "NAME=VALUE"),
        ("--every 0", "1 or more"),
        ("--note 'open", "No closing quotation"),
        ("one two", "'two'"),
        ("--deterministic", "--seed"),
    ],
)
def test_a_wrong_option_is_one_line_and_the_cell_does_not_run(
    shell, run_cell, capsys, options, says
):
    result = run_cell(f"%%track {options}\nran = True")
    shown = capsys.readouterr()
    assert not result.success
    assert "ran" not in shell.user_ns
    (line,) = (shown.err + shown.out).strip().splitlines()
    assert line.startswith("UsageError: %%track: ")
    assert says in line
    assert len(nbtrack.runs()) == 0


def test_every_option_reaches_the_run(run_cell):
    run_cell("lr = 0.25")
    run_cell(
        "%%track lr-{lr} --seed 7 --tag a --tag b --param k=0.5 --param s=adam --note 'a b'"
        " --every 2 --no-live" + TRAINING
    )
    run = newest()
    assert (run.name, run.info.seed, run.tags) == ("lr-0.25", 7, ("a", "b"))
    assert (run.params["k"], run.params["s"]) == (0.5, "adam")
    assert (run.info.origins["k"], run.params["lr"]) == ("--param", 0.1)
    assert list(run.series("grad_norm/weight")["step"]) == [0, 2, 4]
    assert len(run.series("loss")) == 5


def test_a_seed_repeats_the_run_bit_for_bit(run_cell):
    for _ in range(2):
        run_cell("%%track --seed 3" + TRAINING)
    first, second = nbtrack.get(-2), nbtrack.get(-1)
    assert list(first.series("loss")["value"]) == list(second.series("loss")["value"])
    run_cell("%%track --seed 4" + TRAINING)
    assert list(newest().series("loss")["value"]) != list(first.series("loss")["value"])


def test_the_first_interrupt_finishes_the_step(shell, run_cell, capsys):
    result = run_cell(
        "%%track\nimport os, signal"
        + TRAINING.replace("optimizer.zero_grad()", "seen = step\n    optimizer.zero_grad()")
        + "    if step == 2:\n        os.kill(os.getpid(), signal.SIGINT)\n"
    )
    assert isinstance(result.error_in_exec, nbtrack.RunStopped)
    assert newest().status == "stopped"
    # The signal came after step 2; step 3 is finished, step 4 never begun.
    assert shell.user_ns["seen"] == 3
    assert list(newest().series("loss")["step"]) == [0, 1, 2, 3]
    shown = capsys.readouterr()
    assert "run stopped after step 3" in shown.out + shown.err
    assert "Traceback" not in shown.out


def test_the_second_interrupt_is_a_hard_one(run_cell):
    result = run_cell(
        "%%track\nimport os, signal, time"
        + TRAINING
        + "os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(0.05)\n"
        + "os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)\n"
    )
    assert isinstance(result.error_in_exec, KeyboardInterrupt)
    assert newest().status == "interrupted"


def test_an_interrupt_before_any_step_is_a_hard_one(run_cell):
    result = run_cell("%%track\nimport os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\n"
                      "time.sleep(5)")  # fmt: skip
    assert isinstance(result.error_in_exec, KeyboardInterrupt)
    assert newest().status == "interrupted"


def test_the_interrupt_handler_is_given_back(run_cell):
    before = signal.getsignal(signal.SIGINT)
    run_cell("%%track\nimport signal\ninside = signal.getsignal(signal.SIGINT)")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("code", "status"), [("1", "failed"), ("'why'", "failed"), ("", "stopped")]
)
def test_sys_exit_ends_the_run(run_cell, code, status):
    with pytest.warns(UserWarning, match="To exit"):
        result = run_cell(f"%%track\nimport sys\nsys.exit({code})")
    assert isinstance(result.error_in_exec, SystemExit)
    assert newest().status == status


def test_a_run_started_inside_a_tracked_cell_takes_over_until_it_ends(run_cell):
    run_cell(
        "%%track outer\nimport nbtrack\nnbtrack.log(a=1)\n"
        "with nbtrack.start('inner'):\n    nbtrack.log(b=2)\nnbtrack.log(c=3)"
    )
    assert set(nbtrack.get("outer").keys()) >= {"a", "c"}
    assert "b" not in nbtrack.get("outer").keys()
    assert "b" in nbtrack.get("inner").keys()
    assert [nbtrack.get(name).status for name in ("outer", "inner")] == ["done", "done"]


def test_track_called_as_a_function_runs_the_cell(shell):
    shell.run_cell_magic("track", "by-hand", "value = 1")
    assert newest().name == "by-hand"
    assert shell.user_ns["value"] == 1
    with pytest.raises(ZeroDivisionError):
        shell.run_cell_magic("track", "", "1 / 0")


def test_help_is_shown_and_starts_no_run(run_cell, capsys):
    assert run_cell("%%track?").success
    assert "--seed N" in capsys.readouterr().out
    assert len(nbtrack.runs()) == 0


def test_what_a_terminal_shows_is_kept_in_order(run_cell, capsys):
    run_cell(
        "%%track\nimport sys\nfrom IPython.display import display, HTML\n"
        "print('one')\nprint('two', file=sys.stderr)\ndisplay(HTML('<b>three</b>'))\nprint('four')"
    )
    outputs = newest().outputs
    said = [(o.kind, o.data.get("text", o.data.get("text/plain")).strip()) for o in outputs]
    display = ("display", "<IPython.core.display.HTML object>")
    assert said == [("stdout", "one"), ("stderr", "two"), display, ("stdout", "four")]
    times = [o.time_s for o in outputs]
    assert times == sorted(times)
    shown = capsys.readouterr()
    assert shown.out.startswith("one\n<IPython")
    assert "two\n" in shown.err


def test_the_streams_are_given_back_after_the_cell_even_when_it_fails(run_cell):
    before = sys.stdout, sys.stderr
    run_cell("%%track\nprint('x')\n1 / 0")
    assert (sys.stdout, sys.stderr) == before
    # IPython 9 leaves a write of its own on the stream; ours is gone.
    assert getattr(sys.stdout.write, "__module__", None) != "nbtrack.capture.outputs"


def test_output_beyond_the_limit_is_left_out_with_a_note_and_still_shown(run_cell, capsys):
    run_cell("%%track\nfor _ in range(40):\n    print('#' * 100_000)")
    assert capsys.readouterr().out.count("#") == 4_000_000
    outputs = newest().outputs
    assert sum(len(o.data.get("text", "")) for o in outputs if o.kind == "stdout") < 2_000_000
    assert sum(o.kind == "note" for o in outputs) == 1


def test_names_assigned_and_numbers_printed_in_loops_become_series(run_cell):
    run_cell(
        "%%track\nimport math\naccs = []\nfor epoch in range(3):\n    acc = math.sqrt(epoch)\n"
        "    accs.append(acc / 2)\n    print(f'epoch {epoch + 10}: val_loss={acc:.2f}')"
    )
    run = newest()
    assert list(run.series("var/acc")["value"]) == pytest.approx([0, 1, 2**0.5])
    assert list(run.series("var/accs")["value"]) == pytest.approx([0, 0.5, 2**0.5 / 2])
    assert list(run.series("out/val_loss")["step"]) == [10, 11, 12]
    assert "out/epoch" not in run.keys()


def test_watch_narrows_the_names(run_cell):
    run_cell("%%track --watch a\nfor i in range(2):\n    a = abs(i)\n    b = abs(i)")
    assert "var/a" in newest().keys()
    assert "var/b" not in newest().keys()


def test_what_changed_is_said_in_words(run_cell):
    run_cell("%%track\nlr = 0.1\nwidth = 8")
    run_cell("%%track\nlr = 0.01\nwidth = 8")
    run_cell("%%track --seed 1\nlr = 0.01\nwidth = 8\nprint(lr)")
    run_cell("%%track --seed 1\nlr = 0.01\nwidth = 8\nprint(lr)")
    changed = [nbtrack.get(n).changed for n in range(4)]
    assert changed[0] == ("first run",)
    assert changed[1] == ("lr 0.1 → 0.01",)
    assert changed[2] == ("cell 3 edited", "seed None → 1")
    assert changed[3] == ("nothing",)


def test_loading_twice_and_unloading_leave_nothing_behind(shell, run_cell):
    shell.run_line_magic("load_ext", "nbtrack")
    shell.run_line_magic("reload_ext", "nbtrack")
    run_cell("%%track once\nx = 1")
    assert len(nbtrack.runs()) == 1
    shell.run_line_magic("unload_ext", "nbtrack")
    assert shell.ast_transformers == []
    assert not run_cell("%%track\nx = 1").success
    shell.run_line_magic("load_ext", "nbtrack")


def test_threads_and_runs_at_the_same_time_keep_apart(tmp_path):
    def work(n: int) -> None:
        with nbtrack.start(f"thread-{n}") as run:
            for k in range(50):
                nbtrack.log({"k": k * n})
        assert run.status == "done"

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(8):
        assert list(nbtrack.get(f"thread-{n}").series("k")["value"]) == [k * n for k in range(50)]


def test_a_run_survives_its_files_being_read_as_plain_json(run_cell):
    run_cell("%%track plain --param lr=0.1\nx = 1")
    run = newest()
    kept = json.loads((run.path / "run.json").read_text())
    assert (kept["name"], kept["status"], kept["params"]) == ("plain", "done", {"lr": 0.1})


def test_an_unwritable_store_costs_no_training(
    shell, run_cell, tmp_path, monkeypatch, recwarn, capsys
):
    (tmp_path / "in-the-way").write_text("a file")
    monkeypatch.setenv("NBTRACK_DIR", str(tmp_path / "in-the-way" / "store"))
    result = run_cell("%%track unlucky" + TRAINING + "loss.item()")
    assert result.success
    assert result.result == pytest.approx(shell.user_ns["loss"].item())
    said = [str(w.message) for w in recwarn if issubclass(w.category, RuntimeWarning)]
    assert sum("in-the-way" in text for text in said) == 1
    shown = capsys.readouterr()
    assert "unlucky" in shown.out
    assert "incomplete" in shown.out
    assert "points missing" in shown.out
    assert "Error" not in shown.out + shown.err


LOADER = """
import torch
from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.arange(12.0)[:, None], torch.arange(12))
w = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for x, y in DataLoader(data, batch_size=4, shuffle=True):
    optimizer.zero_grad()
    (w * x).sum().backward()
    optimizer.step()
"""
BY_HAND = """
import torch
x = torch.arange(12.0)[:, None]
w = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for batch in torch.randperm(12).split(4):
    optimizer.zero_grad()
    (w * x[batch]).sum().backward()
    optimizer.step()
"""


@pytest.mark.parametrize("training", [LOADER, BY_HAND], ids=["loader", "by hand"])
def test_the_order_of_the_samples_is_kept(run_cell, training):
    for seed in (0, 0, 1):
        assert run_cell(f"%%track --seed {seed}{training}").success
    orders = [nbtrack.get(n).replay["order"] for n in range(3)]
    assert [order["num_samples"] for order in orders] == [12, 12, 12]
    assert orders[0]["num_batches"] == 3
    assert orders[0] == orders[1]
    assert orders[0]["digest"] != orders[2]["digest"]


def test_a_password_in_a_cell_that_is_kept_is_warned_of_and_never_shown(run_cell):
    run_cell("api_key = 'sk-abcdef0123456789abcdef0123456789'")
    run_cell("n = 3")
    with pytest.warns(RuntimeWarning, match="api_key") as told:
        run_cell("%%track\nx = api_key")
    assert all("abcdef0123456789" not in str(each.message) for each in told)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_cell("%%track\nx = n").success  # a slice with nothing of the kind
    assert nbtrack.get(-1).status == "done"


def test_the_data_behind_a_loader_and_the_files_of_a_data_set_are_kept(run_cell, tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(name)
    run_cell(
        """
        import torch
        from torch.utils.data import DataLoader, Dataset, TensorDataset
        class Texts(Dataset):
            def __init__(self): self.paths = ["a.txt", "b.txt"]
            def __len__(self): return 2
            def __getitem__(self, i): return open(self.paths[i]).read()
        loader = DataLoader(TensorDataset(torch.ones(4, 2)), batch_size=2)
        texts = DataLoader(Texts(), num_workers=1)
        """
    )
    assert run_cell("%%track\nfor t in texts:\n    pass\nfor b in loader:\n    pass").success
    replay = newest().replay
    assert replay["data"]["loader"]["num_rows"] == 4
    assert [file["path"] for file in replay["files"]] == [
        str(tmp_path / "a.txt"), str(tmp_path / "b.txt"),
    ]  # fmt: skip
    assert all(file["kept"] == file["digest"] for file in replay["files"])
