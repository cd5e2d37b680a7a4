"""Eight bytes for each row of a table of bytes, computed for many rows at once with NumPy.

The digest of a row is a function of its bytes alone: the same on every machine, in every version,
and whether the row came alone, among others or in pieces. With ``mix`` a bijection of 64 bits,

* a row is filled up with zeros to whole little-endian words ``w`` of 8 bytes, and cut into blocks
  of 4,096 words;
* a block is the sum, modulo 2**64, of ``stir(w[j])`` over its words, where ``stir`` is a bijection
  that differs from place to place: xor with ``KEYS[j]``, times a constant, xor with itself shifted
  right by 32, times the odd ``FACTORS[j]``, xor with itself shifted right by 29;
* the digest begins as ``mix(number of bytes + GOLDEN)`` and becomes ``mix(digest ^ block)`` with
  each block.

All steps are bijections, so two rows that differ in one word only never have the same digest.
Any other two collide with odds near 2**-64: among a million rows about 3e-8, among a billion
3 %. No secret is involved: somebody who wants a collision can make one. What must not be forged
is the BLAKE3 digest of the whole content, which stands beside these.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

GOLDEN = 0x9E3779B97F4A7C15
BLOCK_WORDS = 4096
BLOCK_BYTES = 8 * BLOCK_WORDS
_FIRST_FACTOR = 0xD6E8FEB86659FD93
_GROUP_WORDS = 1 << 15  # 256 KiB at a time, so that what is computed stays in the cache
_FEW_COLUMNS = 12  # below that a loop over columns beats sums of a few words each


class RowDigests:
    """Digests of rows of equal length that come one after the other.

    Parameters
    ----------
    row_bytes : int
        Bytes of a row.
    """

    def __init__(self, row_bytes: int) -> None:
        self._row_bytes = row_bytes
        self._done: list[Words] = []
        self._digest: Any = None  # of the row that has come in part
        self._rest: Any = None  # less than a block of it
        self._come = 0

    def rows(self, data: NDArray[np.uint8], num_rows: int) -> None:
        """Take whole rows: ``num_rows * row_bytes`` bytes in one dimension."""
        self._done.append(row_digests(data.reshape(num_rows, self._row_bytes)))

    def piece(self, data: NDArray[np.uint8]) -> None:
        """Take the next part of a row; the row is done when all its bytes have come."""
        import numpy as np

        if self._digest is None:
            self._digest, self._come = _begin(np.array([self._row_bytes], np.uint64)), 0
            self._rest = np.empty(0, np.uint8)
        self._come += len(data)
        is_last = self._come >= self._row_bytes
        data = np.concatenate([self._rest, data]) if len(self._rest) else data
        whole = len(data) if is_last else len(data) // BLOCK_BYTES * BLOCK_BYTES
        if whole:
            self._digest = _chain(self._digest, _words(data[None, :whole]))
        self._rest = data[whole:].copy()
        if is_last:
            self._done.append(self._digest)
            self._digest = None

    def values(self) -> Words:
        """The digests so far, uint64, one a row."""
        import numpy as np

        return np.concatenate(self._done) if self._done else np.empty(0, np.uint64)


def row_digests(rows: NDArray[np.uint8]) -> Words:
    """The digest of each row.

    Parameters
    ----------
    rows : array of uint8, shape (num_rows, row_bytes)

    Returns
    -------
    array of uint64, shape (num_rows,)
    """
    import numpy as np

    num_rows, row_bytes = rows.shape
    digests = _begin(np.full(num_rows, row_bytes, np.uint64))
    if row_bytes == 0:
        return digests
    words_in_row = -(-row_bytes // 8)
    group = max(1, _GROUP_WORDS // min(words_in_row, BLOCK_WORDS))
    for start in range(0, num_rows, group):
        part = slice(start, start + group)
        digests[part] = _chain(digests[part], _words(rows[part]))
    return digests


def ragged_digests(items: Sequence[bytes]) -> Words:
    """The digest of each of some byte strings, as `row_digests` gives it for a row of these bytes.

    Extra memory is some ten times the bytes given; give a few MiB at a time.
    """
    import numpy as np

    sizes = np.fromiter(map(len, items), np.int64, len(items))
    digests = _begin(sizes.astype(np.uint64))
    for place in np.flatnonzero(sizes > BLOCK_BYTES).tolist():
        row = np.frombuffer(items[place], np.uint8)
        digests[place] = row_digests(row[None, :])[0]
    short = np.flatnonzero((sizes > 0) & (sizes <= BLOCK_BYTES))
    if not len(short):
        return digests
    filling = [b"\0" * (-size % 8) for size in range(8)]
    joined = b"".join(
        [
            piece
            for place in short.tolist()
            for piece in (items[place], filling[len(items[place]) & 7])
        ]
    )
    counts = (sizes[short] + 7) // 8
    ends = np.cumsum(counts)
    places = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
    keys, factors = _tables()
    stirred = _stir(np.frombuffer(joined, "<u8"), keys[places], factors[places])
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(stirred, dtype=np.uint64)])
    digests[short] = _mix(digests[short] ^ (sums[ends] - sums[ends - counts]))
    return digests


def combine(parts: Sequence[Words]) -> Words:
    """One digest a row from those of its parts: of the columns of a table, of input and target.

    Parameters
    ----------
    parts : sequence of uint64 arrays
        At least one, all of the same length. Of a single part the digests stay as they are.
    """
    import numpy as np

    if len(parts) == 1:
        return parts[0]
    digests = _begin(np.full(len(parts[0]), 2**32 + len(parts), np.uint64))
    for part in parts:
        digests = _mix(digests ^ part)
    return digests


@functools.cache
def _tables() -> tuple[Words, Words]:
    """The keys and the odd factors of the places in a block."""
    import numpy as np

    places = np.arange(1, 2 * BLOCK_WORDS + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    numbers = _mix(places)
    return numbers[:BLOCK_WORDS], numbers[BLOCK_WORDS:] | np.uint64(1)


def _mix(values: Words) -> Words:
    """Splitmix64's bijection: each bit of the result depends on all bits."""
    import numpy as np

    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def _begin(sizes: Words) -> Words:
    import numpy as np

    return _mix(sizes + np.uint64(GOLDEN))


def _words(rows: NDArray[np.uint8]) -> Words:
    """Rows of bytes as rows of whole words, without a copy where there is nothing to fill up."""
    import numpy as np

    num_rows, row_bytes = rows.shape
    if row_bytes % 8 == 0 and rows.flags.c_contiguous:
        return rows.view("<u8")
    unit = next(size for size in (8, 4, 2, 1) if row_bytes % size == 0)
    filled = np.zeros((num_rows, -(-row_bytes // 8)), "<u8")
    source = np.ascontiguousarray(rows).view(f"<u{unit}")
    target = filled.view(f"<u{unit}")
    if source.shape[1] <= _FEW_COLUMNS:
        for column in range(source.shape[1]):
            target[:, column] = source[:, column]
    else:
        target[:, : source.shape[1]] = source
    return filled


def _chain(digests: Words, words: Words) -> Words:
    for start in range(0, words.shape[1], BLOCK_WORDS):
        digests = _mix(digests ^ _block(words[:, start : start + BLOCK_WORDS]))
    return digests


def _block(words: Words) -> Words:
    """The sum of the stirred words of each row."""
    import numpy as np

    keys, factors = _tables()
    num_rows, width = words.shape
    if width < _FEW_COLUMNS:
        total = np.zeros(num_rows, np.uint64)
        for column in range(width):
            total += _stir(words[:, column], keys[column], factors[column])
        return total
    stirred = _stir(words, keys[:width], factors[:width])
    sums: Words = np.add.reduce(stirred, axis=1, dtype=np.uint64)
    return sums


def _stir(words: Any, keys: Any, factors: Any) -> Words:
    import numpy as np

    values: Words = words ^ keys
    values *= np.uint64(_FIRST_FACTOR)
    shifted = values >> np.uint64(32)
    values ^= shifted
    values *= factors
    np.right_shift(values, np.uint64(29), out=shifted)
    values ^= shifted
    return values
