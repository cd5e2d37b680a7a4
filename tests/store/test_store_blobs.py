"""Blobs: kept once, given back whole or not at all, and chunked so that a change costs a chunk."""

import io
import itertools
import os
import random
import threading
import zipfile

import pytest
from blake3 import blake3

from nbtrack.errors import BlobNotFound
from nbtrack.store.blobs import Blobs
from nbtrack.store.chunks import MAX_BYTES, MIN_BYTES, split

MIB = 2**20


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


@pytest.fixture(scope="module")
def large():
    return random.Random(0).randbytes(12 * MIB)


def files(blobs):
    return {path: path.stat() for path in blobs.folder.glob("??/*")}


@pytest.mark.parametrize("content", [b"", b"a", b"nbtrack chunks 1\n", bytes(MAX_BYTES)], ids=len)
def test_a_content_comes_back_under_its_digest(blobs, content):
    digest = blobs.put(content)
    assert digest == blake3(content).hexdigest()
    assert digest in blobs
    assert blobs.get(digest) == content
    assert blobs.open(digest).read() == content
    assert blobs.size(digest) == len(content)
    assert list(blobs) == [digest]
    assert (blobs.folder / digest[:2] / digest[2:]).read_bytes() == content


def test_a_large_content_comes_back_whole(blobs, large, tmp_path):
    (tmp_path / "file").write_bytes(large)
    digest = blobs.put(tmp_path / "file")
    assert digest == blobs.put(str(tmp_path / "file")) == blake3(large).hexdigest()
    assert blobs.get(digest) == large
    assert blobs.size(digest) == len(large)
    blobs.copy_to(digest, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == large
    assert blobs.verify() == []


def test_the_same_content_is_kept_once(blobs, large):
    first = blobs.put(large)
    before = files(blobs)
    assert blobs.put(large) == first
    after = files(blobs)
    assert {path: stat.st_mtime_ns for path, stat in after.items()} == {
        path: stat.st_mtime_ns for path, stat in before.items()
    }


@pytest.mark.parametrize("place", [0, 5 * MIB + 17, 12 * MIB])
def test_one_byte_inserted_costs_a_chunk_or_two(blobs, large, place):
    blobs.put(large)
    before = files(blobs)
    digest = blobs.put(large[:place] + b"x" + large[place:])
    assert blobs.get(digest)[place : place + 1] == b"x"
    new = [stat.st_size for path, stat in files(blobs).items() if path not in before]
    assert len(new) <= 3  # one or two chunks, and the list
    assert sum(new) < 6 * MIB


def test_chunks_are_cut_by_content_within_their_limits(large):
    chunks = list(split(io.BytesIO(large).read))
    assert b"".join(chunks) == large
    assert all(MIN_BYTES <= len(chunk) <= MAX_BYTES for chunk in chunks[:-1])
    assert 5 < len(chunks) < 20  # 1.25 MiB each on average


def test_cuts_do_not_depend_on_the_pieces_in_which_a_content_comes_in(large):
    """Pieces that end just before a cut are the hard case: the hash reaches back into the last."""
    chunks = list(split(io.BytesIO(large).read))
    file = io.BytesIO(large)
    ends = iter([end - 5 for end in itertools.accumulate(map(len, chunks))])

    def read_up_to_cuts(size):
        nonlocal target
        if file.tell() >= target:
            target = next(ends, len(large))
        return file.read(min(size, target - file.tell()))

    target = 0
    assert list(split(read_up_to_cuts)) == chunks


def test_cuts_are_those_of_a_plain_gear_hash(large):
    """A slow twin: the hash byte by byte, as in the paper; part of the format."""
    gear = blake3(b"nbtrack gear v1").digest(length=1024)
    table = [int.from_bytes(gear[4 * i : 4 * i + 4], "little") for i in range(256)]
    content = large[: 3 * MIB]
    hashed, start, cuts = 0, 0, []
    for place, byte in enumerate(content, 1):
        hashed = (hashed * 2 + table[byte]) % 2**32
        length = place - start
        if length >= MAX_BYTES or (length >= MIN_BYTES and hashed >> 12 == 0):
            cuts.append(length)
            start = place
    cuts += [len(content) - start] if start < len(content) else []
    assert [len(chunk) for chunk in split(io.BytesIO(content).read)] == cuts
    assert len(cuts) > 1


@pytest.mark.parametrize("byte", [b"\0", b"a"])
def test_a_content_of_one_byte_over_and_over_is_cut_too(blobs, byte):
    content = byte * (9 * MIB)
    digest = blobs.put(content)
    assert blobs.get(digest) == content
    assert len(list(blobs)) <= 3


def damage(blobs, digest, how):
    path = blobs.folder / digest[:2] / digest[2:]
    if how == "gone":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)


@pytest.mark.parametrize("how", ["gone", "cut", "empty", "one bit"])
def test_a_small_blob_that_is_damaged_is_never_given_out(blobs, how, tmp_path):
    good, bad = blobs.put(b"good"), blobs.put(b"bad content")
    damage(blobs, bad, how)
    for read in (blobs.get, blobs.open, blobs.size, lambda d: blobs.copy_to(d, tmp_path / "copy")):
        with pytest.raises(BlobNotFound, match=bad):
            read(bad)
    assert not (tmp_path / "copy").exists()
    assert blobs.verify() == ([] if how == "gone" else [bad])
    assert blobs.get(good) == b"good"
    assert blobs.put(b"bad content") == bad  # putting it again mends it
    assert blobs.get(bad) == b"bad content"


@pytest.mark.parametrize("how", ["gone", "cut", "one bit"])
def test_a_large_blob_with_a_damaged_chunk_is_never_given_out(blobs, large, how, tmp_path):
    digest = blobs.put(large)
    chunk = next(each for each in blobs if each != digest and blobs.size(each) < MAX_BYTES)
    damage(blobs, chunk, how)
    with pytest.raises(BlobNotFound, match=chunk):
        blobs.get(digest)
    with pytest.raises(BlobNotFound):
        blobs.open(digest).read()
    with pytest.raises(BlobNotFound):
        blobs.copy_to(digest, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == [blobs.folder]
    assert set(blobs.verify()) == {digest} | (set() if how == "gone" else {chunk})
    blobs.put(large)
    assert blobs.verify() == []


def test_a_list_of_chunks_that_is_damaged_is_found(blobs, large):
    digest = blobs.put(large)
    path = blobs.folder / digest[:2] / digest[2:]
    lines = path.read_bytes().splitlines(keepends=True)
    assert lines[0] == b"nbtrack chunks 1\n"
    for wrong in (lines[:-1], [lines[0], *lines[:0:-1]], [*lines[:-1], b"no digest\n"]):
        path.write_bytes(b"".join(wrong))
        with pytest.raises(BlobNotFound):
            blobs.get(digest)
        assert blobs.verify() == [digest]


@pytest.mark.parametrize("digest", ["0" * 64, "", "../../etc/passwd", "A" * 64, "ab"])
def test_what_is_not_there_is_a_lookup_error(blobs, digest):
    assert digest not in blobs
    with pytest.raises(LookupError):
        blobs.get(digest)


def test_a_large_blob_opens_as_a_seekable_file(blobs, large):
    file = blobs.open(blobs.put(large))
    twin = io.BytesIO(large)
    places = random.Random(1)
    for _ in range(50):
        place, size = places.randrange(len(large)), places.choice([1, 100, 3 * MIB])
        assert file.seek(place) == twin.seek(place)
        assert file.read(size) == twin.read(size)
        assert file.tell() == twin.tell()
    assert file.seek(-5, os.SEEK_END) == len(large) - 5
    assert file.read() == large[-5:]
    assert file.read() == b""


def test_a_zip_in_a_large_blob_can_be_read_in_place(blobs, large, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("large", large)
        archive.writestr("small", b"hello")
    file = blobs.open(blobs.put(tmp_path / "a.zip"))
    assert zipfile.ZipFile(file).read("small") == b"hello"


def test_threads_that_put_the_same_content_do_not_disturb_each_other(blobs):
    content = random.Random(2).randbytes(5 * MIB)
    digests = []
    threads = [
        threading.Thread(target=lambda: digests.append(blobs.put(content))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(digests)) == 1
    assert blobs.verify() == []
    assert not list(blobs.folder.rglob(".*"))


def test_a_folder_that_cannot_be_written_is_an_error_of_the_system(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="Not a directory"):
        Blobs(tmp_path / "file" / "blobs").put(b"x")
