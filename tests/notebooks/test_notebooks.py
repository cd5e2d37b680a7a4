"""The notebooks are documentation that runs: each from top to bottom, in a kernel of its own."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

MAX_TIME_S = 120
MAX_FILE_MB = 1.5
# Where a person's files lie: a kept output must read the same on every machine.
LOCAL_PATH = re.compile(
    r"(?<![\w.])/(home|Users|root|tmp|work|var|opt|mnt|private)/[\w.~-]|\b[A-Za-z]:\\\\?\w"
)
# Code hosts show HTML rather than a PNG of the same output, and take SVG and styles out of it.
SVG = re.compile(r"<(svg|style)\b.*?</\1>", re.DOTALL)
PNG = b"\x89PNG\r\n\x1a\n"


def outputs(notebook: nbformat.NotebookNode) -> Iterator[tuple[str, nbformat.NotebookNode]]:
    """Every output, with the place where it is, in words."""
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            yield f"cell {number} ({cell.source.splitlines()[0]!r})", output


def errors(notebook: nbformat.NotebookNode) -> list[str]:
    return [
        f"{where}: {output.ename}: {output.evalue}"
        for where, output in outputs(notebook)
        if output.output_type == "error"
    ]


def text_of(html: str) -> str:
    """What is left to read of HTML without its SVG, styles and tags."""
    return re.sub(r"<[^>]*>", "", SVG.sub("", html)).strip()


def faults_of_kept_outputs(notebook: nbformat.NotebookNode) -> list[str]:
    """What would read badly on a page that runs nothing, such as a code host's."""
    faults = errors(notebook)
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
            faults.append(f"cell {number}: never run")
    for where, output in outputs(notebook):
        data: dict[str, Any] = output.get("data", {})
        text = output.get("text", "") + json.dumps(
            {mime: part for mime, part in data.items() if mime != "image/png"}
        )
        if found := LOCAL_PATH.search(text):
            faults.append(f"{where}: a path of one machine: {found.group()!r}")
        if any("jupyter.widget" in mime for mime in data):
            faults.append(f"{where}: a widget, which nobody can draw without its kernel")
        if "image/svg+xml" in data and "image/png" not in data:
            faults.append(f"{where}: SVG without a PNG beside it")
        if SVG.search(html := data.get("text/html", "")) and not text_of(html):
            faults.append(
                f"{where}: HTML that is empty once its SVG is removed: keep the PNG alone"
            )
        png = data.get("image/png")
        if png is not None and not base64.b64decode(png).startswith(PNG):
            faults.append(f"{where}: image/png holds something else")
    if "widgets" in notebook.metadata:
        faults.append("metadata: widget state, megabytes that nobody can draw")
    return faults


# ---- the notebooks ------------------------------------------------------------------------------


def test_there_is_a_notebook_to_run() -> None:
    assert "01_quickstart.ipynb" in {path.name for path in NOTEBOOKS}


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    client = NotebookClient(
        notebook,
        timeout=MAX_TIME_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    started_s = time.perf_counter()
    client.execute()  # raises where a cell raises
    assert time.perf_counter() - started_s < MAX_TIME_S
    assert errors(notebook) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_reads_well_without_being_run(path: Path) -> None:
    assert faults_of_kept_outputs(nbformat.read(path, as_version=4)) == []
    assert path.stat().st_size < MAX_FILE_MB * 1e6


# ---- the opposite: what must be found -----------------------------------------------------------

NODE = nbformat.v4
A_PNG = base64.b64encode(PNG + b"...").decode()


def with_output(output: nbformat.NotebookNode, **cell: Any) -> nbformat.NotebookNode:
    cell = {"execution_count": 1, "outputs": [output], **cell}
    return NODE.new_notebook(cells=[NODE.new_code_cell("show()", **cell)])


def display(**data: str) -> nbformat.NotebookNode:
    named = {name.replace("__", "/"): part for name, part in data.items()}
    return NODE.new_output("display_data", data=named)


@pytest.mark.parametrize(
    ("notebook", "fault"),
    [
        (with_output(NODE.new_output("stream", text="in /home/ada/runs\n")), "'/home/a'"),
        (with_output(display(text__html="<b>C:\\Users\\ada</b>")), "a path of one machine"),
        (with_output(display(**{"image__svg+xml": "<svg></svg>"})), "SVG without a PNG"),
        (
            with_output(display(text__html="<div><svg>a</svg></div>", image__png=A_PNG)),
            "empty once its SVG is removed",
        ),
        (with_output(display(image__png="bm8=")), "something else"),
        (with_output(NODE.new_output("error", ename="E", evalue="no", traceback=[])), "E: no"),
        (with_output(display(), execution_count=None), "cell 0: never run"),
    ],
)
def test_an_output_that_reads_badly_is_found(notebook: nbformat.NotebookNode, fault: str) -> None:
    assert fault in "\n".join(faults_of_kept_outputs(notebook))


def test_a_widget_is_found() -> None:
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    notebook = with_output(NODE.new_output("display_data", data=view))
    notebook.metadata["widgets"] = {"state": {}}
    found = "\n".join(faults_of_kept_outputs(notebook))
    assert "nobody can draw without its kernel" in found
    assert "widget state" in found


def test_outputs_that_read_well_are_left_alone() -> None:
    table = display(text__html="<svg></svg><td>3/4 of .nbtrack/runs</td>")
    picture = display(image__png=A_PNG, text__plain="loss 0.1")
    assert faults_of_kept_outputs(with_output(table)) == []
    assert faults_of_kept_outputs(with_output(picture)) == []
