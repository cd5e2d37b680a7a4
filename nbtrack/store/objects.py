"""Objects as blobs: what `Run.save` keeps and `Run.load` gives back."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtrack.store.blobs import Blobs


def keep(blobs: Blobs, obj: Any) -> dict[str, Any]:
    """Put an object into the blobs.

    Parameters
    ----------
    blobs : Blobs
    obj : object
        A `pathlib.Path` to a file, bytes, a text, or any other object: tensors and state dicts
        through ``torch.save``, the rest (a notebook's modules and classes too) through cloudpickle.

    Returns
    -------
    dict
        ``{"digest", "kind", "saved_s"}``, as `give_back` takes it.

    Raises
    ------
    FileNotFoundError
        If a path is given and there is no such file.
    """
    kind, content = _content(obj)
    return {"digest": blobs.put(content), "kind": kind, "saved_s": time.time()}


def give_back(blobs: Blobs, kept: Mapping[str, Any]) -> Any:
    """The object that `keep` put there; the bytes of a file.

    Raises
    ------
    BlobNotFound
        If the blob is gone or damaged.
    """
    content = blobs.get(kept["digest"])
    match kept["kind"]:
        case "text":
            return content.decode()
        case "torch":
            import torch

            return torch.load(io.BytesIO(content), weights_only=True)
        case "pickle":
            import cloudpickle

            return cloudpickle.loads(content)
        case _:
            return content


def _content(obj: Any) -> tuple[str, bytes | Path]:
    if isinstance(obj, Path):
        if not obj.is_file():
            raise FileNotFoundError(f"nothing to save: there is no file {str(obj)!r}")
        return "file", obj
    if isinstance(obj, (bytes, bytearray)):
        return "file", bytes(obj)
    if isinstance(obj, str):
        return "text", obj.encode()
    if _is_tensors(obj):
        import torch

        buffer = io.BytesIO()
        torch.save(obj, buffer)
        return "torch", buffer.getvalue()
    import cloudpickle

    return "pickle", cloudpickle.dumps(obj)


def _is_tensors(obj: Any) -> bool:
    """Whether an object is a tensor, or a mapping or list of nothing but tensors and numbers."""
    import sys

    torch = sys.modules.get("torch")
    if torch is None:
        return False
    if type(obj) is torch.Tensor:
        return True
    if isinstance(obj, Mapping):
        return bool(obj) and all(_is_plain(value) or _is_tensors(value) for value in obj.values())
    return False


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, Mapping):
        return all(_is_plain(item) or _is_tensors(item) for item in value.values())
    return value is None or isinstance(value, (bool, int, float, str))
