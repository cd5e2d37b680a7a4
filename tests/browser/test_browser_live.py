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
