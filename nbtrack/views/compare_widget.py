"""The comparison of runs as a widget, and what the output of a cell holds of it.

As for the table of runs, see `nbtrack.views.runs_widget`: in JupyterLab and Notebook 7 the output
is the static picture in a marked place, which the widget's model finds and fills. A notebook that
is opened without its kernel shows the picture.
"""

from __future__ import annotations

import sys
from typing import Any

from nbtrack.views.compare_feed import CompareFeed
from nbtrack.views.slot import asking_widget, in_slot, needs_mime, new_slot


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
    return asking_widget("compare", CompareFeed(source), slot)


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
    if not needs_mime() and not _has_page():
        return bundle
    slot = new_slot()
    return in_slot(bundle, slot, lambda: compare_widget(source, slot), "picture")


def _has_page() -> bool:
    """Whether a kernel runs us; in a terminal nobody would see a widget."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")
