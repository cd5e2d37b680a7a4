"""A lost result is got back by its id, in a real JupyterLab."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

SETUP = """\
%load_ext nbtrack
import nbtrack
import torch
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)"""
TRAINING = """\
%%track good --no-live
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(10):
    for batch in torch.randperm(64).split(16):
        loss = ((model(x[batch]) - y[batch]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()"""


def test_a_run_is_reproduced_and_changed_and_the_pages_are_drawn(notebook, artifacts):
    book = notebook(
        SETUP,
        TRAINING,
        "x = torch.zeros(1)  # the data is lost",
        "%reproduce good",
        "%reproduce good --with lr=0.1",
        "nbtrack.diff('good', -1)",
        "%runs --no-widget",
    )
    for number in range(7):
        book.run(number)
    page = book.page
    identical = page.locator(".jp-OutputArea-output", has_text="Identical.").last
    identical.wait_for()
    different = page.locator(".jp-OutputArea-output", has_text="Different from step 0").last
    different.wait_for()
    assert "lr is 0.1 now" in different.inner_text()
    assert "again:" in book.text(6)
    for name in ("Light", "Dark"):
        book.theme(f"JupyterLab {name}")
        for picture, area in (("identical", identical), ("different", different)):
            area.scroll_into_view_if_needed()
            area.screenshot(path=artifacts / f"reproduce-{picture}-{name.lower()}.png")
    diff = page.locator(".jp-OutputArea-output", has_text="1 parameter").last
    diff.scroll_into_view_if_needed()
    diff.screenshot(path=artifacts / "diff-dark.png")
    table = page.locator(".nbt-runs").last
    table.scroll_into_view_if_needed()
    table.screenshot(path=artifacts / "runs-again-dark.png")


def test_a_needed_cell_that_was_edited_since_is_told_by_the_badge(notebook, artifacts):
    book = notebook(
        "%load_ext nbtrack\nimport torch", "scale = 2.0", TRAINING_WITH_SCALE, "%runs --no-widget"
    )
    for number in (0, 1, 2):
        book.run(number)
    book.page.locator(".jp-CodeCell .cm-content").nth(1).click()
    book.page.keyboard.press("Control+A")
    book.page.keyboard.type("scale = 3.0")
    book.save()
    book.run(2)  # the cell again, with the scale that was executed, not the one on the page
    book.run(3)
    table = book.page.locator(".nbt-runs").last
    table.get_by_text("hidden state").first.wait_for()
    table.screenshot(path=artifacts / "runs-hidden-light.png")


TRAINING_WITH_SCALE = """\
%%track scaled --no-live
w = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for step in range(5):
    loss = ((w - scale) ** 2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()"""
