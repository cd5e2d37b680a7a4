"""All of the surroundings of a run that can change its numbers, as plain values."""

from __future__ import annotations

import io
import os
import platform
import sys
from pathlib import Path
from typing import Any

from nbtrack.capture.surroundings.hardware import gpus, processor, system
from nbtrack.capture.surroundings.numerics import numpy_state, threads, torch_state
from nbtrack.capture.surroundings.packages import installed
from nbtrack.capture.surroundings.secrets import is_secret_name, redact

# Variables that numeric libraries read. Not those that name folders: they differ from machine to
# machine and change no number.
_PREFIXES = (
    "ATEN_",
    "BLIS_",
    "CUBLAS",
    "CUDA_",
    "CUDNN_",
    "DNNL_",
    "GLOO_",
    "GOMP_",
    "HIP_",
    "JAX_",
    "KMP_",
    "MIOPEN_",
    "MKL",
    "NCCL_",
    "NPY_",
    "NUMEXPR_",
    "NVIDIA_TF32",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "PYTORCH_",
    "ROCR_",
    "TF_",
    "TORCH_",
    "TORCHDYNAMO_",
    "TORCHINDUCTOR_",
    "TRITON_",
    "VECLIB_",
    "XLA_",
)
_NAMES = ("LC_ALL", "LD_PRELOAD", "TOKENIZERS_PARALLELISM", "TZ")
_FOLDERS = ("_CACHE", "_DIR", "_DIRS", "_FILE", "_FOLDER", "_HOME", "_PATH", "_PATHS", "_ROOT")
_LONGEST_VALUE = 1000


def environment() -> dict[str, Any]:
    """What surrounds this process, as far as it can change numbers.

    Returns
    -------
    dict
        JSON values, in the same order each time:

        ``python``
            ``version``, ``implementation``, ``kind`` (``"venv"``, ``"conda"`` or ``"system"``) and
            ``hash_seed`` (a number as text, or ``"random"``).
        ``os``, ``cpu``, ``gpu``
            As `nbtrack.capture.surroundings.hardware` tells them.
        ``threads``, ``torch``, ``numpy``
            As `nbtrack.capture.surroundings.numerics` tells them; None for what the program has
            not imported.
        ``env``
            Variables that numeric libraries read. None that looks secret, none that names a folder.
        ``packages``
            All that is installed, with builds: ``{"torch": "2.13.0+cpu"}``.
        ``sources``
            ``{"url", "editable", "commit"}`` of packages that came from no index.
        ``conda``
            Name to version and build of conda's packages, where Python is one of them.
        ``imported``
            Those packages that modules of this process came from.

    Notes
    -----
    About 60 ms the first time, 3 ms afterwards. Imports nothing of the program's, starts no CUDA.
    """
    packages = installed()
    return {
        "python": {
            "version": platform.python_version(),
            "implementation": platform.python_implementation(),
            "kind": _kind(),
            "hash_seed": _hash_seed(),
        },
        "os": dict(system()),
        "cpu": dict(processor()),
        "gpu": {**gpus(), "devices": [dict(device) for device in gpus()["devices"]]},
        "threads": threads(),
        "torch": torch_state(),
        "numpy": numpy_state(),
        "env": _variables(),
        "packages": dict(packages.versions),
        "sources": packages.sources(),
        "conda": _conda_packages(),
        "imported": packages.imported(),
    }


def _kind() -> str:
    if sys.prefix != sys.base_prefix:
        return "venv"
    return "conda" if (Path(sys.prefix) / "conda-meta").is_dir() else "system"


def _hash_seed() -> str:
    """What the hashes of this process were seeded with; "random" if nobody knows.

    The variable may have been set since, which changes nothing in a process that runs.
    """
    if not sys.flags.hash_randomization:
        return "0"
    value = _at_start("PYTHONHASHSEED")
    if sys.flags.ignore_environment or value is None or not value.isdigit():
        return "random"
    return value


def _at_start(name: str) -> str | None:
    """A variable as this process was started with it; as it is now where that cannot be read."""
    try:
        with io.FileIO("/proc/self/environ") as file:
            entries = file.readall().split(b"\0")
    except OSError:
        return os.environ.get(name)
    found = dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)
    value = found.get(name.encode())
    return None if value is None else value.decode("utf-8", "replace")


def _variables() -> dict[str, str]:
    found = {
        name: redact(value)[:_LONGEST_VALUE]
        for name, value in sorted(os.environ.items())
        if (name in _NAMES or name.startswith(_PREFIXES))
        and not name.endswith(_FOLDERS)
        and not is_secret_name(name)
    }
    seed = _hash_seed()
    return found if seed == "random" else {**found, "PYTHONHASHSEED": seed}


def _conda_packages() -> dict[str, str]:
    """Conda's own list: it holds MKL and CUDA too, which are no Python packages."""
    try:
        names = sorted(path.stem for path in (Path(sys.prefix) / "conda-meta").glob("*.json"))
    except OSError:
        return {}
    parts = [name.rsplit("-", 2) for name in names]
    return {name: f"{version} {build}" for name, version, build in filter(_is_triple, parts)}


def _is_triple(parts: list[str]) -> bool:
    return len(parts) == 3
