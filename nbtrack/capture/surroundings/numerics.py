"""What torch and NumPy are built of and set to, as far as it changes bits.

Only read, and only of libraries that the program has imported itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

# Read one by one, each guarded: a name may be missing in another version of torch, and torch
# refuses to tell a TF32 setting by its old name once it was set by its new one.
_BUILD: dict[str, Callable[[Any], Any]] = {
    "version": lambda torch: torch.__version__,
    "commit": lambda torch: torch.version.git_version,
    "cuda": lambda torch: torch.version.cuda,
    "hip": lambda torch: torch.version.hip,
    "cudnn": lambda torch: torch.backends.cudnn.version() if torch.version.cuda else None,
    "cpu_capability": lambda torch: torch.backends.cpu.get_cpu_capability(),
    "mkl": lambda torch: torch.backends.mkl.is_available(),
    "mkldnn": lambda torch: torch.backends.mkldnn.is_available(),
}
_FLAGS: dict[str, Callable[[Any], Any]] = {
    "default_dtype": lambda torch: torch.get_default_dtype(),
    # torch.get_default_device() may start CUDA
    "default_device": lambda torch: getattr(
        getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None), "device", "cpu"
    ),
    "deterministic": lambda torch: torch.are_deterministic_algorithms_enabled(),
    "deterministic_warn_only": lambda torch: torch.is_deterministic_algorithms_warn_only_enabled(),
    "fill_uninitialized_memory": lambda torch: torch.utils.deterministic.fill_uninitialized_memory,
    "mkldnn_enabled": lambda torch: torch._C._get_mkldnn_enabled(),
    "matmul_precision": lambda torch: torch.get_float32_matmul_precision(),
    "matmul_tf32": lambda torch: torch.backends.cuda.matmul.allow_tf32,
    "cudnn_tf32": lambda torch: torch.backends.cudnn.allow_tf32,
    "fp32_precision": lambda torch: torch.backends.fp32_precision,
    "matmul_fp32_precision": lambda torch: torch.backends.cuda.matmul.fp32_precision,
    "conv_fp32_precision": lambda torch: torch.backends.cudnn.conv.fp32_precision,
    "rnn_fp32_precision": lambda torch: torch.backends.cudnn.rnn.fp32_precision,
    "mkldnn_fp32_precision": lambda torch: torch.backends.mkldnn.matmul.fp32_precision,
    "fp16_reduced_precision": lambda torch: (
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction
    ),
    "bf16_reduced_precision": lambda torch: (
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction
    ),
    "cudnn_enabled": lambda torch: torch.backends.cudnn.enabled,
    "cudnn_deterministic": lambda torch: torch.backends.cudnn.deterministic,
    "cudnn_benchmark": lambda torch: torch.backends.cudnn.benchmark,
    "sdp_flash": lambda torch: torch.backends.cuda.flash_sdp_enabled(),
    "sdp_mem_efficient": lambda torch: torch.backends.cuda.mem_efficient_sdp_enabled(),
    "sdp_math": lambda torch: torch.backends.cuda.math_sdp_enabled(),
}
_THREADS: dict[str, Callable[[Any], Any]] = {
    "torch": lambda torch: torch.get_num_threads(),
    "torch_interop": lambda torch: torch.get_num_interop_threads(),
}


def torch_state() -> dict[str, Any] | None:
    """Build and flags of torch that change bits; None if the program has not imported it.

    Returns
    -------
    dict or None
        ``version``, ``cuda``, ``cudnn``, ``cpu_capability`` and the like, and ``flags``. What this
        torch does not have, or does not tell, is None.
    """
    torch = _loaded("torch")
    if torch is None:
        return None
    return {**_read(torch, _BUILD), "flags": _read(torch, _FLAGS)}


def threads() -> dict[str, int | None]:
    """Threads of torch, ``{"torch", "torch_interop"}``; None each if it is not imported."""
    torch = _loaded("torch")
    if torch is None:
        return dict.fromkeys(_THREADS)
    return _read(torch, _THREADS)


def numpy_state() -> dict[str, Any] | None:
    """``{"version", "blas", "simd"}`` of NumPy; None if the program has not imported it."""
    numpy = _loaded("numpy")
    if numpy is None:
        return None
    try:
        config = numpy.show_config(mode="dicts")
        blas = config["Build Dependencies"]["blas"]
        return {
            "version": str(numpy.__version__),
            "blas": f"{blas['name']} {blas.get('version', '')}".strip(),
            "simd": list(config["SIMD Extensions"].get("found", ())),
        }
    except Exception:  # before NumPy 1.26
        return {"version": str(numpy.__version__), "blas": None, "simd": None}


def _loaded(name: str) -> Any:
    """A module that has finished to import; None otherwise."""
    module = sys.modules.get(name)
    is_initializing = getattr(getattr(module, "__spec__", None), "_initializing", False)
    return None if is_initializing else module


def _read(torch: Any, table: dict[str, Callable[[Any], Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, read in table.items():
        try:
            value = read(torch)
        except Exception:
            value = None
        found[name] = value if isinstance(value, bool | int | type(None)) else str(value)
    return found
