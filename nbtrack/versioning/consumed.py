"""The data that a run consumed: which arrays, frames and data sets went into the tracked cell."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from nbtrack.store import Blobs
from nbtrack.versioning.contents.fingerprint import Fingerprint, fingerprint, quick_key

AT_ONCE_BYTES = 64 * 2**20  # before the cell goes on: 20 ms; more is read beside the training


class Consumed:
    """Fingerprints of the values that a cell reads, taken before it can change them.

    Attributes
    ----------
    found : dict of str to dict
        Per name: ``digest``, ``kind``, ``shape``, ``dtype``, ``num_rows``, ``num_bytes``, and
        ``rows``, the digest of the blob with 8 bytes a row; or ``skipped``, why there is none.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.found: dict[str, dict[str, Any]] = {}

    def begin(self, values: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Take those of small values; give back the large ones, for `go_on`."""
        left, later = AT_ONCE_BYTES, []
        for name, value in values.items():
            if not _is_data(value):
                continue
            taken = fingerprint(value, max_bytes=left)
            if taken is None:
                continue
            if taken.digest is None and taken.num_bytes > left:
                later.append((name, value))
                continue
            left -= taken.num_bytes
            self._keep(name, taken)
        return later

    def go_on(self, later: Iterable[tuple[str, Any]]) -> None:
        """Take those of large values, from a thread beside the training."""
        for name, value in later:
            before = quick_key(value)
            taken = fingerprint(value)
            if taken is None:
                continue
            if quick_key(value) != before:
                self.found[name] = {"skipped": "it changed while its digest was computed"}
            else:
                self._keep(name, taken)

    def _keep(self, name: str, taken: Fingerprint) -> None:
        about: dict[str, Any] = {
            "digest": taken.digest,
            "kind": taken.kind,
            "shape": list(taken.shape),
            "dtype": taken.dtype,
            "num_rows": taken.num_rows,
            "num_bytes": taken.num_bytes,
        }
        if taken.digest is None:
            about["skipped"] = getattr(taken, "skipped", None)
        if taken.rows:
            about["rows"] = self._blobs.put(taken.rows)
        self.found[name] = about


def is_data_set(value: Any) -> bool:
    """Whether a value is a data set of torch, or a loader of one."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    return isinstance(value, (torch.utils.data.Dataset, torch.utils.data.DataLoader))


def _is_data(value: Any) -> bool:
    """Whether a value is data rather than a part of what is trained."""
    torch = sys.modules.get("torch")
    if torch is None:
        return True
    if isinstance(value, (torch.nn.Module, torch.optim.Optimizer, torch.Generator)):
        return False
    return not (isinstance(value, torch.Tensor) and value.requires_grad)
