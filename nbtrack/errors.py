"""The errors that nbtrack raises, in one tree.

::

    NbtrackError
    ├── RunNotFound        (LookupError)   no run with that id, prefix, name or position
    ├── SeriesNotFound     (LookupError)   the run has no series of that key
    ├── NoActiveRun        (LookupError)   nbtrack.log() outside of any run
    ├── ValueNotLoggable   (TypeError)     a value that is not one number
    ├── NotReproducible    (ValueError)    a run that cannot be repeated or restored as asked
    ├── UsageError         (ValueError)    a magic or command line was typed wrongly
    ├── QueryError         (ValueError)    a query for runs cannot be read; points at the word
    ├── StoreError         (OSError)       the store cannot be read or written
    │   ├── FormatTooNew                   written by a newer nbtrack
    │   └── BlobNotFound   (LookupError)   no blob of that digest, or it is damaged
    └── RunStopped         (KeyboardInterrupt, not an Exception: nothing in a loop swallows it)

Each inherits the built-in that a Python user expects, so that ``except LookupError`` works too.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NbtrackError(Exception):
    """What every error of nbtrack is, but for `RunStopped`."""


class RunNotFound(NbtrackError, LookupError):
    """No run answers to that id, prefix, name or position."""

    def __init__(self, which: object, known: Iterable[str] = ()) -> None:
        names = [str(name) for name in known]
        near = difflib.get_close_matches(str(which), names, n=3, cutoff=0.5)
        if near:
            hint = " Did you mean " + " or ".join(repr(name) for name in near) + "?"
        elif names:
            hint = " nbtrack.runs() lists all of them."
        else:
            hint = " The store holds no run yet: put %%track on the first line of a cell."
        super().__init__(f"no run {which!r} in this store.{hint}")


class SeriesNotFound(NbtrackError, LookupError):
    """The run has no points under that key."""

    def __init__(self, key: str, run_id: str, known: Iterable[str] = ()) -> None:
        names = list(known)
        near = difflib.get_close_matches(key, names, n=3, cutoff=0.5)
        if near:
            hint = "Did you mean " + " or ".join(repr(name) for name in near) + "?"
        elif names:
            hint = f"run.keys() lists its {len(names)} series."
        else:
            hint = "Nothing has been logged in it yet."
        super().__init__(f"no series {key!r} in run {run_id}. {hint}")


class NoActiveRun(NbtrackError, LookupError):
    """`nbtrack.log` was called, and no run is active."""


class ValueNotLoggable(NbtrackError, TypeError):
    """A value is not one number; names the key and the type. The rest of the call was kept."""


class NotReproducible(NbtrackError, ValueError):
    """A run that cannot be repeated or restored as asked; says what is missing."""


class UsageError(NbtrackError, ValueError):
    """A magic or a command line was typed wrongly; one line that says what to type."""


class QueryError(NbtrackError, ValueError):
    """A query for runs cannot be read; shows the query with the word underlined.

    Attributes
    ----------
    why : str
        What is wrong, in a sentence.
    text : str
        The query.
    start, end : int
        The word that is meant: ``text[start:end]``.
    """

    def __init__(self, why: str, text: str = "", start: int = 0, end: int = 0) -> None:
        self.why, self.text, self.start, self.end = why, text, start, end
        width = max(end - start, 1)
        super().__init__(f"{why}\n  {text}\n  {' ' * start}{'^' * width}" if text else why)

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.why, self.text, self.start, self.end)


class StoreError(NbtrackError, OSError):
    """The store's folder cannot be read or written as needed."""


class FormatTooNew(StoreError):
    """A file was written by a newer nbtrack; nothing in it was changed."""


class BlobNotFound(StoreError, LookupError):
    """The store has no blob of that digest, or its content no longer matches the digest."""


class RunStopped(KeyboardInterrupt):
    """Raised between two steps when a run was asked to stop.

    A `KeyboardInterrupt`, so that ``except Exception`` in a training loop lets it through.
    """

    def __init__(self, step: int | None) -> None:
        self.step = step
        after = "before its first step" if step is None else f"after step {step:,}"
        super().__init__(f"run stopped {after}; everything up to there is kept")

    def _render_traceback_(self) -> list[str]:
        """One line in place of IPython's traceback: to stop is not a fault."""
        return [str(self)]
