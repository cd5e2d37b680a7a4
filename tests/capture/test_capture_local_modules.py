"""The user's own modules are found; installed ones are not."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbtrack.capture.surroundings.local_modules import local_modules


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    tests = str(Path(__file__).parents[1])
    installed = [entry for entry in sys.path if not entry.startswith(tests)]
    monkeypatch.setattr(sys, "path", ["", *installed])
    before = set(sys.modules)
    importlib.invalidate_caches()
    yield folder
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(path: Path, text: str = "x = 1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    importlib.invalidate_caches()
    return path


def test_imported_modules_of_the_folder_are_found_with_their_packages(home):
    expected = {
        "my_helpers.py": write(home / "my_helpers.py"),
        "my_pack/__init__.py": write(home / "my_pack" / "__init__.py"),
        "my_pack/inner/part.py": write(home / "my_pack" / "inner" / "part.py"),
    }
    write(home / "not_imported.py")
    importlib.import_module("my_helpers")
    before = set(sys.modules)
    importlib.import_module("my_pack.inner.part")  # `inner` has no __init__.py
    assert local_modules(home) == expected
    del expected["my_helpers.py"]
    assert local_modules(home, before) == expected
    assert local_modules(home, set(sys.modules)) == {}


def test_packages_around_a_new_module_are_always_there(home):
    write(home / "my_pack" / "__init__.py")
    write(home / "my_pack" / "late.py")
    importlib.import_module("my_pack")
    before = set(sys.modules)
    importlib.import_module("my_pack.late")
    assert set(local_modules(home, before)) == {"my_pack/__init__.py", "my_pack/late.py"}


def test_modules_of_a_folder_added_to_the_path_are_found_under_their_import_name(home, tmp_path):
    beside = write(tmp_path / "src" / "beside_pack" / "part.py")
    below = write(home / "lib2" / "below.py")
    sys.path += [str(tmp_path / "src"), "lib2"]
    importlib.import_module("beside_pack.part")
    importlib.import_module("below")
    assert local_modules(home) == {
        "beside_pack/part.py": beside,
        "below.py": below,
        "lib2/below.py": below,
    }


def test_installed_modules_and_nbtracks_own_are_not(home, tmp_path):
    import nbtrack

    packages = home / ".venv" / "lib" / "python3" / "site-packages"
    write(packages / "installed_thing.py")
    sys.path.append(str(packages))
    importlib.import_module("installed_thing")
    assert local_modules(home) == {}
    assert (
        local_modules(Path(nbtrack.__file__).parents[1])
        .keys()
        .isdisjoint({"nbtrack/__init__.py", "nbtrack/records.py"})
    )


def test_a_module_of_an_editable_package_elsewhere_is_not(home, tmp_path, monkeypatch):
    import site

    packages, code = tmp_path / "site", tmp_path / "code"
    write(packages / "thing.pth", f"# comment\nimport os\n{code}\n")
    write(code / "edited_thing.py")
    sys.path.append(str(code))
    importlib.import_module("edited_thing")
    assert set(local_modules(home)) == {"edited_thing.py"}
    monkeypatch.setattr(site, "getsitepackages", lambda: [str(packages)])
    assert local_modules(home) == {}


def test_a_module_whose_file_is_gone_or_no_source_is_left_out(home):
    path = write(home / "my_gone.py")
    importlib.import_module("my_gone")
    assert local_modules(home) == {"my_gone.py": path}
    path.unlink()
    assert local_modules(home) == {}
