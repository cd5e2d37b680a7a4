"""A run's snapshot: code, parameters, data and environment as one value with one digest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from nbtrack.records import Snapshot
from nbtrack.store import Blobs

_VALUE_FIELDS = ("digest", "kind", "shape", "dtype", "num_rows", "num_bytes")


def snapshot_of(
    cells: Iterable[str],
    params: Mapping[str, Any],
    data: Mapping[str, Mapping[str, Any]],
    environment: Mapping[str, Any],
) -> Snapshot:
    """The snapshot of these contents.

    Parameters
    ----------
    data : mapping of str to mapping
        Only what tells the content is taken: ``digest``, ``kind``, ``shape`` and the like.

    Examples
    --------
    >>> a = snapshot_of(["lr = 0.1"], {"lr": 0.1}, {}, {})
    >>> b = snapshot_of(["lr = 0.1"], {"lr": 0.1}, {}, {})
    >>> a.digest == b.digest
    True
    """
    plain = Snapshot(
        digest="",
        cells=tuple(cells),
        params=_json(params),
        data={
            name: {field: value[field] for field in _VALUE_FIELDS if field in value}
            for name, value in sorted(data.items())
        },
        environment=_json(environment),
    )
    from blake3 import blake3

    return replace(plain, digest=str(blake3(_canonical(plain)).hexdigest()))


def keep_snapshot(blobs: Blobs, snapshot: Snapshot) -> str:
    """Put a snapshot into the blobs, under its own digest.

    Raises
    ------
    OSError
        If the store cannot be written.
    """
    return blobs.put(_canonical(snapshot))


def read_snapshot(blobs: Blobs, digest: str) -> Snapshot:
    """The snapshot of that digest.

    Raises
    ------
    BlobNotFound
        If the store does not have it.
    """
    document = json.loads(blobs.get(digest))
    return Snapshot(
        digest=digest,
        cells=tuple(document["cells"]),
        params=document["params"],
        data=document["data"],
        environment=document["environment"],
    )


def _canonical(snapshot: Snapshot) -> bytes:
    """Keys sorted, no spaces: the same value is always the same bytes."""
    document = asdict(snapshot)
    del document["digest"]
    return json.dumps(document, sort_keys=True, separators=(",", ":"), default=repr).encode()


def _json(value: Mapping[str, Any]) -> dict[str, Any]:
    """A value as it will be read back."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(value), default=repr))
    return plain
