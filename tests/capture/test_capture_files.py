"""Files that are opened are heard, whoever opens them; `open` itself stays what it was."""

# ruff: noqa: PTH123, SIM115 -- open() is what is tested here

from __future__ import annotations

import builtins
import gzip
import inspect
import io
import json
import os
import pickle
import sys
import tarfile
import threading
import time
import traceback
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nbtrack.capture.surroundings.files import (
    FilesSeen,
    FileWatch,
    literal_files,
    unheard,
    written_in,
)


@pytest.fixture(autouse=True)
def a_folder_to_work_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def seen_by(work) -> FilesSeen:
    watch = FileWatch()
    watch.begin()
    try:
        work()
    finally:
        seen = watch.end()
    return seen


def names(paths) -> set[str]:
    return {Path(path).name for path in paths}


def make(name: str, text: str = "1,2\n3,4\n") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


# ---- what is heard ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "read", "written"),
    [
        ("r", {"a"}, set()),
        ("rb", {"a"}, set()),
        ("w", set(), {"a"}),
        ("w+", set(), {"a"}),
        ("a", set(), {"a"}),
        ("r+", {"a"}, {"a"}),
    ],
)
def test_the_mode_says_what_was_done(mode, read, written):
    make("a")
    seen = seen_by(lambda: open(mode=mode, file="a").close())
    assert (names(seen.read), names(seen.written)) == (read, written)
    assert seen == seen_by(lambda: open("a", mode).close())


def test_a_new_file_is_written():
    assert names(seen_by(lambda: open("new", "x").close()).written) == {"new"}


def test_paths_are_absolute_by_the_working_folder_of_that_moment(tmp_path):
    (tmp_path / "sub").mkdir()
    make("sub/a")

    def work() -> None:
        os.chdir("sub")
        open("../sub/a").close()
        os.chdir("..")

    assert seen_by(work).read == {str(tmp_path / "sub" / "a")}


@pytest.mark.parametrize(
    "read",
    [
        lambda: Path("a").read_text(encoding="utf-8"),
        lambda: Path("a").open("rb").close(),
        lambda: io.open("a").close(),  # noqa: UP020
        lambda: open(b"a").close(),
        lambda: pd.read_csv("a"),
        lambda: np.loadtxt("a", delimiter=","),
        lambda: np.genfromtxt("a", delimiter=","),
        lambda: np.fromfile("a", dtype=np.uint8),
    ],
)
def test_every_way_to_read_is_heard(read, tmp_path):
    make("a")
    assert seen_by(read) == FilesSeen(read=frozenset({str(tmp_path / "a")}))


def test_compressed_and_binary_formats_are_heard():
    def write() -> None:
        np.save("array.npy", np.zeros(3))
        np.savez("arrays.npz", x=np.zeros(3))
        np.savetxt("text.txt", np.zeros(3))
        with gzip.open("zipped.gz", "wt") as file:
            json.dump([1], file)
        pd.DataFrame({"x": [1]}).to_csv("frame.csv")
        with tarfile.open("tape.tar", "w") as tape:
            tape.add("text.txt")

    def read() -> None:
        np.load("array.npy")
        np.load("arrays.npz")["x"]
        np.loadtxt("text.txt")
        with gzip.open("zipped.gz") as file:
            json.load(file)
        pd.read_csv("frame.csv")
        tarfile.open("tape.tar").close()

    files = {"array.npy", "arrays.npz", "text.txt", "zipped.gz", "frame.csv", "tape.tar"}
    assert names(seen_by(write).written) == files
    seen = seen_by(read)
    assert (names(seen.read), seen.written) == (files, frozenset())


def test_torch_files_are_heard_where_python_opens_them():
    torch = pytest.importorskip("torch")
    torch.save(torch.zeros(2), "t.pt")
    assert names(seen_by(lambda: torch.load("t.pt")).read) == {"t.pt"}


def test_the_open_of_a_notebook_is_heard(tmp_path):
    from IPython.core.interactiveshell import InteractiveShell

    make("a")
    shell = InteractiveShell()
    seen = seen_by(lambda: shell.run_cell("t = open('a').read()"))
    assert shell.user_ns["t"] == "1,2\n3,4\n"
    assert seen.read == {str(tmp_path / "a")}


def test_a_file_that_is_made_and_read_back_was_not_an_input():
    def work() -> None:
        make("a")
        open("a").close()

    seen = seen_by(work)
    assert (names(seen.read), names(seen.written)) == (set(), {"a"})
    assert names(seen_by(lambda: (open("a").close(), make("a"))).read) == {"a"}


def test_a_file_opened_by_another_thread_is_heard():
    make("a")

    def work() -> None:
        thread = threading.Thread(target=lambda: open("a").close())
        thread.start()
        thread.join()

    assert names(seen_by(work).read) == {"a"}


def test_an_inner_watch_is_heard_by_the_outer_one_too():
    for name in "abc":
        make(name)
    inner: list[FilesSeen] = []

    def work() -> None:
        open("a").close()
        inner.append(seen_by(lambda: open("b").close()))
        open("c").close()

    assert names(seen_by(work).read) == {"a", "b", "c"}
    assert names(inner[0].read) == {"b"}


def test_a_watch_can_be_used_again_and_forgets():
    make("a")
    watch = FileWatch()
    watch.begin()
    open("a").close()
    assert names(watch.end().read) == {"a"}
    open("a").close()
    watch.begin()
    assert watch.end() == FilesSeen()


# ---- what is not heard --------------------------------------------------------------------------


def test_files_of_python_the_system_and_stores_are_left_out(tmp_path):
    for name in (".nbtrack/x", "__pycache__/y.pyc", "lib/site-packages/z.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        make(name)

    def work() -> None:
        open(os.__file__).close()
        open(pd.__file__).close()
        open("/dev/null", "w").close()
        for name in (".nbtrack/x", "__pycache__/y.pyc", "lib/site-packages/z.py"):
            open(name).close()

    assert seen_by(work) == FilesSeen()


def test_numbers_of_open_files_are_no_paths():
    make("a")
    descriptor = os.open("a", os.O_RDONLY)
    assert seen_by(lambda: open(descriptor).close()) == FilesSeen()


def test_what_failed_to_open_was_not_read():
    def work() -> None:
        with pytest.raises(FileNotFoundError):
            open("missing")

    assert seen_by(work) == FilesSeen()


# ---- open stays what it was ---------------------------------------------------------------------


def test_open_is_restored_exactly():
    plain = {"builtins": builtins.open, "io": io.open, "tar": tarfile.bltn_open}
    first, second = FileWatch(), FileWatch()
    first.begin()
    second.begin()
    assert builtins.open is not plain["builtins"]
    first.end()
    assert builtins.open is not plain["builtins"]
    second.end()
    first.end()  # once too often
    assert {"builtins": builtins.open, "io": io.open, "tar": tarfile.bltn_open} == plain


def test_an_open_that_someone_else_put_over_ours_is_left_in_place(monkeypatch):
    make("a")
    watch = FileWatch()
    watch.begin()
    ours = builtins.open
    monkeypatch.setattr(builtins, "open", lambda *args: ours(*args))
    theirs = builtins.open
    open("a").close()
    assert names(watch.end().read) == {"a"}
    assert builtins.open is theirs
    open("a").close()  # still opens
    assert names(seen_by(lambda: open("a").close()).read) == {"a"}


def test_the_same_errors_come_with_the_same_words():
    def errors() -> list[str]:
        found = []
        for arguments in ((), ("missing",), ("a", "q"), (None,), ("a", "r", 1, None, None)):
            try:
                open(*arguments)
            except Exception as error:
                found.append(f"{type(error)} {error}")
        return found

    plain = errors()
    assert len(plain) == 4 or len(plain) == 5
    heard: list[str] = []
    seen_by(lambda: heard.extend(errors()))
    assert heard == plain


def test_open_looks_the_same():
    plain_signature, plain_open = inspect.signature(open), open

    class Reader:
        opener = open

    def work() -> None:
        class Inner:
            opener = open

        assert inspect.signature(open) == plain_signature
        assert (open.__name__, open.__doc__) == (plain_open.__name__, plain_open.__doc__)
        assert repr(open) == repr(plain_open)
        assert callable(open)
        assert open is io.open
        assert Inner().opener("a").read() == Reader().opener("a").read()
        assert type(open("a")) is io.TextIOWrapper
        assert type(open("a", "rb", 0)) is io.FileIO
        assert pickle.loads(pickle.dumps(open)) is open

    make("a")
    assert names(seen_by(work).read) == {"a"}


def test_an_opener_is_called_as_ever_and_its_folder_understood(tmp_path):
    (tmp_path / "sub").mkdir()
    make("sub/a", "text")
    folder = os.open("sub", os.O_RDONLY)
    texts = []

    def work() -> None:
        with open("a", opener=lambda name, flags: os.open(name, flags, dir_fd=folder)) as file:
            texts.append(file.read())

    seen = seen_by(work)
    os.close(folder)
    assert texts == ["text"]
    assert seen.read == {str(tmp_path / "sub" / "a")}


def test_a_path_object_that_misbehaves_hurts_only_the_hearing():
    class Path2:
        asked = 0

        def __fspath__(self) -> str:
            self.asked += 1
            if self.asked > 1:
                raise RuntimeError("only once")
            return "a"

    make("a", "text")
    texts = []
    assert seen_by(lambda: texts.append(open(Path2()).read())) == FilesSeen()
    assert texts == ["text"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 shows the frame")
def test_a_traceback_in_a_notebook_does_not_show_nbtrack(capsys):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    seen_by(lambda: shell.run_cell("open('missing')"))
    shown = capsys.readouterr().out
    assert "FileNotFoundError" in shown
    assert "capture/files.py" not in shown


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 shows the frame")
def test_a_traceback_ends_in_the_line_of_the_caller():
    def fails(*arguments, **options) -> list[str]:
        with pytest.raises((OSError, RuntimeError)) as caught:
            open(*arguments, **options)
        return [frame.name for frame in traceback.extract_tb(caught.tb)]

    def opener(*_):
        raise RuntimeError("in the opener")

    found = []
    plain = [fails("missing"), fails("a", opener=opener)]
    seen_by(lambda: found.extend([fails("missing"), fails("a", opener=opener)]))
    assert found == plain == [["fails"], ["fails", "opener"]]


# ---- files that are named -----------------------------------------------------------------------


def test_only_strings_that_name_a_file_are_taken(tmp_path):
    make("model.safetensors")
    (tmp_path / "folder").mkdir()
    strings = ["model.safetensors", "folder", "missing", "", "a\nb", "\0", "x" * 9000, os.__file__]
    expected = {str(tmp_path / "model.safetensors")}
    assert literal_files(strings, tmp_path) == expected
    assert literal_files(["../model.safetensors"], tmp_path / "folder") == expected
    assert literal_files(["model.safetensors"], "/") == set()


def test_a_file_is_written_in_the_time_that_it_was_written_in(tmp_path):
    make("a")
    written_ns = (tmp_path / "a").stat().st_mtime_ns
    assert written_in("a", written_ns - 1, written_ns)
    assert not written_in("a", written_ns, written_ns + 1)  # before the start, or at it
    assert not written_in(tmp_path / "a", written_ns - 9, written_ns - 1)
    assert not written_in("missing", 0, written_ns)


def test_a_write_well_after_the_start_is_seen():
    started_ns = time.time_ns()
    time.sleep(0.05)  # several ticks of the clock that file times are taken from
    make("a")
    assert written_in("a", started_ns, time.time_ns())


# ---- what nbtrack itself opens ------------------------------------------------------------------


def test_what_is_opened_unheard_is_not_heard_and_other_threads_are():
    for name in "abc":
        make(name)

    def work() -> None:
        with unheard():
            open("a").close()
            thread = threading.Thread(target=lambda: open("b").close())
            thread.start()
            thread.join()
        open("c").close()

    assert names(seen_by(work).read) == {"b", "c"}
