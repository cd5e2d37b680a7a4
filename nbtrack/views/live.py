"""`LiveView`: a run as it goes, drawn in the notebook, without a hand on the training.

One daemon thread per view follows the run's files, at most ten times a second, and sends what is
new as small binary messages. Zoom, smoothing, scale and hiding live in the page; Python is asked
for nothing while a cell trains, because there the kernel often cannot hear.
"""

from __future__ import annotations

import json
import math
import threading
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbtrack.views.feed import Feed
from nbtrack.views.figures import static_figure, summary_line
from nbtrack.views.wire import ENVELOPE_BYTES

if TYPE_CHECKING:
    from nbtrack.store import StoredRun

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
TICK_S = 0.1
MOST_SHARE = 0.02  # of one core, whatever the run sends


class LiveView:
    """A live picture of one run, of this process or any other.

    Parameters
    ----------
    run : StoredRun
        Followed through its files.
    on_stop : callable, optional
        Called when the stop button is pressed, from whatever thread hears it; must only take note.
        May return False to say that the run cannot be stopped now. Without it: no button.
    on_lr : callable, optional
        Called with a learning rate and the name of a group (``"group0"``, None: all) when the page
        asks for it; takes note as `on_stop` does. Without it: no field.

    Attributes
    ----------
    widget : anywidget.AnyWidget
        For ``mo.ui.anywidget`` in marimo; made when first asked for.
    num_errors : int
        Updates that failed; the first is warned of.
    bytes_sent : int
        Points and their JSON, without Jupyter's envelopes.

    Notes
    -----
    Never more than 48 kB in a second; what does not fit is thinned to lows, highs and gaps, so
    that a spike of one step is still drawn.
    """

    def __init__(
        self,
        run: StoredRun,
        on_stop: Callable[[], Any] | None = None,
        on_lr: Callable[[float, str | None], Any] | None = None,
    ) -> None:
        self.run = run
        self.num_errors = 0
        self.bytes_sent = 0
        self._on_stop = on_stop
        self._on_lr = on_lr
        self._feed = Feed(run, can_stop=on_stop is not None, can_lr=on_lr is not None)
        self._widget: Any = None
        self._display: Any = None
        self._thread: threading.Thread | None = None
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._is_over = False

    @property
    def widget(self) -> Any:
        """The widget; asking for it starts to follow the run.

        Raises
        ------
        ImportError
            If anywidget or ipywidgets is missing.
        FileNotFoundError
            If the run was deleted.
        """
        with self._lock:
            if self._widget is None:
                self._make_widget()
            return self._widget

    def display(self) -> None:
        """Show the view below the running cell.

        Raises
        ------
        ImportError, FileNotFoundError
            As for `widget`.
        """
        from IPython.display import display

        self._display = display(self._bundle(), raw=True, display_id=True)

    def finish(self) -> None:
        """Put the static picture in place of the view, so that the saved notebook keeps it.

        The widget's own MIME type must not stay beside the picture: a notebook opened again
        would try to load the widget and show an error.
        """
        with self._lock:
            self._is_over = True
            self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=2.0)
        self._guarded(lambda: self._tick(is_last=True))
        if self._display is not None:
            self._guarded(lambda: self._display.update(static_figure(self.run), raw=True))
        with self._lock:
            widget, self._widget = self._widget, None
        if widget is not None:
            widget.close()

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return self._bundle()

    def __repr__(self) -> str:
        return f"<live view of {self.run!r}>"

    # -- inside ---------------------------------------------------------------------------------

    def _bundle(self) -> dict[str, Any]:
        """The widget; beside it what a page without widgets shows."""
        widget = self.widget
        bundle: dict[str, Any] = {"text/plain": summary_line(self.run)}
        if not self._feed.is_running:
            bundle = dict(static_figure(self.run))
        view = {"version_major": 2, "version_minor": 1, "model_id": widget.model_id}
        return {**bundle, WIDGET_MIME: view}

    def _make_widget(self) -> None:
        from nbtrack.views.widget import hear_while_busy, widget_class

        self._feed.look()
        self._widget = widget_class()(**dict(self._feed.changed_traits()))
        hear_while_busy(self._widget)
        self._widget.on_msg(self._heard)
        self._is_over = False
        self._thread = threading.Thread(target=self._follow, name="nbtrack-view", daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        """Send what is new until the run is over; the view's own thread."""
        while not self._is_over:
            used_s = time.thread_time()
            self._guarded(self._tick)
            used_s = time.thread_time() - used_s
            if not self._feed.is_running and not self._feed.has_more:
                return
            self._wake.wait(max(TICK_S, used_s / MOST_SHARE))
            self._wake.clear()

    def _tick(self, *, is_last: bool = False) -> None:
        """One look at the run, and one message at most for each kind of news."""
        with self._lock:
            if self._widget is None:
                return
            self._feed.look(is_last=is_last)
            for name, value in self._feed.changed_traits():
                setattr(self._widget, name, value)
                self._count(len(json.dumps(value)))
            for message, buffer in self._feed.messages():
                self._send(message, buffer)

    def _send(self, message: dict[str, Any], buffer: bytes | None = None) -> None:
        self._count(len(json.dumps(message)) + len(buffer or b""))
        self._widget.send(message, buffers=None if buffer is None else [buffer])

    def _count(self, num_bytes: int) -> None:
        self.bytes_sent += num_bytes
        self._feed.allowance.spend(num_bytes + ENVELOPE_BYTES)

    def _heard(self, widget: Any, content: Any, buffers: object = None) -> None:
        """Take a message of the page, in whatever thread the kernel hears it."""
        kind = content.get("t") if isinstance(content, dict) else None
        if kind in ("sync", "range"):
            if kind == "sync":
                self._feed.ask(str(content.get("me", "")))
            else:
                self._feed.ask_range(content)
            self._wake.set()
            if self._thread is None or not self._thread.is_alive():
                self._guarded(self._tick)
        elif kind == "find":
            with self._lock:
                if self._widget is not None:
                    me, text = str(content.get("me", "")), str(content.get("q", ""))[:200]
                    self._send(self._feed.find(me, content.get("n"), text))
        elif kind == "stop":
            is_taken = self._on_stop is not None and self._on_stop() is not False
            self._acknowledge("stop", content, is_taken)
        elif kind == "lr":
            value, group = content.get("value"), content.get("group")
            group = group if isinstance(group, str) else None
            is_taken = self._on_lr is not None and is_rate(value)
            if is_taken and self._on_lr is not None:
                is_taken = self._on_lr(float(value), group) is not False
            self._acknowledge("lr", content, is_taken, group=group, value=value)

    def _acknowledge(self, of: str, content: Any, is_taken: bool, **more: Any) -> None:
        with self._lock:
            if self._widget is not None:
                self._send({"t": "ack", "of": of, "n": content.get("n"), "ok": is_taken, **more})
                self._widget.ack = of if is_taken else ""

    def _guarded(self, do: Callable[[], None]) -> None:
        """A view that fails must not cost a training: warned of once, counted."""
        try:
            do()
        except Exception as error:
            self.num_errors += 1
            if self.num_errors == 1:
                warnings.warn(
                    f"nbtrack: the live view missed an update ({type(error).__name__}: {error}); "
                    "the run itself is kept in full",
                    RuntimeWarning,
                    stacklevel=2,
                )


def is_rate(value: Any) -> bool:
    """Whether a learning rate that a page sent can be one: finite and not negative."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0


def live(
    run: StoredRun,
    on_stop: Callable[[], Any] | None = None,
    on_lr: Callable[[float, str | None], Any] | None = None,
) -> LiveView:
    """Follow a run in the notebook; the last line of a cell, or ``.display()``.

    Parameters
    ----------
    run : StoredRun
        As `nbtrack.get` gives it; running or ended, also of another process. One that this
        process is writing can be stopped, and its learning rate changed, from the page.
    on_stop, on_lr : callable, optional
        See `LiveView`; in place of what the run itself offers.

    Returns
    -------
    LiveView
    """
    if getattr(run, "is_active", False):  # a view knows the store alone: what a run can do besides
        on_stop = on_stop or getattr(run, "request_stop", None)
        on_lr = on_lr or getattr(run, "request_lr", None)
    return LiveView(run, on_stop, on_lr)
