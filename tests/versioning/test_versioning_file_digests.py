"""A file's digest is of all of it, and remembered only as long as it cannot have changed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from blake3 import blake3

from nbtrack.store.blobs import Blobs
from nbtrack.versioning.contents import file_digests
from nbtrack.versioning.contents.file_digests import FileDigests, digest_file


def make(path: Path, content: bytes, age_s: float = 60) -> Path:
    path.write_bytes(content)
    changed_s = time.time() - age_s
    os.utime(path, (changed_s, changed_s))
    return path


@pytest.fixture
def num_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files that were read whole, as they were."""
    read: list[str] = []
    plain = digest_file

    def counted(path: str) -> str:
        read.append(Path(path).name)
        return plain(path)

    monkeypatch.setattr(file_digests, "digest_file", counted)
    return read


@pytest.mark.parametrize("size", [0, 1, 4096, 2**22, 2**22 + 1, 2**25 + 7])
def test_the_digest_is_of_all_bytes(tmp_path, size):
    content = os.urandom(min(size, 2**16)) * (size // 2**16 + 1)
    path = make(tmp_path / "a", content[:size])
    assert digest_file(path) == blake3(content[:size]).hexdigest()
    assert digest_file(path) == Blobs(tmp_path / "blobs").put(path)


def test_one_byte_anywhere_changes_it(tmp_path):
    content = bytearray(2**22 + 100)
    before = digest_file(make(tmp_path / "a", bytes(content)))
    for place in (0, 2**21, len(content) - 1):
        content[place] ^= 1
        assert digest_file(make(tmp_path / "a", bytes(content))) != before
        content[place] ^= 1


def test_a_file_is_read_once_also_by_the_next_process(tmp_path, num_read):
    path = make(tmp_path / "a", b"one")
    cache = tmp_path / "cache" / "digests.jsonl"
    digests = FileDigests(cache)
    assert digests.digest(path) == digests.digest(str(path)) == blake3(b"one").hexdigest()
    assert FileDigests(cache).digest(path) == blake3(b"one").hexdigest()
    assert num_read == ["a"]


@pytest.mark.parametrize("change", ["content", "time", "inode"])
def test_a_file_that_changed_is_read_again(tmp_path, num_read, change):
    path = make(tmp_path / "a", b"one")
    digests = FileDigests(tmp_path / "cache")
    digests.digest(path)
    stat = path.stat()
    content = b"two"
    if change == "content":
        content = b"three"
        path.write_bytes(content)
    elif change == "inode":
        make(tmp_path / "b", content).rename(path)
    else:
        make(path, content, age_s=30)
    if change != "time":
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert digests.digest(path) == blake3(content).hexdigest()
    assert FileDigests(tmp_path / "cache").digest(path) == blake3(content).hexdigest()
    assert num_read == ["a", "a"]


def test_a_file_that_has_just_been_written_is_not_remembered(tmp_path, num_read):
    digests = FileDigests(tmp_path / "cache")
    path = make(tmp_path / "a", b"one", age_s=0.5)
    stat = path.stat()
    digests.digest(path)
    path.write_bytes(b"two")  # within a tick of the clock of file times
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert digests.digest(path) == blake3(b"two").hexdigest()
    assert not (tmp_path / "cache").exists()
    assert digests.digest(make(path, b"six", age_s=-100)) == blake3(b"six").hexdigest()
    assert not (tmp_path / "cache").exists()


def test_half_a_line_spoils_only_itself(tmp_path, num_read):
    cache = tmp_path / "cache"
    paths = [make(tmp_path / name, name.encode()) for name in "abc"]
    FileDigests(cache).digest(paths[0])
    with cache.open("ab") as file:
        file.write(b'{"path": "/x", "ino')
    FileDigests(cache).digest(paths[1])
    assert FileDigests(cache).digest(paths[0]) == blake3(b"a").hexdigest()
    assert FileDigests(cache).digest(paths[1]) == blake3(b"b").hexdigest()
    assert num_read == ["a", "b"]


def test_without_a_cache_only_time_is_lost(tmp_path, num_read):
    path = make(tmp_path / "a", b"one")
    (tmp_path / "file").write_text("", encoding="utf-8")
    impossible = tmp_path / "file" / "cache"
    assert FileDigests(impossible).digest(path) == blake3(b"one").hexdigest()
    assert FileDigests(impossible).digest(path) == blake3(b"one").hexdigest()
    assert num_read == ["a", "a"]


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        digest_file(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        FileDigests(tmp_path / "cache").digest(tmp_path / "missing")
