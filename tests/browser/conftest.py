"""One Jupyter server and one browser for all tests here; a page and a kernel for each."""

import os
import signal
import sys
from pathlib import Path

import pytest
from jupyter_driver import Notebook, Server, find_chromium

TIMEOUT_MS = 90_000  # for a loaded machine
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    "--disable-dev-shm-usage",  # /dev/shm is 64 MB in most containers: tabs crash without this
    # timers and frames at full speed, though no window is ever seen
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
]


@pytest.fixture(scope="session")
def sigterm_ends_in_order():
    """A driver that is told to stop closes its server and browser too."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def browser(sigterm_ends_in_order):
    path = find_chromium()
    if path is None:
        pytest.fail(
            "no Chromium found: apt-get install chromium, or set CHROMIUM=/path/to/it. "
            "Browser tests are not skipped, because then nobody would see the view break.",
            pytrace=False,
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory, sigterm_ends_in_order):
    folder = tmp_path_factory.mktemp("jupyter")
    started = Server(folder, {"NBTRACK_DIR": str(folder / "store")})
    yield started
    started.close()


@pytest.fixture(scope="session")
def artifacts():
    """Where pictures go: looked at by people, kept by CI."""
    folder = Path(os.environ.get("NBTRACK_ARTIFACTS", "artifacts"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def notebook(request, browser, server, artifacts):
    """Open a notebook of the given cells; console errors fail the test."""
    opened = []

    def _notebook(*cells, app="lab", width=1180, name=None):
        page = browser.new_page(viewport={"width": width, "height": 1250})
        page.set_default_timeout(TIMEOUT_MS)
        book = Notebook(page, server, name or f"{request.node.name}-{len(opened)}.ipynb", app)
        if cells:
            book.write(*cells)
        book.open()
        opened.append(book)
        return book

    yield _notebook
    errors = [error for book in opened for error in book.errors()]
    for i, book in enumerate(opened):
        if not book.page.is_closed():
            book.page.screenshot(path=artifacts / f"last-{request.node.name}-{i}.png")
            book.page.close()
    server.end_kernels()
    assert errors == []
