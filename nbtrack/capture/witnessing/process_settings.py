"""Process-wide settings that change what later cells compute, compared around every cell.

Libraries are read only when the program has imported them. One that is imported by the very cell
is compared with the settings that it starts with.
"""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Callable
from typing import Any

# Variables that IPython, Jupyter and libraries set on their own, when imported or used.
_NOT_THE_USERS = frozenset(
    {
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "COLUMNS",
        "CUDA_MODULE_LOADING",
        "FORCE_COLOR",
        "GIT_PAGER",
        "KMP_DUPLICATE_LIB_OK",
        "KMP_INIT_AT_FORK",
        "LC_CTYPE",
        "LINES",
        "PAGER",
        "PYTHONHASHSEED",  # read when Python starts, and never again
        "PYDEVD_USE_FRAME_EVAL",
        "PYTEST_CURRENT_TEST",
        "TERM",
        "TORCHINDUCTOR_CACHE_DIR",
        "TRITON_CACHE_DIR",
    }
)
_NOT_THE_USERS_PREFIXES = ("JPY_", "KINETO_", "NBTRACK_", "MPLBACKEND", "IPY_")
_RC_OF_THE_BACKEND = frozenset({"backend", "backend_fallback", "interactive"})


def read_settings() -> dict[str, Any]:
    """Name and value of every setting that can be read now.

    Notes
    -----
    Values of environment variables are in it, to be compared in memory; they must not be stored.
    Takes about 0.1 ms.

    Examples
    --------
    >>> read_settings()["cwd"] == os.getcwd()
    True
    """
    found: dict[str, Any] = {
        "sys.recursionlimit": sys.getrecursionlimit(),
        "sys.path": tuple(map(str, sys.path)),
    }
    try:
        found["cwd"] = os.getcwd()  # noqa: PTH109 - the folder may be gone
    except OSError:
        found["cwd"] = ""
    for name, value in list(os.environ.items()):
        if name not in _NOT_THE_USERS and not name.startswith(_NOT_THE_USERS_PREFIXES):
            found[f"env:{name}"] = value
    torch = _ready("torch")
    for name, read in _TORCH.items() if torch is not None else ():
        try:
            found[f"torch.{name}"] = read(torch)
        except Exception:  # a build or version of torch without it
            continue
    numpy = _ready("numpy")
    if numpy is not None:
        found["numpy.errstate"] = tuple(sorted(numpy.geterr().items()))
    matplotlib = _ready("matplotlib")
    if matplotlib is not None:
        found["matplotlib.rc"] = dict(dict.items(matplotlib.rcParams))
    return found


def changed_settings(before: dict[str, Any]) -> frozenset[str]:
    """Names of the settings that differ from those that `read_settings` gave before."""
    now = read_settings()
    names = {name for name in before.keys() | now.keys() if name.startswith("env:")}
    names |= before.keys() & now.keys()
    changed = {name for name in names if not _is_same(name, before.get(name), now.get(name))}
    if "torch.num_threads" in now and "torch.num_threads" not in before:
        torch = sys.modules["torch"]
        changed |= {
            f"torch.{name}"
            for name in _TORCH
            if f"torch.{name}" in now and not _is_default(name, now[f"torch.{name}"], torch)
        }
    if "numpy.errstate" in now and "numpy.errstate" not in before:
        words = {"divide": "warn", "invalid": "warn", "over": "warn", "under": "ignore"}
        changed |= {"numpy.errstate"} if dict(now["numpy.errstate"]) != words else set()
    if "matplotlib.rc" in now and "matplotlib.rc" not in before:
        original = getattr(sys.modules["matplotlib"], "rcParamsOrig", None)
        if original is not None and not _is_same_rc(
            dict(dict.items(original)), now["matplotlib.rc"]
        ):
            changed.add("matplotlib.rc")
    return frozenset(changed)


def _ready(library: str) -> Any:
    """The module if the program has imported it and that has finished."""
    module = sys.modules.get(library)
    spec = getattr(module, "__spec__", None)
    return module if spec is not None and not getattr(spec, "_initializing", False) else None


# ---- torch --------------------------------------------------------------------------------------


def _default_device(torch: Any) -> str:
    """Without ``torch.get_default_device``, which makes a tensor on the device to ask for it."""
    context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return "cpu" if context is None else str(context.device)


_TORCH: dict[str, Callable[[Any], Any]] = {
    "default_dtype": lambda torch: str(torch.get_default_dtype()),
    "default_device": _default_device,
    "num_threads": lambda torch: torch.get_num_threads(),
    "num_interop_threads": lambda torch: torch.get_num_interop_threads(),
    "deterministic": lambda torch: (
        torch._C._get_deterministic_algorithms(),
        torch._C._get_deterministic_algorithms_warn_only(),
    ),
    "cudnn.benchmark": lambda torch: torch._C._get_cudnn_benchmark(),
    "cudnn.deterministic": lambda torch: torch._C._get_cudnn_deterministic(),
    "cudnn.allow_tf32": lambda torch: torch._C._get_cudnn_allow_tf32(),
    "cuda.allow_tf32": lambda torch: torch._C._get_cublas_allow_tf32(),
    "matmul_precision": lambda torch: torch._C._get_float32_matmul_precision(),
    "mkldnn": lambda torch: torch._C._get_mkldnn_enabled(),
    "grad_mode": lambda torch: torch.is_grad_enabled(),
    "anomaly_mode": lambda torch: torch.is_anomaly_enabled(),
}
_TORCH_DEFAULTS: dict[str, Any] = {
    "default_dtype": "torch.float32",
    "default_device": "cpu",
    "deterministic": (False, False),
    "cudnn.benchmark": False,
    "cudnn.deterministic": False,
    "cudnn.allow_tf32": True,
    "cuda.allow_tf32": False,
    "matmul_precision": "highest",
    "mkldnn": True,
    "grad_mode": True,
    "anomaly_mode": False,
}


def _is_default(name: str, value: Any, torch: Any) -> bool:
    """Whether torch starts with this value; of threads, whether it may have."""
    if name in _TORCH_DEFAULTS:
        return bool(value == _TORCH_DEFAULTS[name])
    if name == "num_interop_threads":
        return True  # settable only before the first use, and no number depends on it
    return value in _usual_threads()


def _usual_threads() -> set[int]:
    """Numbers of threads that torch may start with on this machine: cores or hyper-threads."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        text = os.environ.get(variable, "").partition(",")[0]
        if text.isdigit():
            return {int(text)}
    import psutil

    usual = {os.cpu_count() or 1, psutil.cpu_count(logical=False) or 1}
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
        usual = {min(n, allowed) for n in usual} | {allowed}
    return usual


# ---- matplotlib ---------------------------------------------------------------------------------


def _is_same(name: str, before: Any, now: Any) -> bool:
    if name == "matplotlib.rc":
        return _is_same_rc(before, now)
    return bool(before == now)


def _is_same_rc(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """By identity first, which is nearly always enough; the rest by value."""
    if before.keys() != now.keys():
        return False
    if all(map(operator.is_, before.values(), now.values())):
        return True
    return all(
        value is now[name] or repr(value) == repr(now[name])
        for name, value in before.items()
        if name not in _RC_OF_THE_BACKEND
    )
