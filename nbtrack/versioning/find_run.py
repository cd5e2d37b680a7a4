"""A run by whatever names it."""

from __future__ import annotations

import os
import zipfile
from typing import Any

from nbtrack.store import Store, StoredRun
from nbtrack.versioning.bundle import import_bundle


def find_run(which: Any, store: Store | str | os.PathLike[str] | None = None) -> StoredRun:
    """The run that is meant.

    Parameters
    ----------
    which : run, str, int or path
        A run itself; an id, the start of one, a name or a position; or the file of a bundle, which
        is taken into the store.
    store : Store or path, optional
        The default store without it.

    Raises
    ------
    RunNotFound
        (a LookupError) if no run answers to it.
    StoreError
        If the file is no bundle.
    """
    if isinstance(which, StoredRun):
        return which
    house = store if isinstance(store, Store) else Store(store)
    if isinstance(which, (str, os.PathLike)) and zipfile.is_zipfile(which):
        return import_bundle(which, house)
    return house.get(which if isinstance(which, int) else str(which))
