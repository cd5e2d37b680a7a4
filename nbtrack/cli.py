"""The command line. Thin: every verb is a function of the library."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nbtrack.capture.parameters.typed_pair import typed_pair
from nbtrack.errors import NbtrackError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``nbtrack``; those of the process without it.

    Returns
    -------
    int
        0; 1 when the command could not do its work, with one line on stderr that says why.
    """
    parser = argparse.ArgumentParser(
        prog="nbtrack", description="Experiment tracking and debugging, native to Jupyter."
    )
    parser.add_argument("--version", action="version", version=f"nbtrack {version('nbtrack')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="train a real model through %%track and show its runs")
    demo.add_argument("--dir", type=Path, default=Path("nbtrack-demo"), help="where to put it")
    demo.add_argument("--no-lab", action="store_true", help="do not open JupyterLab at the end")
    demo.set_defaults(do=_demo)

    ls = commands.add_parser("ls", help="list runs, newest first")
    ls.add_argument("query", nargs="*", help='as in: nbtrack ls "lr < 0.01 and tag:baseline"')
    ls.add_argument("--store", type=Path, help="the store's folder")
    ls.add_argument("--reindex", action="store_true", help="rebuild the index from the files")
    ls.set_defaults(do=_ls)

    show = commands.add_parser("show", help="show one run")
    show.add_argument("run", nargs="?", default="-1", help="id, prefix, name or position (-1)")
    show.add_argument("--store", type=Path, help="the store's folder")
    show.set_defaults(do=_show)

    doctor = commands.add_parser("diagnose", help="say what is probably wrong with a training")
    doctor.add_argument("run", nargs="?", default="-1", help="id, prefix, name or position (-1)")
    doctor.add_argument("--store", type=Path, help="the store's folder")
    doctor.set_defaults(do=_diagnose)

    again = commands.add_parser("reproduce", help="run a run again in a fresh kernel, and compare")
    again.add_argument(
        "run", help="id, prefix, name, position (-1), or a file of `export --bundle`"
    )
    again.add_argument("--steps", type=int, metavar="N", help="only the first N optimizer steps")
    again.add_argument(
        *("--with", "-w"), dest="changes", metavar="K=V",
        type=typed_pair, action="append", default=[],
        help="change one parameter, as in --with lr=0.01; may be repeated",
    )  # fmt: skip
    again.add_argument("--env", action="store_true", help="first make a venv from the lock file")
    again.add_argument("--folder", type=Path, help="where to put notebook, script and data")
    again.add_argument("--store", type=Path, help="the store's folder")
    again.set_defaults(do=_reproduce)

    diff = commands.add_parser("diff", help="what differs between two runs")
    diff.add_argument("a", help="id, prefix, name or position")
    diff.add_argument("b", nargs="?", default="-1", help="the newest without it")
    diff.add_argument("--store", type=Path, help="the store's folder")
    diff.set_defaults(do=_diff)

    export = commands.add_parser("export", help="write a run as one file for somebody else")
    export.add_argument("run", help="id, prefix, name or position (-1)")
    export.add_argument(
        "--bundle", action="store_true", required=True,
        help="with code, data, random states and weights: `nbtrack reproduce FILE` runs it",
    )  # fmt: skip
    export.add_argument("--to", type=Path, metavar="FILE", help="RUN.nbtrack.zip without it")
    export.add_argument("--store", type=Path, help="the store's folder")
    export.set_defaults(do=_export)

    push = commands.add_parser("push", help="copy runs to a folder, bucket or machine")
    push.add_argument("runs", nargs="*", metavar="RUN", help="all runs without any")
    push.add_argument("url", metavar="URL", help="as in s3://bucket/path or file:///mnt/team")
    push.add_argument("--store", type=Path, help="the store's folder")
    push.set_defaults(do=_push)

    pull = commands.add_parser("pull", help="copy runs that were pushed into this store")
    pull.add_argument("url", metavar="URL", help="where they were pushed to")
    pull.add_argument("runs", nargs="*", metavar="RUN", help="ids; all runs without any")
    pull.add_argument("--store", type=Path, help="the store's folder")
    pull.set_defaults(do=_pull)

    options = parser.parse_args(argv)
    try:
        return options.do(options) or 0
    except NbtrackError as error:
        print(f"nbtrack: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # nbtrack ls | head
        return 0


DEMO_CELLS = (
    """# nbtrack in two minutes

A classifier for handwritten digits, trained three times. Only the first line of each training
cell is nbtrack's: `%%track`. Change a number, run the cell again, and look at `%runs`.""",
    "%load_ext nbtrack",
    """import torch
from sklearn.datasets import load_digits
from torch import nn

digits = load_digits()
images = torch.tensor(digits.data, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
train, val = order[:1437], order[1437:]""",
    """def fit(lr, epochs=6, batch_size=32):
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for epoch in range(epochs):
        for batch in train[torch.randperm(len(train))].split(batch_size):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            val_acc = (model(images[val]).argmax(1) == labels[val]).float().mean().item()
        print(f"epoch {epoch}: val_acc={val_acc:.3f}")
    return model""",
    "%%track digits --seed 0\nmodel = fit(lr=0.005)",
    "%%track digits --seed 0\nmodel = fit(lr=0.05)",
    "%%track digits --seed 0\nmodel = fit(lr=3.0)",
    "%runs",
)


def _demo(options: argparse.Namespace) -> None:
    from nbtrack.store import Store
    from nbtrack.views import RunsTable

    folder: Path = options.dir
    notebook = _run_demo(folder)
    print(RunsTable(Store(folder / ".nbtrack"), None))
    print(f"\nThe notebook, with its pictures: {notebook}")
    if options.no_lab or not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(f"Open it with: jupyter lab {notebook}")
    else:  # a person is there
        subprocess.run([sys.executable, "-m", "jupyter", "lab", str(notebook)], check=False)


def _run_demo(folder: Path) -> Path:
    """Write the demo's notebook and run it, cell by cell, in a real kernel of this Python."""
    import nbformat
    from jupyter_client.manager import KernelManager
    from nbclient import NotebookClient

    new = nbformat.v4
    text, *code = DEMO_CELLS
    book = new.new_notebook(
        cells=[new.new_markdown_cell(text), *(new.new_code_cell(cell) for cell in code)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    folder.mkdir(parents=True, exist_ok=True)
    manager = KernelManager(kernel_name="python3")
    # This very Python, whatever kernels the machine has under that name.
    if manager.kernel_spec is not None:
        manager.kernel_spec.argv = [
            *(sys.executable, "-m", "ipykernel_launcher", "--log-level=ERROR"),
            *("-f", "{connection_file}"),
        ]
    client = NotebookClient(
        book,
        km=manager,
        timeout=600,
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
        on_cell_start=_say_cell,
    )
    # The demo's runs stay with the demo, whatever store the person uses otherwise.
    client.execute(env={**os.environ, "NBTRACK_DIR": str((folder / ".nbtrack").resolve())})
    path = folder / "demo.ipynb"
    nbformat.write(book, path)
    return path


def _say_cell(cell: Mapping[str, Any], cell_index: int) -> None:
    if cell["cell_type"] == "code":
        print(f"In [{cell_index}]: " + cell["source"].splitlines()[0], flush=True)


def _ls(options: argparse.Namespace) -> None:
    from nbtrack.store import Store
    from nbtrack.views import RunsTable

    store = Store(options.store)
    if options.reindex:
        store.runs.reindex()
    print(RunsTable(store, " ".join(options.query) or None))


def _show(options: argparse.Namespace) -> None:
    from nbtrack.versioning.kept_store import Store
    from nbtrack.versioning.telling import tell_run
    from nbtrack.views import summary_line

    run = Store(options.store).get(_which(options.run))
    print(summary_line(run))
    print(tell_run(run, has_colour=sys.stdout.isatty()))


def _diagnose(options: argparse.Namespace) -> None:
    from nbtrack.doctor import diagnose
    from nbtrack.store import Store

    print(diagnose(Store(options.store).get(_which(options.run))))


def _reproduce(options: argparse.Namespace) -> int:
    from nbtrack.versioning.repeating.reproduce import reproduce

    found = reproduce(
        options.run if Path(options.run).is_file() else _which(options.run),
        steps=options.steps,
        changes=dict(options.changes),
        env=options.env,
        folder=options.folder,
        store=options.store,
    )
    print(found)
    return 0 if found.verdict in ("identical", "close") else 1


def _diff(options: argparse.Namespace) -> None:
    from nbtrack.versioning.between import diff

    print(diff(_which(options.a), _which(options.b), store=options.store))


def _export(options: argparse.Namespace) -> None:
    from nbtrack.store import Store
    from nbtrack.versioning.bundle import export_bundle

    print(export_bundle(Store(options.store).get(_which(options.run)), options.to))


def _push(options: argparse.Namespace) -> None:
    from nbtrack.store import Store

    runs = [_which(run) for run in options.runs]
    print(Store(options.store).push(options.url, *runs, say=_say_line))


def _pull(options: argparse.Namespace) -> None:
    from nbtrack.store import Store

    print(Store(options.store).pull(options.url, *options.runs, say=_say_line))


def _say_line(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _which(text: str) -> str | int:
    """A run as typed: a position is a number."""
    return int(text) if text.lstrip("-").isdigit() else text


if __name__ == "__main__":
    sys.exit(main())
