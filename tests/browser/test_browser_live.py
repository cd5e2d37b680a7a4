"""The live view in a real JupyterLab and Notebook 7."""

import re
from urllib.parse import unquote

import pytest

pytestmark = pytest.mark.browser

SETUP = """\
%load_ext nbtrack
import time
import torch

def train(steps, pause_s=0.02):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        x = torch.randn(32, 8)
        loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 20 == 19:
            with torch.no_grad():
                x = torch.randn(256, 8)
                val_loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean().item()
            print(f"step {step}: val_loss={val_loss:.4f}")
        time.sleep(pause_s)
"""
LONG = "%%track resnet-tiny --seed 0 --tag baseline\ntrain(3000)"
SHORT = "%%track digits\ntrain(60)"
POINTS = "() => +(document.querySelector('.nbt')?.dataset.nbtN ?? 0)"


def wait_points(book, n):
    """Until the view has drawn more than `n` points; returns how many."""
    book.page.wait_for_function(f"n => ({POINTS})() > n", arg=n)
    return book.page.evaluate(POINTS)


def test_points_grow_while_the_cell_runs_and_both_themes_are_drawn(notebook, artifacts):
    book = notebook(SETUP, LONG)
    book.run(0)
    book.run(1, wait=False)
    view = book.page.locator(".nbt")
    first = wait_points(book, 0)
    assert wait_points(book, first) > first
    assert view.get_attribute("data-nbt-status") == "running"
    wait_points(book, 1200)
    for panel in ("loss", "grad_norm", "weight_norm", "update_ratio", "lr", "throughput"):
        book.page.wait_for_selector(f'[data-nbt-panel="{panel}"] canvas')
    colours = []
    for name in ("Light", "Dark"):
        book.theme(f"JupyterLab {name}")
        book.page.wait_for_selector(f'.nbt[data-nbt-theme="{name.lower()}"]')
        colours.append(view.evaluate("el => getComputedStyle(el).color"))
        wait_points(book, book.page.evaluate(POINTS))
        view.screenshot(path=artifacts / f"live-{name.lower()}-1040.png")
    assert colours[0] != colours[1]
    book.theme("JupyterLab Light")
    book.page.set_viewport_size({"width": 880, "height": 1400})
    wait_points(book, book.page.evaluate(POINTS))
    view.screenshot(path=artifacts / "live-light-760.png")
    view.get_by_role("button", name="Stop").click()
    book.wait_idle()


def test_the_stop_button_is_acknowledged_and_ends_the_run_after_a_step(notebook):
    book = notebook(SETUP, LONG, "import nbtrack; r = nbtrack.get(); print(r.status, r.steps)")
    book.run(0)
    book.run(1, wait=False)
    wait_points(book, 10)
    book.page.locator(".nbt").get_by_role("button", name="Stop").click()
    book.wait_idle()
    book.run(2)
    status, steps = book.text(2).split()
    assert status == "stopped"
    assert 0 < int(steps) < 3000


def test_zoom_smoothing_scale_and_hiding_work_while_the_kernel_is_busy(notebook, artifacts):
    book = notebook(SETUP, LONG)
    book.run(0)
    book.run(1, wait=False)
    page, view = book.page, book.page.locator(".nbt")
    wait_points(book, 600)
    plot = view.locator(".loss .u-over").bounding_box()
    page.mouse.move(plot["x"] + plot["width"] * 0.3, plot["y"] + 60)
    view.get_by_text("here", exact=True).wait_for()
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] * 0.6, plot["y"] + 60, steps=5)
    page.mouse.up()
    page.wait_for_selector('.nbt[data-nbt-zoomed="true"]')
    ranges = page.evaluate(
        "() => [...document.querySelectorAll('.nbt .plot')].filter(p => p.nbtPlot)"
        ".map(p => p.nbtPlot.scales.x.min)"
    )
    assert len(ranges) >= 5
    assert len({round(r, 6) for r in ranges}) == 1  # all panels together
    view.screenshot(path=artifacts / "live-zoomed-1040.png")
    view.get_by_role("button", name="Fit").click()
    page.wait_for_selector('.nbt[data-nbt-zoomed="false"]')
    view.get_by_role("button", name="log", exact=True).click()
    view.get_by_role("button", name="time", exact=True).click()
    view.get_by_role("slider").fill("0.5")
    view.get_by_role("button", name="train").click()
    assert view.get_by_role("button", name="train").get_attribute("aria-pressed") == "false"
    wait_points(book, page.evaluate(POINTS))  # and it goes on
    view.get_by_role("button", name="Stop").click()
    book.wait_idle()


def test_a_second_view_that_opens_mid_run_is_filled(notebook):
    book = notebook(SETUP, LONG)
    book.run(0)
    book.run(1, wait=False)
    wait_points(book, 400)
    book.page.evaluate("() => { window.before = document.querySelectorAll('.nbt').length; }")
    book.command("notebook:create-output-view")
    book.page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('.nbt')];"
        " return all.length === 2 && all.every(v => +v.dataset.nbtN > 400); }"
    )
    book.page.locator(".nbt").first.get_by_role("button", name="Stop").click()
    book.wait_idle()


def picture_of(book):
    """The SVG that the page shows in place of the view."""
    picture = book.page.locator('.jp-OutputArea img[src^="data:image/svg+xml"]').first
    picture.wait_for()
    return unquote(picture.get_attribute("src"))


def test_the_saved_notebook_keeps_a_picture_and_shows_it_when_opened_again(notebook, artifacts):
    name = "kept.ipynb"
    book = notebook(SETUP, SHORT, "%runs", name=name)
    book.run(0)
    book.run(1)
    book.run(2)
    saved = book.save()
    bundle = saved.cells[1].outputs[0].data
    assert set(bundle) == {"image/svg+xml", "image/png", "text/plain"}
    assert "widgets" not in saved.metadata or not saved.metadata["widgets"]
    assert "digits" in bundle["text/plain"]
    assert saved.cells[2].outputs[0].data["text/plain"].startswith("run ")
    book.close()
    again = notebook(name=name)  # another page, another kernel, nothing run
    assert ">Loss<" in picture_of(again)
    assert again.page.get_by_text(re.compile("Error displaying widget|Loading widget")).count() == 0
    for theme in ("Dark", "Light"):
        again.theme(f"JupyterLab {theme}")
        again.page.screenshot(path=artifacts / f"saved-{theme.lower()}.png")


def test_a_key_that_is_markup_is_text(notebook):
    evil = "<img src=x onerror=alert(1)>"
    cell = (
        f'%%track "{{name}}"\nkey = "{evil}"\n'
        "import nbtrack\n"
        "for step in range(100):\n"
        "    nbtrack.log({key: 1.0 / (step + 1), 'loss': 0.5, 'val/loss ' + key: 0.6})\n"
        "    time.sleep(0.05)"
    )
    book = notebook(SETUP + f'\nname = "{evil}"', cell)
    book.run(0)
    book.run(1, wait=False)
    wait_points(book, 20)
    assert "onerror" in book.page.locator(".nbt").inner_text()
    assert book.page.locator(".nbt img").count() == 0
    book.wait_idle()
    assert "&lt;img src=x onerror" in picture_of(book)
    assert book.page.locator(".jp-OutputArea img[src=x]").count() == 0


def test_notebook_7_shows_the_same(notebook, artifacts):
    book = notebook(SETUP, LONG, app="notebook")
    book.run(0)
    book.run(1, wait=False)
    view = book.page.locator(".nbt")
    first = wait_points(book, 0)
    wait_points(book, first + 200)
    view.screenshot(path=artifacts / "live-notebook7.png")
    view.get_by_role("button", name="Stop").click()
    book.wait_idle()
    bundle = book.save().cells[1].outputs[0].data
    assert set(bundle) == {"image/svg+xml", "image/png", "text/plain"}


# A run that goes on in a thread, so that the kernel hears the page: 20,000 steps, then slowly.
THREAD = """\
import math, shutil, threading
from nbtrack.records import Finding
from nbtrack.store.findings import write_findings

LAYERS = ["stem.conv", "block1.conv", "block2.conv", "block3.conv", "head.fc"]
rate = {"lr": 0.01}

def points(step):
    noise = math.sin(step * 12.9898) * 0.1
    values = {"loss": 2.0 / (1 + step / 3000) + noise * 0.3, "lr/group0": rate["lr"]}
    values["<img src=x onerror=alert(1)>"] = noise
    if step == 7000:
        values["loss"] = float("nan")
    if step % 2500 == 0:
        values["mark/epoch"] = step / 2500
    if step % 20 == 0:
        values["val/loss"] = 2.1 / (1 + step / 3000) + 0.02
        for j, layer in enumerate(LAYERS):
            dead = 1e-4 if layer == "block2.conv" and step > 8000 else 1.0
            values[f"grad_norm/{layer}.weight"] = 0.1 * (1 + j / 5) * dead * (1 + noise)
            values[f"weight_norm/{layer}.weight"] = 3.0 + j
        values["grad_norm/total"] = 0.4 + noise
        values["weight_norm/total"] = 12.0
    return values

def write(run, pause_s):
    for step in range(100_000):
        if over.is_set():
            break
        run.log(points(step), step=step)
        if step > 20_000:
            time.sleep(pause_s)
    with contextlib.suppress(Exception):
        run.finish()

import contextlib, nbtrack
over = threading.Event()
run = nbtrack.start("resnet-tiny", tags=["baseline"])
thread = threading.Thread(target=write, args=(run, 0.05), daemon=True)
thread.start()
while len(run.series("loss")) < 20_000:
    time.sleep(0.1)
write_findings(nbtrack.get(run.id).path, [
    Finding(code="dying_relu", severity="warning", origin="model", title="Dying ReLU in block2",
            sentence="91 % of its units are zero for every sample.", advice="warm up slowly",
            first_step=8000, keys=("grad_norm/block2.conv.weight",), module="block2.conv",
            code_to_try="model.block2.act = torch.nn.LeakyReLU()"),
    Finding(code="lr_high", severity="warning", origin="optimizer", title="High learning rate",
            sentence="The update ratio is 0.3.", advice="divide it by ten", first_step=40),
])
"""
VIEW = """\
def on_lr(value, group):
    rate["lr"] = value

nbtrack.live(nbtrack.get(run.id), on_lr=on_lr)"""


def test_a_person_reads_zooms_saves_and_steers(notebook, artifacts):
    erase = "shutil.rmtree(nbtrack.get(run.id).path, ignore_errors=True)"
    book = notebook(SETUP, THREAD, VIEW, erase, "over.set(); thread.join()")
    for i in range(3):
        book.run(i)
    page, view = book.page, book.page.locator(".nbt").first
    wait_points(book, 20_000)
    view.locator('[data-nbt-panel="heat"] canvas').wait_for()
    note = view.locator(".find")
    note.get_by_text("Dying ReLU in block2 since step 8,000").wait_for()
    # what came when: the list takes the cursor there
    events = view.get_by_role("button", name=re.compile("Dying ReLU"))
    events.first.click()
    view.get_by_text("here", exact=True).wait_for()
    assert view.locator(".read thead").inner_text().startswith("step 8,0")
    for theme in ("Light", "Dark"):
        book.theme(f"JupyterLab {theme}")
        page.wait_for_selector(f'.nbt[data-nbt-theme="{theme.lower()}"]')
        note.get_by_role("button", name="Show me").click()
        page.wait_for_timeout(300)
        view.screenshot(path=artifacts / f"live-finding-{theme.lower()}.png")
    book.theme("JupyterLab Light")
    note.get_by_role("button", name="Try this").click()
    assert "LeakyReLU" in note.locator("pre").inner_text()
    note.get_by_role("button", name="It is intended").click()
    assert note.locator("pre").inner_text() == "# nbtrack: ok dying_relu"
    note.get_by_role("button", name="It is intended").click()
    # a layer in place of all
    view.get_by_role("button", name="block2.conv", exact=True).click()
    view.locator('[data-nbt-panel="grad_norm"] h3', has_text="block2.conv").wait_for()
    view.get_by_role("button", name="block2.conv", exact=True).click()
    view.locator('[data-nbt-panel="grad_norm"] h3', has_text="Gradient norm").wait_for()
    # zoom: finer points than were held
    view.locator(".loss").scroll_into_view_if_needed()
    plot = view.locator(".loss .u-over").bounding_box()
    page.mouse.move(plot["x"] + plot["width"] * 0.40, plot["y"] + 60)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] * 0.42, plot["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_selector(".nbt[data-nbt-finer]")
    page.wait_for_function(  # each of about 400 steps, of 20,000 thinned to 2,000
        "() => { const u = document.querySelector('.loss .plot').nbtPlot, s = u.scales.x;"
        " return u.data[0].filter(x => x >= s.min && x <= s.max).length > 300; }"
    )
    view.screenshot(path=artifacts / "live-finer.png")
    view.locator(".loss .plot").focus()
    page.keyboard.press("Escape")
    page.wait_for_selector('.nbt[data-nbt-zoomed="false"]')
    # epochs, a table, files
    view.get_by_role("button", name="epoch", exact=True).click()
    more = view.get_by_role("button", name="More for Loss")
    more.click()
    view.get_by_role("menuitemcheckbox", name="Table of values").click()
    assert view.locator(".values tbody tr").count() > 50
    view.get_by_role("button", name="Close table").click()
    for item, begin in (("CSV", b"key,step,time_s"), ("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        more.click()
        with page.expect_download() as download:
            view.get_by_role("menuitem", name=f"Download {item}").click()
        path = artifacts / f"download.{item.lower()}"
        download.value.save_as(path)
        assert path.read_bytes().startswith(begin)
    # the learning rate
    field = view.get_by_role("textbox", name="Learning rate")
    field.fill("nonsense")
    view.get_by_role("button", name="Apply").click()
    view.get_by_text("a number above 0").wait_for()
    field.fill("0.002")
    view.get_by_role("button", name="Apply").click()
    page.wait_for_selector('.nbt[data-nbt-ack="lr"]')
    view.locator('[data-nbt-panel="lr"] b', has_text="0.002").wait_for()
    # run again: the choices are there, the zoom is not
    view.get_by_role("button", name="train").click()
    book.run(2)
    again = page.locator(".nbt").first
    page.wait_for_function(f"() => ({POINTS})() > 20000")
    again.get_by_role("button", name="epoch", exact=True).wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.nbt .seg button')]"
        ".find(b => b.textContent === 'epoch')?.getAttribute('aria-pressed') === 'true'"
    )
    assert again.get_by_role("button", name="train").get_attribute("aria-pressed") == "false"
    page.set_viewport_size({"width": 880, "height": 1500})
    page.wait_for_timeout(300)
    again.screenshot(path=artifacts / "live-finding-760.png")
    assert page.locator(".nbt img").count() == 0
    # deleted while viewed: the picture stays
    book.run(3)
    page.wait_for_selector(".nbt.erased")
    again.screenshot(path=artifacts / "live-erased.png")
    book.run(4)
