"""Where the store is when nobody says so; and that opening one costs and makes nothing."""

import subprocess
import sys

import pytest

from nbtrack.store import Store
from nbtrack.store.cachefile import CacheFile, is_on_network


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch):
    monkeypatch.delenv("NBTRACK_DIR", raising=False)


def test_the_variable_names_the_store(tmp_path, monkeypatch):
    monkeypatch.setenv("NBTRACK_DIR", str(tmp_path / "here"))
    assert Store().path == tmp_path / "here"
    assert Store(tmp_path / "there").path == tmp_path / "there"


def test_without_any_it_is_in_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    assert Store().path == tmp_path / ".nbtrack"
    assert not (tmp_path / ".nbtrack").exists()


def test_the_nearest_one_above_is_found_up_to_the_root_of_the_repository(tmp_path, monkeypatch):
    (tmp_path / ".nbtrack").mkdir()
    inner = tmp_path / "repository" / "notebooks"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert Store().path == tmp_path / ".nbtrack"
    (tmp_path / "repository" / ".git").mkdir()
    assert Store().path == inner / ".nbtrack"
    (tmp_path / "repository" / ".nbtrack").mkdir()
    assert Store().path == tmp_path / "repository" / ".nbtrack"


def test_a_store_keeps_its_folder_when_the_program_changes_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store("relative")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert store.path == tmp_path / "relative"
    assert repr(store) == f"Store({str(store.path)!r})"


def test_importing_the_store_imports_nothing_heavy():
    code = "import sys, nbtrack.store; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"numpy", "pandas", "torch", "matplotlib", "psutil", "sqlite3", "blake3"}
    assert heavy.isdisjoint(loaded)
    assert "nbtrack.store.writer" in loaded


def test_the_index_of_a_store_on_a_network_disk_is_kept_off_it(tmp_path, monkeypatch):
    assert not is_on_network(tmp_path)
    assert CacheFile(tmp_path).path == tmp_path / "index.sqlite"
    monkeypatch.setattr("nbtrack.store.cachefile.is_on_network", lambda path: True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    here, there = CacheFile(tmp_path / "a").path, CacheFile(tmp_path / "b").path
    assert here.parent == there.parent == tmp_path / "cache" / "nbtrack"
    assert here != there
