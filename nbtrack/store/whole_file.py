"""A file that is written whole: beside the old one, then renamed into its place."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file so that a reader sees the old one or the new one, and never a half.

    Parameters
    ----------
    path : Path
        Its folder must be there.
    pieces : iterable of bytes
        The content, in order.

    Raises
    ------
    OSError
        If it cannot be written; the file is then as it was.
    """
    temporary = path.with_name(f".{path.name[:32]}.{os.getpid():x}{os.urandom(4).hex()}")
    try:
        with temporary.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        temporary.replace(path)
    except BaseException:
        try:
            temporary.unlink()
        except OSError:  # why it could not be written is what counts
            pass
        raise
