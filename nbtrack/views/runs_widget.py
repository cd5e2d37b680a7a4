"""`RunsView`: the table of runs to filter, sort, edit and choose from, in a notebook.

In JupyterLab and Notebook 7 the output of the cell is the static table and nothing else, with a
place marked in it. The widget's model, which lives as long as the kernel, finds that place in the
page and puts the interactive table there. So the saved notebook, opened without a kernel, on GitHub
or by nbconvert, shows the table; with the widget's own MIME type beside it, JupyterLab would show
"Error displaying widget: model not found" instead, whatever else the output holds.
Front ends that make widgets only for such a type (VS Code, Colab, marimo) are given one.
"""

from __future__ import annotations

import sys
import uuid
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from nbtrack.views.live import WIDGET_MIME
from nbtrack.views.runs_feed import RunsFeed
from nbtrack.views.table import RunsTable

if TYPE_CHECKING:
    from nbtrack.store import Store


class RunsView:
    """The runs of a store as an interactive table; a plain one where no widget can show.

    Parameters
    ----------
    store : Store
    query : str, optional
        Which runs; as for ``store.runs``.
    show : mapping of str to callable, optional
        What the buttons "Open" and "Compare" do; see `RunsFeed`.

    Attributes
    ----------
    table : RunsTable
        The static table: what a saved notebook keeps.
    widget : anywidget.AnyWidget
        Made when first asked for.

    Raises
    ------
    QueryError
        If the query cannot be read, or names a field that no run has.
    """

    def __init__(
        self,
        store: Store,
        query: str | None = None,
        show: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        self.table = RunsTable(store, query)
        self._feed = RunsFeed(store, query, show)
        self._slot = f"nbt-{uuid.uuid4().hex[:12]}"
        self._widget: Any = None

    @property
    def widget(self) -> Any:
        """The widget, also for ``mo.ui.anywidget`` in marimo.

        Raises
        ------
        ImportError
            If anywidget or ipywidgets is missing.
        """
        if self._widget is None:
            from nbtrack.views.widget import hear_while_busy

            self._widget = _widget_class()(first=self._feed.first(), slot=self._slot)
            hear_while_busy(self._widget)
            self._widget.on_msg(self._heard)
        return self._widget

    def _heard(self, widget: Any, content: Any, buffers: object = None) -> None:
        if isinstance(content, dict):
            widget.send(self._feed.answer(content))

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        bundle: dict[str, Any] = self.table._repr_mimebundle_()
        try:
            model = self.widget.model_id
        except Exception as error:  # the table is shown all the same
            warnings.warn(
                f"nbtrack: only the static table is shown ({type(error).__name__}: {error})",
                RuntimeWarning,
                stacklevel=2,
            )
            return bundle
        if _needs_mime():
            view = {"version_major": 2, "version_minor": 1, "model_id": model}
            return {**bundle, WIDGET_MIME: view}
        html = bundle["text/html"]
        bundle["text/html"] = f'<div data-nbt-slot="{escape(self._slot)}">{html}</div>'
        return bundle

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        return str(self.table)


def _needs_mime() -> bool:
    """Whether the front end makes no widget without a widget in an output."""
    main = vars(sys.modules.get("__main__", sys))
    return "google.colab" in sys.modules or "__vsc_ipynb_file__" in main or "marimo" in sys.modules


@cache
def _widget_class() -> Any:
    import anywidget
    import traitlets

    from nbtrack.views.widget import BUNDLE

    class RunsWidget(anywidget.AnyWidget):  # type: ignore[misc]
        """What is synced is the first screen; everything else is asked for."""

        _esm = BUNDLE.read_text(encoding="utf-8")
        kind = traitlets.Unicode("runs").tag(sync=True)
        slot = traitlets.Unicode("").tag(sync=True)
        first = traitlets.Dict().tag(sync=True)

    return RunsWidget
