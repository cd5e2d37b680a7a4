"""Widgets that answer questions of the page, shown in the place of a static picture.

In JupyterLab and Notebook 7 the output of a cell holds the static picture alone, in a marked place
(a *slot*) that the widget's model finds and fills (``frontend/src/slot.js``): a widget's MIME type
in a notebook that is opened without its kernel would show an error in place of the picture.
"""

from __future__ import annotations

import sys
import uuid
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from html import escape
from typing import Any, Protocol

from nbtrack.views.live import WIDGET_MIME


class Feed(Protocol):
    """What a page is given to begin with, and what answers its questions."""

    def first(self) -> dict[str, Any]:
        """What the page opens with."""

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one message; what goes wrong is an answer too."""


def new_slot() -> str:
    """The name of a place in the page, as no other has it."""
    return f"nbt-{uuid.uuid4().hex[:12]}"


def asking_widget(kind: str, feed: Feed, slot: str) -> Any:
    """A widget whose page asks for what it shows.

    Parameters
    ----------
    kind : str
        Which widget of the bundle: ``"runs"``, ``"compare"``.
    feed : Feed
    slot : str
        The place in the page to be filled; "" where the front end makes a view itself.

    Raises
    ------
    ImportError
        If anywidget or ipywidgets is missing.
    """
    from nbtrack.views.widget import hear_while_busy

    widget = _widget_class()(kind=kind, first=feed.first(), slot=slot)

    def heard(widget: Any, content: Any, buffers: object = None) -> None:
        if isinstance(content, dict):
            widget.send(feed.answer(content))

    hear_while_busy(widget)
    widget.on_msg(heard)
    return widget


def in_slot(
    bundle: Mapping[str, Any], slot: str, make: Callable[[], Any], what: str
) -> dict[str, Any]:
    """The output of a cell: a static picture, to be filled by a widget.

    Parameters
    ----------
    bundle : mapping of str to data
        What is shown without a kernel, ``text/html`` in it.
    slot : str
        The widget's.
    make : callable
        Gives the widget.
    what : str
        What the static picture is, for the warning.

    Returns
    -------
    dict
        The bundle as it is where no widget can show.

    Warns
    -----
    RuntimeWarning
        If the widget could not be made.
    """
    try:
        model = make().model_id
    except Exception as error:  # the picture is shown all the same
        warnings.warn(
            f"nbtrack: only the static {what} is shown ({type(error).__name__}: {error})",
            RuntimeWarning,
            stacklevel=3,
        )
        return dict(bundle)
    if needs_mime():
        view = {"version_major": 2, "version_minor": 1, "model_id": model}
        return {**bundle, WIDGET_MIME: view}
    html = f'<div data-nbt-slot="{escape(slot)}">{bundle["text/html"]}</div>'
    return {**bundle, "text/html": html}


def needs_mime() -> bool:
    """Whether the front end makes no widget without a widget in an output."""
    main = vars(sys.modules.get("__main__", sys))
    return "google.colab" in sys.modules or "__vsc_ipynb_file__" in main or "marimo" in sys.modules


@cache
def _widget_class() -> Any:
    import anywidget
    import traitlets

    from nbtrack.views.widget import BUNDLE

    class AskingWidget(anywidget.AnyWidget):  # type: ignore[misc]
        """What is synced is what the page opens with; everything else is asked for."""

        _esm = BUNDLE.read_text(encoding="utf-8")
        kind = traitlets.Unicode().tag(sync=True)
        slot = traitlets.Unicode("").tag(sync=True)
        first = traitlets.Dict().tag(sync=True)

    return AskingWidget
