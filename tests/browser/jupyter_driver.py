"""A private Jupyter server, and a notebook of it open in a real browser.

JupyterLab and Notebook 7 are both served by one server. Notebooks are driven by the application's
own commands and read from its models, never through its style classes; every wait is for a state.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import nbformat

SETTINGS = {
    # every cell is in the page, wherever it is scrolled to
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none", "scrollPastEnd": False},
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
# What the applications say themselves on a blank notebook; anything else fails a test.
ALLOWED = [
    r"Failed to load resource.*(favicon|/static/.*\.map)",
    r"the server responded with a status of 404",
    r"was preloaded using link preload",
]
ALLOWED_NOTEBOOK = [
    r"^Cannot read properties of undefined \(reading 'schema'\)$",
    r"^Command 'filebrowser:open-path' not registered\.$",  # now and then, on a loaded machine
]
PANEL = (
    "(() => { const app = window.jupyterapp; if (!app) return null;"
    " return [...app.shell.widgets('main')]"
    ".find(w => w.content && w.content.widgets && w.sessionContext) || null; })()"
)
IDLE = f"""() => {{ const panel = {PANEL};
  return panel && panel.sessionContext.session?.kernel?.status === 'idle' &&
    panel.content.widgets.every(c => c.model.type !== 'code'
      || (c.model.executionState !== 'running' && c.prompt !== '*')); }}"""
OUTPUTS = f"""(i) => {{ const outputs = {PANEL}.content.widgets[i].model.outputs;
  return [...Array(outputs.length).keys()].map(k => outputs.get(k).toJSON()); }}"""
RUN = f"""(i) => {{ const panel = {PANEL}; panel.content.activeCellIndex = i;
  panel.content.deselectAll(); window.ran = false;
  jupyterapp.commands.execute('notebook:run-cell').then(() => window.ran = true); }}"""


class Server:
    """A Jupyter server of its own, with its own settings, in a folder of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.root = folder / "notebooks"
        self.root.mkdir(parents=True)
        self._folder = folder
        self._token = secrets.token_hex(16)
        self._log = (folder / "server.log").open("wb")
        for name, value in SETTINGS.items():
            path = folder / "settings" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))
        places = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        env = {**os.environ, "JUPYTER_PREFER_ENV_PATH": "1", **environment}
        env.pop("JUPYTER_TOKEN", None)
        env |= {name: str(folder / part) for name, part in places.items()}
        # a session of its own, so that the server and its kernels can be ended as one group
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"),
                *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"),
                f"--IdentityProvider.token={self._token}",
                f"--ServerApp.root_dir={self.root}",
                "--ServerApp.terminals_enabled=False",
                "--LabApp.expose_app_in_browser=True",
                "--JupyterNotebookApp.expose_app_in_browser=True",
            ],
            env=env,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._base = self._wait(time.monotonic() + 60)

    def _wait(self, until: float) -> str:
        info = self._folder / "runtime" / f"jpserver-{self._process.pid}.json"
        while True:
            with contextlib.suppress(OSError, ValueError, KeyError):
                url = json.loads(info.read_text())["url"].rstrip("/")
                self._base = url.replace("localhost", "127.0.0.1")
                self.api("/api/status")
                return self._base
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"no Jupyter server:\n{self.log()[-3000:]}")
            time.sleep(0.1)

    def api(self, path: str, method: str = "GET") -> Any:
        """Ask the server's REST interface."""
        request = urllib.request.Request(
            self._base + path, method=method, headers={"Authorization": f"token {self._token}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            data = answer.read()
        return json.loads(data) if data else None

    def url(self, name: str, app: str) -> str:
        kind = "lab/tree" if app == "lab" else "notebooks"
        return f"{self._base}/{kind}/{name}?reset&token={self._token}"

    def log(self) -> str:
        self._log.flush()
        return (self._folder / "server.log").read_text(errors="replace")

    def end_kernels(self) -> None:
        for session in self.api("/api/sessions"):
            self.api(f"/api/sessions/{session['id']}", "DELETE")

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._log.close()


class Notebook:
    """A notebook open in a page."""

    def __init__(self, page: Any, server: Server, name: str, app: str) -> None:
        self.page, self.server, self.name, self.app = page, server, name, app
        self._said: list[str] = []
        self._failed: list[str] = []
        page.on("console", lambda m: m.type == "error" and self._said.append(m.text))
        page.on("pageerror", lambda error: self._said.append(str(error)))
        page.on("response", lambda r: r.status >= 500 and self._failed.append(r.url))
        page.on("request", self._note_request)
        page.on("dialog", self._note_dialog)

    def _note_dialog(self, dialog: Any) -> None:
        """Something was run that should have been shown."""
        self._failed.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _note_request(self, request: Any) -> None:
        """The page must not need anything but its own server."""
        if not re.match(r"(https?|wss?)://127\.0\.0\.1|data:|blob:|about:", request.url):
            self._failed.append(request.url)

    def write(self, *cells: str) -> None:
        """Put a notebook of these cells where the server finds it."""
        new = nbformat.v4
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = new.new_notebook(
            cells=[new.new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}
        )
        nbformat.write(book, self.server.root / self.name)

    def open(self) -> None:
        page = self.page
        page.goto(self.server.url(self.name, self.app), wait_until="domcontentloaded")
        page.wait_for_function(f"() => !!{PANEL}")
        page.evaluate(
            f"async () => {{ const panel = {PANEL}; await panel.context.ready;"
            " await panel.revealed; await panel.sessionContext.ready; }"
        )
        self.wait_idle()
        if self.app == "lab":  # room for the notebook
            page.evaluate("() => jupyterapp.shell.collapseLeft()")

    def wait_idle(self) -> None:
        self.page.wait_for_function(IDLE)

    def run(self, i: int, *, wait: bool = True) -> None:
        """Run a cell; without `wait` it goes on while the test looks."""
        self.page.evaluate(RUN, i)
        if wait:
            self.page.wait_for_function("() => window.ran")
            self.wait_idle()

    def command(self, name: str, **options: object) -> None:
        self.page.evaluate("([n, o]) => jupyterapp.commands.execute(n, o)", [name, options])

    def theme(self, name: str) -> None:
        """Change to ``JupyterLab Light`` or ``JupyterLab Dark``, and wait until it is there."""
        self.command("apputils:change-theme", theme=name)
        self.page.wait_for_function(
            "name => document.body.dataset.jpThemeName === name"
            " && !document.getElementById('jupyterlab-splash')",
            arg=name,
        )

    def outputs(self, i: int) -> list[dict[str, Any]]:
        """What the model of a cell holds; the page lags behind it."""
        return list(self.page.evaluate(OUTPUTS, i))

    def text(self, i: int) -> str:
        """All text that a cell has put out."""
        parts = []
        for output in self.outputs(i):
            text = output.get("text") or output.get("data", {}).get("text/plain") or ""
            parts.append("".join(text) or output.get("evalue", ""))
        return "\n".join(parts)

    def save(self) -> Any:
        """Save, and read the file back."""
        self.page.evaluate(f"() => {PANEL}.context.save()")
        return nbformat.read(self.server.root / self.name, 4)

    def errors(self) -> list[str]:
        """What went wrong in the page and is not the application's own."""
        allowed = ALLOWED + (ALLOWED_NOTEBOOK if self.app == "notebook" else [])
        said = [t for t in self._said if not any(re.search(p, t) for p in allowed)]
        return said + self._failed

    def close(self) -> None:
        self.page.close()
        self.server.end_kernels()


def find_chromium() -> str | None:
    """The system's Chromium; none is downloaded."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
