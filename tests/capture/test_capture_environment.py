"""What surrounds a process is told as plain values, without importing or starting anything."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nbtrack.capture.surroundings.environment import environment
from nbtrack.capture.surroundings.packages import installed

SPARE = "import json; from nbtrack.capture.surroundings.environment import environment\n"


def told_by(code: str, **env: str) -> dict:
    """What a fresh Python prints as JSON."""
    import os

    done = subprocess.run(
        [sys.executable, "-c", SPARE + code],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# ---- all of it ----------------------------------------------------------------------------------


def test_the_environment_is_plain_and_the_same_each_time():
    first, second = environment(), environment()
    assert json.loads(json.dumps(first)) == first
    assert json.dumps(first) == json.dumps(second)
    first["packages"].clear()
    first["gpu"]["devices"].append({})
    assert environment() == second  # what was given is the caller's own


def test_what_is_not_imported_stays_so_and_is_not_told():
    found = told_by(
        "import sys; e = environment()\n"
        "loaded = [n for n in ('torch', 'numpy', 'pandas', 'matplotlib') if n in sys.modules]\n"
        "print(json.dumps([loaded, e]))"
    )
    assert found[0] == []
    assert (found[1]["torch"], found[1]["numpy"], found[1]["threads"]["torch"]) == (None,) * 3
    assert found[1]["packages"]["torch"]  # installed all the same
    assert "torch" not in found[1]["imported"]


def test_settings_of_torch_that_change_bits_are_told_as_they_are_now():
    torch = pytest.importorskip("torch")
    before = environment()
    assert before["torch"]["version"] == torch.__version__
    assert before["threads"]["torch"] == torch.get_num_threads()
    assert before["torch"]["flags"]["default_dtype"] == "torch.float32"
    found = told_by(
        "import torch\n"
        "a = environment()\n"
        "torch.set_num_threads(3); torch.set_default_dtype(torch.float64)\n"
        "torch.use_deterministic_algorithms(True); torch.set_float32_matmul_precision('high')\n"
        "torch._C._set_mkldnn_enabled(False); torch.backends.cudnn.benchmark = True\n"
        "b = environment(); print(json.dumps([a, b]))"
    )
    flags, changed = found[0]["torch"]["flags"], found[1]["torch"]["flags"]
    assert found[1]["threads"]["torch"] == 3
    assert {name: (flags[name], changed[name]) for name in flags if flags[name] != changed[name]}
    for name, value in {
        "default_dtype": "torch.float64",
        "deterministic": True,
        "matmul_precision": "high",
        "mkldnn_enabled": False,
        "cudnn_benchmark": True,
    }.items():
        assert (name, changed[name]) == (name, value)
        assert flags[name] != value


def test_reading_changes_nothing_in_torch():
    found = told_by(
        "import torch; torch.manual_seed(0); state = torch.get_rng_state()\n"
        "environment()\n"
        "same = bool((torch.get_rng_state() == state).all())\n"
        "torch.set_num_interop_threads(1)\n"  # refused once torch has started them
        "print(json.dumps([same, torch.cuda.is_initialized(), torch.get_num_interop_threads()]))"
    )
    assert found == [True, False, 1]


def test_a_precision_that_torch_does_not_tell_by_its_old_name_is_unknown():
    found = told_by(
        "import torch\n"
        "getattr(torch.backends, 'fp32_precision')\n"
        "torch.backends.fp32_precision = 'tf32'\n"
        "print(json.dumps(environment()['torch']['flags']))"
    )
    assert found["fp32_precision"] == "tf32"
    assert found["matmul_precision"] in (None, "high")


# ---- Python, and variables ----------------------------------------------------------------------


def test_the_hash_seed_is_that_of_the_start():
    set_later = "import os; os.environ['PYTHONHASHSEED'] = '7'\n"
    show = "e = environment(); print(json.dumps([e['python']['hash_seed'], e['env']]))"
    for value, told in (("", "random"), ("random", "random"), ("0", "0"), ("42", "42")):
        seed, env = told_by(set_later + show, PYTHONHASHSEED=value)
        assert seed == told
        assert env.get("PYTHONHASHSEED") == (None if told == "random" else told)


def test_variables_that_change_results_are_kept_and_secrets_and_folders_are_not(monkeypatch):
    for name, value in {
        "OMP_NUM_THREADS": "3",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "TORCH_SHOW": "https://me:pw@host/x",
        "TORCH_API_KEY": "a1b2c3d4",
        "NCCL_AUTH_TOKEN": "a1b2c3d4",
        "TORCH_HOME": "/home/me/torch",
        "SOMETHING_ELSE": "1",
    }.items():
        monkeypatch.setenv(name, value)
    found = environment()["env"]
    assert found["OMP_NUM_THREADS"] == "3"
    assert found["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert found["TORCH_SHOW"] == "https://***@host/x"
    assert not {"TORCH_API_KEY", "NCCL_AUTH_TOKEN", "TORCH_HOME", "SOMETHING_ELSE"} & set(found)
    assert "a1b2c3d4" not in json.dumps(environment())


def test_the_machine_is_told():
    found = environment()
    assert found["os"]["name"]
    assert found["cpu"]["cores"] >= found["cpu"]["usable_cores"] >= 1
    assert set(found["gpu"]) == {"driver", "devices"}
    assert found["python"]["version"] == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.gpu
def test_the_gpu_is_told_as_torch_sees_it():
    import torch

    [device, *_] = environment()["gpu"]["devices"]
    assert device["name"] == torch.cuda.get_device_name(0)
    major, minor = torch.cuda.get_device_capability(0)
    assert device["compute_capability"] == f"{major}.{minor}"


# ---- packages -----------------------------------------------------------------------------------


def test_packages_are_those_that_python_itself_finds():
    expected: dict[str, str] = {}
    for one in importlib.metadata.distributions():
        if one.name:
            expected.setdefault(canonical(one.name), one.version)
    assert environment()["packages"] == expected


def make_package(folder: Path, name: str, version: str, **files: str) -> Path:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: not this\n"
    (info / "METADATA").write_text(text, encoding="utf-8")
    for file, content in files.items():
        (info / file.replace("__", ".")).write_text(content, encoding="utf-8")
    return info


@pytest.fixture
def a_folder_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_a_new_package_is_seen_and_its_build_kept(a_folder_on_the_path):
    before = environment()["packages"]
    assert installed() is installed()
    make_package(a_folder_on_the_path, "Some.Thing", "1.0+cu130")
    after = environment()["packages"]
    assert after == {**before, "some-thing": "1.0+cu130"}
    assert list(after) == sorted(after)


def test_where_a_package_came_from_is_told_without_its_login(a_folder_on_the_path):
    origin = {
        "url": "https://me:pw@host.example/a.git",
        "vcs_info": {"vcs": "git", "commit_id": "abc123", "requested_revision": "main"},
    }
    make_package(a_folder_on_the_path, "a", "1", direct_url__json=json.dumps(origin))
    make_package(a_folder_on_the_path, "b", "1", direct_url__json="{broken")
    local = json.dumps({"url": "file:///build/c", "dir_info": {}})
    make_package(a_folder_on_the_path, "c", "1", direct_url__json=local, INSTALLER="conda\n")
    sources = environment()["sources"]
    assert sources["a"] == {
        "url": "https://***@host.example/a.git",
        "editable": False,
        "commit": "abc123",
    }
    assert not {"b", "c"} & set(sources)


def test_the_commit_of_an_editable_package_is_that_of_now(a_folder_on_the_path, tmp_path):
    code = tmp_path / "code"
    (code / ".git").mkdir(parents=True)
    origin = json.dumps({"url": code.as_uri(), "dir_info": {"editable": True}})
    make_package(a_folder_on_the_path, "mine", "1", direct_url__json=origin)
    for commit in ("1" * 40, "2" * 40):
        (code / ".git" / "HEAD").write_text(commit + "\n", encoding="utf-8")
        assert environment()["sources"]["mine"]["commit"] == commit


def test_imported_packages_are_named_by_the_package_and_not_by_the_module(
    a_folder_on_the_path, monkeypatch
):
    import PIL  # noqa: F401  # of the package pillow

    make_package(a_folder_on_the_path, "one", "1", RECORD="first_mod/__init__.py,,\n")
    make_package(a_folder_on_the_path, "two", "2", top_level__txt="second_mod\n")
    make_package(a_folder_on_the_path, "three", "3", RECORD="third_mod.py,,\n")
    make_package(a_folder_on_the_path, "four", "4", RECORD="fourth_mod.py,,\n")
    (a_folder_on_the_path / "first_mod").mkdir()
    for name in ("first_mod/__init__", "second_mod", "third_mod", "fourth_mod"):
        (a_folder_on_the_path / f"{name}.py").write_text("", encoding="utf-8")
    for name in ("first_mod", "second_mod", "third_mod"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        __import__(name)
    imported = environment()["imported"]
    for name in ("first_mod", "second_mod", "third_mod"):
        del sys.modules[name]
    assert "pillow" in imported
    assert {"one": "1", "two": "2", "three": "3"}.items() <= imported.items()
    assert "four" not in imported
    assert imported.items() <= environment()["packages"].items()


def test_packages_that_setuptools_carries_for_itself_are_not_installed_ones(tmp_path, monkeypatch):
    info = tmp_path / "setuptools" / "_vendor" / "carried-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: carried\nVersion: 1.0\n")
    other = tmp_path / "packages" / "mine-2.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Name: mine\nVersion: 2.0\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(info.parent), str(other.parent)])
    packages = environment()["packages"]
    assert packages["mine"] == "2.0"
    assert "carried" not in packages
