"""Do something once torch has been imported, without importing it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


def torch_is_ready() -> bool:
    """Whether ``import torch`` has happened and finished."""
    torch = sys.modules.get("torch")
    spec = getattr(torch, "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)


class TorchImport(MetaPathFinder):
    """Waits on `sys.meta_path` for torch; `then` is called when it has finished importing.

    The module, its spec and its loader are left as they would be without us.
    """

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then

    def install(self) -> None:
        """Begin to wait."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """Wait no longer."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find; the loader of torch tells us when it is done."""
        if fullname != "torch":
            return None
        for finder in list(sys.meta_path):
            if finder is self:
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                self._listen(spec)
                return spec
        return None

    def _listen(self, spec: ModuleSpec) -> None:
        loader = spec.loader
        execute = getattr(loader, "exec_module", None)
        if execute is None:
            return

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module  # type: ignore[union-attr]  # the class's own shows again
            execute(module)
            self.remove()
            self._then()

        try:
            loader.exec_module = exec_module  # type: ignore[union-attr,method-assign]
        except AttributeError:  # a loader with slots: `Panel.pulse` attaches a little later
            pass
