"""The interactive table of runs in a real JupyterLab."""

import re

import pytest

pytestmark = pytest.mark.browser

SETUP = """\
%load_ext nbtrack
import nbtrack, os, shutil, tempfile, time
os.environ["NBTRACK_DIR"] = tempfile.mkdtemp()
from nbtrack.records import RunInfo
from nbtrack.store.runfile import write_info
store = nbtrack.Store()
EVIL = "<img src=x onerror=alert(1)>"
for i in range(2000):
    folder = store.run_folder(f"a{i:05d}")
    folder.mkdir(parents=True)
    last = 1 / (i + 1)
    one = {"first": 1.0, "last": last, "min": last, "max": 1.0, "count": 9.0, "last_step": 8.0}
    write_info(folder, RunInfo(
        id=f"a{i:05d}", name=EVIL if i == 1999 else f"net-{i // 500}", started_s=1e9 + i,
        ended_s=1e9 + i + 60, status="failed" if i % 7 == 0 else "done",
        params={"lr": 0.1 / (1 + i % 5)},
        tags=("baseline",) if i % 2 else (), changed=("lr 0.1 → 0.05",), steps=100 + i % 50,
        summary={"loss": one, "val/accuracy": {**one, "last": 1 - last}}))
"""


def test_the_table_filters_sorts_edits_and_deletes(notebook, artifacts):
    book = notebook(
        SETUP, "%runs", "print(nbtrack.runs('tag:best').index.tolist(), len(store.runs.ids()))"
    )
    book.run(0)
    book.run(1)
    page, view = book.page, book.page.locator(".nbt.runs")
    page.wait_for_selector('.nbt.runs[data-nbt-total="2000"]')
    assert view.locator("img").count() == 0
    view.get_by_text("<img src=x onerror=alert(1)>").first.wait_for()
    view.screenshot(path=artifacts / "runs-light.png")
    field = view.get_by_label("Which runs")
    field.fill("net-1 and lr < 0.03")
    page.wait_for_selector('.nbt.runs[data-nbt-total="200"]')
    field.fill("lr < 0.03 and stats = done")
    view.locator(".q-wrong u", has_text="stats").wait_for()
    view.screenshot(path=artifacts / "runs-wrong.png")
    field.fill("")
    page.wait_for_selector('.nbt.runs[data-nbt-total="2000"]')
    view.locator('.g-head [data-column="loss"]').click()
    view.locator('.g-row[data-index="0"][data-key="a00000"]').wait_for()
    view.locator(".g-scroll").focus()
    page.keyboard.press("Control+End")
    view.locator('.g-row[data-index="1999"][data-key="a01999"]').wait_for()
    view.locator('[data-key="a01999"] [data-column="tags"]').dblclick()
    page.keyboard.type(", best")
    page.keyboard.press("Enter")
    page.wait_for_selector('.nbt.runs[data-nbt-edited="a01999"]')
    view.locator('[data-key="a01998"] .g-check').click()
    view.get_by_role("button", name="Delete …").click()
    view.get_by_role("button", name="Delete 1 run").click()
    page.wait_for_selector('.nbt.runs[data-nbt-total="1999"]')
    book.theme("JupyterLab Dark")
    page.wait_for_selector('.nbt.runs[data-nbt-theme="dark"]')
    view.screenshot(path=artifacts / "runs-dark.png")
    book.run(2)
    assert book.text(2).strip() == "['a01999'] 1999"
    bundle = book.save().cells[1].outputs[0].data
    assert set(bundle) == {"text/html", "text/plain"}
    assert re.search("data-nbt-slot", bundle["text/html"])
