"""`RunsView`: the table of runs to filter, sort, edit and choose from, in a notebook.

In JupyterLab and Notebook 7 the output of the cell is the static table and nothing else, with a
place marked in it. The widget's model, which lives as long as the kernel, finds that place in the
page and puts the interactive table there. So the saved notebook, opened without a kernel, on GitHub
or by nbconvert, shows the table; with the widget's own MIME type beside it, JupyterLab would show
"Error displaying widget: model not found" instead, whatever else the output holds.
Front ends that make widgets only for such a type (VS Code, Colab, marimo) are given one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nbtrack.views.runs_feed import RunsFeed
from nbtrack.views.slot import asking_widget, in_slot, new_slot
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
        self._slot = new_slot()
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
            self._widget = asking_widget("runs", self._feed, self._slot)
        return self._widget

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        bundle = self.table._repr_mimebundle_()
        return in_slot(bundle, self._slot, lambda: self.widget, "table")

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        return str(self.table)
