"""The anywidget class of the live view, made when it is first needed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

BUNDLE = Path(__file__).parent / "static" / "nbtrack.js"


@cache
def widget_class() -> Any:
    """The class; importing anywidget takes a second, so it is not done before a view is shown.

    Raises
    ------
    ImportError
        If anywidget or ipywidgets is missing.
    """
    import anywidget
    import traitlets

    class LiveWidget(anywidget.AnyWidget):  # type: ignore[misc]
        """What is synced is small; points go as messages, or a saved notebook would hold them."""

        _esm = BUNDLE.read_text(encoding="utf-8")
        kind = traitlets.Unicode("live").tag(sync=True)
        head = traitlets.Dict().tag(sync=True)
        panels = traitlets.List().tag(sync=True)
        output = traitlets.Dict().tag(sync=True)
        events = traitlets.List().tag(sync=True)
        findings = traitlets.List().tag(sync=True)
        epochs = traitlets.List().tag(sync=True)
        evals = traitlets.List().tag(sync=True)
        heat = traitlets.Dict().tag(sync=True)
        more = traitlets.Dict().tag(sync=True)
        ack = traitlets.Unicode("").tag(sync=True)

    return LiveWidget


def hear_while_busy(widget: Any) -> None:
    """Let messages from the page reach us while a cell runs, where the kernel can do it.

    ipykernel 7.4 sends what comes from the page to the shell that last published on the comm: the
    main one, busy until the cell ends. Before 7.4 the front end's choice (a subshell) held. See
    ``ipykernel/comm/comm.py``; needed until that method heeds the front end's subshell again.
    """
    comm = widget.comm
    if hasattr(type(comm), "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default
