"""The digest of a row against a slow twin in plain Python, and what it must never do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.versioning.contents.row_digests import (
    BLOCK_BYTES,
    RowDigests,
    combine,
    ragged_digests,
    row_digests,
)

ALL = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(x: int) -> int:
    x ^= x >> 30
    x = x * 0xBF58476D1CE4E5B9 & ALL
    x ^= x >> 27
    x = x * 0x94D049BB133111EB & ALL
    return x ^ x >> 31


def twin(row: bytes) -> int:
    """The definition, word by word."""
    padded = row + b"\0" * (-len(row) % 8)
    words = [int.from_bytes(padded[at : at + 8], "little") for at in range(0, len(padded), 8)]
    digest = mix(len(row) + GOLDEN)
    for start in range(0, len(words), 4096):
        total = 0
        for place, word in enumerate(words[start : start + 4096]):
            key = mix((place + 1) * GOLDEN & ALL)
            factor = mix((4096 + place + 1) * GOLDEN & ALL) | 1
            word = (word ^ key) * 0xD6E8FEB86659FD93 & ALL
            word ^= word >> 32
            word = word * factor & ALL
            word ^= word >> 29
            total += word
        digest = mix(digest ^ total & ALL)
    return digest


def random_rows(num_rows: int, row_bytes: int) -> np.ndarray:
    return np.random.default_rng(row_bytes).integers(0, 256, (num_rows, row_bytes), np.uint8)


SIZES = [0, 1, 3, 4, 7, 8, 12, 16, 88, 96, 104, 785, 3136, BLOCK_BYTES, BLOCK_BYTES + 1, 100_001]


@pytest.mark.parametrize("row_bytes", SIZES)
def test_rows_have_the_digests_of_the_definition(row_bytes):
    rows = random_rows(3, row_bytes)
    assert row_digests(rows).tolist() == [twin(row.tobytes()) for row in rows]


def test_the_definition_never_changes():
    """Digests lie in stores: another number here is another format."""
    assert twin(b"") == row_digests(np.empty((1, 0), np.uint8))[0] == 16294208416658607535
    assert twin(bytes(range(10))) == 12876276499858352396


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=20))
def test_byte_strings_of_any_length_have_the_digest_of_a_row(items):
    assert ragged_digests(items).tolist() == [twin(item) for item in items]


def test_a_long_byte_string_has_the_digest_of_a_row():
    items = [b"x" * (BLOCK_BYTES + 5), b"", b"y" * BLOCK_BYTES]
    assert ragged_digests(items).tolist() == [twin(item) for item in items]


@pytest.mark.parametrize("step", [1000, BLOCK_BYTES, BLOCK_BYTES + 8, 70_000])
def test_a_row_in_pieces_has_the_digest_of_the_whole(step):
    rows = random_rows(2, 100_001)
    digests = RowDigests(100_001)
    for row in rows:
        for start in range(0, len(row), step):
            digests.piece(row[start : start + step])
    assert digests.values().tolist() == row_digests(rows).tolist()


@pytest.mark.parametrize("row_bytes", [4, 24, 136, 40_000])
def test_one_changed_bit_changes_that_row_and_no_other(row_bytes):
    rows = random_rows(5, row_bytes)
    before = row_digests(rows)
    for bit in range(0, 8 * row_bytes, max(1, row_bytes // 3)):
        rows[2, bit // 8] ^= 1 << bit % 8
        after = row_digests(rows)
        rows[2, bit // 8] ^= 1 << bit % 8
        assert np.flatnonzero(before != after).tolist() == [2], bit


def test_rows_of_few_bits_do_not_collide():
    """Zeros but for one or two bits, or signs: what a weak mix confuses first."""
    rows = [bytes(64)]
    for first in range(0, 512, 3):
        for second in range(first, 512, 5):
            row = bytearray(64)
            row[first // 8] |= 1 << first % 8
            row[second // 8] |= 1 << second % 8
            rows.append(bytes(row))
    signs = np.sign(np.random.default_rng(0).standard_normal((50_000, 16))).astype(np.float32)
    distinct = {row.tobytes() for row in signs} | set(rows)
    found = ragged_digests(sorted(distinct))
    assert len(set(found.tolist())) == len(distinct)


def test_swapped_words_and_longer_rows_differ():
    assert twin(b"a" * 8 + b"b" * 8) != twin(b"b" * 8 + b"a" * 8)
    assert twin(b"a") != twin(b"a\0")
    a, b = row_digests(random_rows(2, 8)), row_digests(random_rows(2, 16))
    assert combine([a, b]).tolist() != combine([b, a]).tolist()
    assert combine([a]).tolist() == a.tolist()
