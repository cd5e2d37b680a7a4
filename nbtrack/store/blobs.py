"""Contents kept under the BLAKE3 digest of their bytes, each only once.

A blob of up to 4 MiB is one file, ``blobs/ab/cdef...``. A larger one is cut into chunks
(`nbtrack.store.chunks`), which are blobs themselves; under its own digest lies a list of them. A
file is read as a list only if its bytes do not have the digest it is stored under, so no content
can be mistaken for a list.
"""

from __future__ import annotations

import bisect
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from nbtrack.errors import BlobNotFound
from nbtrack.store.chunks import MAX_BYTES, split
from nbtrack.store.whole_file import write_whole

_MAGIC = b"nbtrack chunks 1\n"
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Chunk(NamedTuple):
    """A part of a large blob: the digest and the number of its bytes."""

    digest: str
    size: int


class Blobs:
    """The blobs of a store.

    Parameters
    ----------
    folder : Path
        Made when the first blob is put.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes | str | os.PathLike[str]) -> str:
        """Keep a content, or that of a file.

        Parameters
        ----------
        content : bytes or path
            A str is a path.

        Returns
        -------
        str
            The digest: 64 hexadecimal digits. The same content always has the same one.

        Raises
        ------
        OSError
            If the file cannot be read, or the store not written.
        """
        if isinstance(content, (bytes, bytearray, memoryview)):
            return self._put_stream(io.BytesIO(content))
        with Path(content).open("rb") as file:
            return self._put_stream(file)

    def get(self, digest: str) -> bytes:
        """The content of a blob.

        Raises
        ------
        BlobNotFound
            If the store does not have it, or what is on the disk no longer has that digest.
        """
        return b"".join(self._read(digest))

    def open(self, digest: str) -> BinaryIO:
        """The content of a blob as a file: seekable, and read as far as needed.

        Raises
        ------
        BlobNotFound
            As `get`; for a damaged chunk only when it is read.
        """
        data, chunks = self._stored(digest)
        if chunks is None:
            return io.BytesIO(data)
        return cast(BinaryIO, io.BufferedReader(_ChunkedFile(self, chunks), MAX_BYTES))

    def copy_to(self, digest: str, path: str | os.PathLike[str]) -> None:
        """Write the content of a blob to a file, which appears whole or not at all.

        Raises
        ------
        BlobNotFound
            As `get`.
        OSError
            If the file cannot be written.
        """
        write_whole(Path(path), self._read(digest))

    def size(self, digest: str) -> int:
        """Bytes of the content.

        Raises
        ------
        BlobNotFound
            If the store does not have it.
        """
        data, chunks = self._stored(digest)
        return len(data) if chunks is None else sum(chunk.size for chunk in chunks)

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, str) and bool(_DIGEST.fullmatch(digest)) and self._has(digest)

    def __iter__(self) -> Iterator[str]:
        """The digests of all blobs, chunks included."""
        for path in sorted(self.folder.glob("??/*")):
            digest = path.parent.name + path.name
            if _DIGEST.fullmatch(digest):
                yield digest

    def verify(self) -> list[str]:
        """Read every blob.

        Returns
        -------
        list of str
            Digests of those that are damaged, or miss a chunk. Empty when all is well.
        """
        return [digest for digest in self if not self._is_whole(digest)]

    def stored(self, digest: str) -> tuple[bytes, list[str]]:
        """The bytes that lie under a digest, and the chunks if they are a list of chunks.

        Raises
        ------
        BlobNotFound
            If the store does not have it, or it is damaged.
        """
        data, chunks = self._stored(digest)
        return data, [chunk.digest for chunk in chunks or ()]

    def chunks_of(self, digest: str, data: bytes) -> list[str]:
        """The chunks that must be there before `take` takes these bytes under that digest."""
        if _hasher(data).hexdigest() == digest or not data.startswith(_MAGIC):
            return []
        return [chunk.digest for chunk in _parse_chunks(data) or ()]

    def take(self, digest: str, data: bytes) -> None:
        """Keep what `stored` of another store gave.

        Raises
        ------
        BlobNotFound
            If the content does not have that digest, or a chunk of it is not here; nothing is kept.
        OSError
            If the store cannot be written.
        """
        whole = _hasher()
        if self.chunks_of(digest, data):
            for chunk in _parse_chunks(data) or ():
                whole.update(self._chunk(chunk))
        else:
            whole.update(data)
        if whole.hexdigest() != digest:
            raise BlobNotFound(f"blob {digest} came damaged: its bytes have another digest")
        self._write(digest, data)

    def _is_whole(self, digest: str) -> bool:
        try:
            for _ in self._read(digest):
                pass
        except BlobNotFound:
            return False
        return True

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest[2:]

    def _has(self, digest: str) -> bool:
        return self._path(digest).is_file()

    def _put_stream(self, file: BinaryIO) -> str:
        head = file.read(MAX_BYTES + 1)
        if len(head) <= MAX_BYTES:
            return self._put_small(head)
        whole = _hasher()
        lines = [_MAGIC]
        for chunk in split(_Rejoined(head, file).read):
            whole.update(chunk)
            lines.append(f"{self._put_small(chunk)} {len(chunk)}\n".encode())
        digest = str(whole.hexdigest())
        self._write(digest, b"".join(lines))
        return digest

    def _put_small(self, data: bytes) -> str:
        digest = str(_hasher(data).hexdigest())
        self._write(digest, data)
        return digest

    def _write(self, digest: str, data: bytes) -> None:
        path = self._path(digest)
        try:
            if path.read_bytes() == data:
                return
        except OSError:
            pass  # not there, or damaged: write it anew
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, [data])

    def _stored(self, digest: str) -> tuple[bytes, list[Chunk] | None]:
        """The bytes under a digest, and the chunks if they are a list of chunks."""
        if not _DIGEST.fullmatch(digest):
            raise BlobNotFound(f"no blob {digest!r}: a digest has 64 hexadecimal digits")
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError:
            raise BlobNotFound(f"no blob {digest} in {self.folder}") from None
        except OSError as error:
            raise BlobNotFound(f"blob {digest} cannot be read: {error}") from error
        if _hasher(data).hexdigest() == digest:
            return data, None
        if data.startswith(_MAGIC):
            chunks = _parse_chunks(data)
            if chunks is not None:
                return data, chunks
        raise _damaged(digest, self._path(digest))

    def _read(self, digest: str) -> Iterator[bytes]:
        """The content in pieces; raises before the end if it is not what the digest says."""
        data, chunks = self._stored(digest)
        if chunks is None:
            yield data
            return
        whole = _hasher()
        for chunk in chunks:
            data = self._chunk(chunk)
            whole.update(data)
            yield data
        if whole.hexdigest() != digest:
            raise _damaged(digest, self._path(digest))

    def _chunk(self, chunk: Chunk) -> bytes:
        data, chunks = self._stored(chunk.digest)
        if chunks is not None or len(data) != chunk.size:
            raise _damaged(chunk.digest, self._path(chunk.digest))
        return data


class _ChunkedFile(io.RawIOBase):
    """A large blob as a seekable file; holds one chunk in memory."""

    def __init__(self, blobs: Blobs, chunks: list[Chunk]) -> None:
        self._blobs = blobs
        self._chunks = chunks
        self._starts = [0]
        for chunk in chunks:
            self._starts.append(self._starts[-1] + chunk.size)
        self._at = 0
        self._number = -1
        self._data = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}[whence]
        if start + offset < 0:
            raise ValueError(f"cannot seek to {start + offset}: before the start of the blob")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        number = bisect.bisect_right(self._starts, self._at) - 1
        if number >= len(self._chunks):
            return 0
        if number != self._number:
            self._data = self._blobs._chunk(self._chunks[number])
            self._number = number
        begin = self._at - self._starts[number]
        piece = self._data[begin : begin + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


class _Rejoined:
    """A file whose beginning has been read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = io.BytesIO(head)
        self._rest = rest

    def read(self, num_bytes: int) -> bytes:
        return self._head.read(num_bytes) or self._rest.read(num_bytes)


def _hasher(data: bytes = b"") -> Any:
    from blake3 import blake3

    return blake3(data)


def _parse_chunks(data: bytes) -> list[Chunk] | None:
    try:
        rows = [line.split(" ") for line in data[len(_MAGIC) :].decode("ascii").splitlines()]
        return [Chunk(digest, int(size)) for digest, size in rows]
    except ValueError:
        return None


def _damaged(digest: str, path: Path) -> BlobNotFound:
    return BlobNotFound(
        f"blob {digest} is damaged: the bytes in {path} have another digest. "
        "Put the same content again, or copy the file from another store."
    )
