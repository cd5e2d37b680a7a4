"""The comparison of runs as a widget, and what the output of a cell holds of it.

As for the table of runs, see `nbtrack.views.runs_widget`: in JupyterLab and Notebook 7 the output
is the static picture in a marked place, which the widget's model finds and fills. A notebook that
is opened without its kernel shows the picture.
"""

from __future__ import annotations

import sys
import uuid
import warnings
from functools import cache
from html import escape
from typing import Any

from nbtrack.views.compare_feed import CompareFeed
from nbtrack.views.live import WIDGET_MIME


def compare_widget(source: Any, slot: str = "") -> Any:
    """The widget of a comparison, also for ``mo.ui.anywidget`` in marimo.

    Parameters
    ----------
    source : object
        What answers the page; see `nbtrack.views.compare_feed.CompareFeed`.
    slot : str
        The marked place in the page to be filled; none where the front end makes a view itself.

    Raises
    ------
    ImportError
        If anywidget or ipywidgets is missing.
    """
    from nbtrack.views.widget import hear_while_busy

    feed = CompareFeed(source)
    widget = _widget_class()(first=feed.first(), slot=slot)

    def heard(widget: Any, content: Any, buffers: object = None) -> None:
        if isinstance(content, dict):
            widget.send(feed.answer(content))

    hear_while_busy(widget)
    widget.on_msg(heard)
    return widget


def compare_bundle(source: Any) -> dict[str, Any]:
    """What a cell puts out for a comparison: the static picture, to be filled by the widget.

    Parameters
    ----------
    source : object
        With ``static_bundle`` beside what `compare_widget` needs.

    Returns
    -------
    dict
        MIME type to data. The static bundle alone where no widget can show; why is warned of.
    """
    bundle: dict[str, Any] = source.static_bundle()
    needs_mime = _needs_mime()
    if not needs_mime and not _has_page():
        return bundle
    slot = f"nbt-{uuid.uuid4().hex[:12]}"
    try:
        model = compare_widget(source, "" if needs_mime else slot).model_id
    except Exception as error:  # the picture is shown all the same
        warnings.warn(
            f"nbtrack: only the static picture is shown ({type(error).__name__}: {error})",
            RuntimeWarning,
            stacklevel=2,
        )
        return bundle
    if needs_mime:
        view = {"version_major": 2, "version_minor": 1, "model_id": model}
        return {**bundle, WIDGET_MIME: view}
    html = f'<div data-nbt-slot="{escape(slot)}">{bundle["text/html"]}</div>'
    return {**bundle, "text/html": html}


def _needs_mime() -> bool:
    """Whether the front end makes no widget without a widget in an output."""
    main = vars(sys.modules.get("__main__", sys))
    return "google.colab" in sys.modules or "__vsc_ipynb_file__" in main or "marimo" in sys.modules


def _has_page() -> bool:
    """Whether a kernel runs us; in a terminal nobody would see a widget."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


@cache
def _widget_class() -> Any:
    import anywidget
    import traitlets

    from nbtrack.views.widget import BUNDLE

    class CompareWidget(anywidget.AnyWidget):  # type: ignore[misc]
        """What is synced is what the page opens with; everything else is asked for."""

        _esm = BUNDLE.read_text(encoding="utf-8")
        kind = traitlets.Unicode("compare").tag(sync=True)
        slot = traitlets.Unicode("").tag(sync=True)
        first = traitlets.Dict().tag(sync=True)

    return CompareWidget
