"""The store as a user opens it: its runs come with what repeats them."""

from __future__ import annotations

from nbtrack import store
from nbtrack.versioning.kept_run import KeptRun


class Store(store.Store):
    """A folder that holds runs and blobs; its runs come with what repeats them.

    All else is as in `nbtrack.store.Store`.

    Parameters
    ----------
    path : path, optional
        ``$NBTRACK_DIR``, the nearest ``.nbtrack``, or a new one, if left out.

    Examples
    --------
    >>> store = Store("/tmp/example")
    >>> store.get(-1).script()  # doctest: +SKIP
    """

    def get(self, which: str | int = -1) -> KeptRun:
        """One run, with its script, notebook, snapshot and state.

        Parameters
        ----------
        which : str or int
            An id, a name (the newest run of that name), the beginning of an id that no other id
            has, or a position in order of start: 0 is the oldest, -1 the newest.

        Raises
        ------
        RunNotFound
            If no run answers to it, or several ids begin with it.
        FormatTooNew
            If a newer nbtrack wrote the run.
        StoreError
            If its ``run.json`` is damaged.
        """
        return KeptRun(self, super().get(which).id)
