"""A notebook's namespace with a watch on it: cells are executed as a kernel would."""

from __future__ import annotations

from typing import Any

from nbtrack.capture.slicing.names import names_of
from nbtrack.capture.witnessing.witness import Watch, Witness


class Watched:
    """Executes cells in a namespace of their own, and tells what was seen of each."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.watch = Watch(lambda: self.names)

    def run(self, source: str) -> Witness:
        """Execute one cell; an exception in it is the cell's own business."""
        self.watch.before(names_of(source))
        try:
            exec(compile(source, "<cell>", "exec"), self.names)
        except Exception as error:
            self.names["error"] = repr(error)
        return self.watch.after()
