"""What differs between environments is named, with what matters first, and the reason in words."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from nbtrack.capture.surroundings.environment import environment
from nbtrack.versioning.repeating.environment_diff import environment_differences, likely_reason

BASE: dict[str, Any] = {
    "python": {"version": "3.11.7", "implementation": "CPython", "hash_seed": "0"},
    "os": {"name": "Linux", "release": "6.1", "machine": "x86_64", "libc": "glibc 2.36"},
    "cpu": {"model": "AMD EPYC", "cores": 4, "usable_cores": 4},
    "gpu": {"driver": None, "devices": []},
    "threads": {"torch": 4, "torch_interop": 2},
    "torch": {
        "version": "2.13.0+cpu",
        "cuda": None,
        "cudnn": None,
        "cpu_capability": "AVX512",
        "flags": {"matmul_precision": "highest", "deterministic": False},
    },
    "numpy": {"version": "2.4.6", "blas": "scipy-openblas 0.3", "simd": ["AVX2"]},
    "env": {"OMP_NUM_THREADS": "4"},
    "packages": {
        "torch": "2.13.0+cpu",
        "numpy": "2.4.6",
        "pandas": "3.1.1",
        "rich": "14.0",
        "ipykernel": "7.4.0",
        "nvidia-cudnn-cu13": "9.1",
    },
    "imported": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "pandas": "3.1.1", "ipykernel": "7.4.0"},
}
H100 = {"name": "NVIDIA H100", "compute_capability": "9.0", "memory_gib": 80.0}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The environment above with one thing changed; None takes it out."""
    found = copy.deepcopy(BASE)
    *parents, last = path.split("/")
    place = found
    for parent in parents:
        place = place[parent]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return found


def test_the_same_environment_has_no_differences():
    assert environment_differences(BASE, copy.deepcopy(BASE)) == []
    assert environment_differences(environment(), environment()) == []
    assert likely_reason([]) is None


@pytest.mark.parametrize(
    ("path", "value", "name", "reason"),
    [
        (
            "threads/torch",
            2,
            "threads",
            "2 threads instead of 4: sums in parallel are added in another order, "
            "which changes the last bits",
        ),
        (
            "packages/torch",
            "2.13.0+cu130",
            "torch",
            "torch 2.13.0+cu130 instead of 2.13.0+cpu: another build of torch brings other "
            "kernels, which may add in another order",
        ),
        ("packages/torch", "2.12.0+cpu", "torch", "another release of torch"),
        ("packages/numpy", "2.3.0", "numpy", "numpy 2.3.0 instead of 2.4.6: another release"),
        ("gpu/devices", [H100, H100], "gpu", "2 x NVIDIA H100 instead of no GPU: each kind of"),
        ("torch/cudnn", 91000, "cudnn", "cudnn 91000, which was not there: it chooses"),
        ("torch/cpu_capability", "AVX2", "cpu capability", "AVX2 instead of AVX512: vectors"),
        (
            "torch/flags/matmul_precision",
            "high",
            "flag matmul precision",
            "matmul precision is high instead of highest: it selects",
        ),
        ("cpu/model", "Xeon", "cpu", "Xeon instead of AMD EPYC"),
        ("python/hash_seed", "random", "PYTHONHASHSEED", "PYTHONHASHSEED is random instead of 0"),
        ("python/version", "3.12.1", "python", "Python 3.12.1 instead of 3.11.7: another Python"),
        ("env/OMP_NUM_THREADS", "1", "env OMP_NUM_THREADS", "OMP_NUM_THREADS is 1 instead of 4"),
        ("env/OMP_NUM_THREADS", None, "env OMP_NUM_THREADS", "no OMP_NUM_THREADS, which was 4"),
        ("packages/pandas", "3.0.0", "package pandas", "pandas 3.0.0 instead of 3.1.1: code of"),
        ("packages/pandas", None, "package pandas", "no pandas, which was 3.1.1"),
        ("packages/nvidia-cudnn-cu13", "9.2", "package nvidia-cudnn-cu13", "nvidia-cudnn-cu13 9.2"),
    ],
)
def test_what_can_change_bits_is_named_and_explained(path, value, name, reason):
    [found] = environment_differences(BASE, changed(path, value))
    assert (found.name, found.matters) == (name, True)
    said = likely_reason([found])
    assert said is not None
    assert reason in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("path", "value", "name"),
    [
        ("packages/rich", "13.0", "package rich"),
        ("packages/ipykernel", "7.3.0", "package ipykernel"),
        ("packages/new", "1.0", "package new"),
        ("os/release", "6.2", "kernel"),
        ("python/version", "3.11.8", "python"),
        ("cpu/usable_cores", 2, "usable cores"),
        ("env/KMP_INIT_AT_FORK", "FALSE", "env KMP_INIT_AT_FORK"),
    ],
)
def test_what_changes_no_bits_is_named_and_blamed_for_nothing(path, value, name):
    [found] = environment_differences(BASE, changed(path, value))
    assert (found.name, found.matters) == (name, False)
    assert likely_reason([found]) is None


def test_the_likeliest_comes_first_and_what_does_not_matter_last():
    present = copy.deepcopy(BASE)
    present["packages"] |= {"rich": "13.0", "pandas": "3.0", "torch": "2.12.0+cpu"}
    present["threads"]["torch"] = 2
    present["env"]["OMP_NUM_THREADS"] = "2"
    found = environment_differences(BASE, present)
    assert [each.name for each in found] == [
        "torch",
        "threads",
        "env OMP_NUM_THREADS",
        "package pandas",
        "package rich",
    ]
    assert "torch 2.12.0+cpu" in str(likely_reason(found))
    assert likely_reason(found[::-1][:2]) == likely_reason([found[3]])


def test_what_one_side_does_not_know_is_no_difference():
    without = copy.deepcopy(BASE)
    without["torch"] = without["numpy"] = None
    without["threads"] = {"torch": None, "torch_interop": None}
    without["imported"] = {}
    assert environment_differences(BASE, without) == []
    assert environment_differences(without, BASE) == []
    assert environment_differences({}, BASE) == []
    assert environment_differences(BASE, {}) == []


def test_cores_matter_where_the_number_of_threads_is_not_known():
    old, new = changed("threads", None), changed("threads", None)
    new["cpu"]["usable_cores"] = 2
    [found] = environment_differences(old, new)
    assert (found.name, found.matters) == ("usable cores", True)


def test_an_editable_package_differs_by_its_commit():
    old, new = copy.deepcopy(BASE), copy.deepcopy(BASE)
    old["sources"] = {"pandas": {"url": "file:///p", "editable": True, "commit": "a" * 40}}
    new["sources"] = {"pandas": {"url": "file:///p", "editable": True, "commit": "b" * 40}}
    [found] = environment_differences(old, new)
    assert found.recorded == "3.1.1 at " + "a" * 12
    assert found.matters


def with_flag(name, value, devices=()):
    environment = copy.deepcopy(BASE)
    environment["torch"]["flags"][name] = value
    environment["gpu"] = {"driver": None, "devices": list(devices)}
    return environment


def test_a_flag_of_a_gpu_is_no_difference_where_there_is_none():
    old, new = with_flag("cudnn_deterministic", True), with_flag("cudnn_deterministic", False)
    assert environment_differences(old, new) == []
    gpu = [{"name": "H100", "compute_capability": "9.0"}]
    old = with_flag("cudnn_deterministic", True, gpu)
    [found] = environment_differences(old, with_flag("cudnn_deterministic", False, gpu))
    assert found.name == "flag cudnn deterministic"


def test_a_precision_that_was_never_asked_for_is_that_of_ieee():
    old, new = with_flag("fp32_precision", "none"), with_flag("fp32_precision", "ieee")
    assert environment_differences(old, new) == []
    [found] = environment_differences(old, with_flag("fp32_precision", "tf32"))
    assert (found.recorded, found.present) == ("ieee", "tf32")
