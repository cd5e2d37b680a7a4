"""What is being done, in a line: one that changes in a notebook, one after the other elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable


def telling() -> Callable[[str], None]:
    """A function that tells a person in a line what is being done now.

    Returns
    -------
    callable
        In a notebook each line replaces the one before; elsewhere they go to stderr.
    """
    if "ipykernel" in sys.modules:
        from IPython import get_ipython

        shell = get_ipython()
        if getattr(shell, "kernel", None) is not None:
            return _in_notebook()
    return lambda text: print(f"nbtrack: {text}", file=sys.stderr, flush=True)


def _in_notebook() -> Callable[[str], None]:
    from IPython.display import display

    line = display({"text/plain": ""}, raw=True, display_id=True)

    def tell(text: str) -> None:
        line.update({"text/plain": text}, raw=True)

    return tell
