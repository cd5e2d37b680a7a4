"""Seeds: one number for every source of randomness that training draws from."""

from __future__ import annotations

import os
import random


def set_seed(n: int, deterministic: bool = False) -> None:
    """Seed Python, NumPy and torch (CPU and every GPU) with one number.

    Parameters
    ----------
    n : int
        From 0 to 2**32 - 1, the range that NumPy takes.
    deterministic : bool, default False
        Also ask torch for deterministic algorithms only, which may be slower; an operation
        that has none raises a RuntimeError naming itself. Sets
        ``torch.use_deterministic_algorithms(True)``, ``cudnn.deterministic``, no
        ``cudnn.benchmark``, and ``CUBLAS_WORKSPACE_CONFIG=:4096:8``.

    Raises
    ------
    ValueError
        If ``n`` is no whole number in that range.

    Notes
    -----
    ``PYTHONHASHSEED`` is set for child processes; in this process the order of sets of strings
    was fixed when Python started. Imports torch and NumPy.

    Examples
    --------
    >>> import random, nbtrack
    >>> nbtrack.set_seed(0); first = random.random()
    >>> nbtrack.set_seed(0); random.random() == first
    True
    """
    if isinstance(n, bool) or not isinstance(n, int) or not 0 <= n < 2**32:
        raise ValueError(f"a seed is a whole number from 0 to 2**32 - 1; got {n!r}")
    import numpy as np
    import torch

    os.environ["PYTHONHASHSEED"] = str(n)
    random.seed(n)
    np.random.seed(n)
    torch.manual_seed(n)  # seeds every GPU too, and lazily if CUDA is not up yet
    if deterministic:
        # Read by cuBLAS when its handle is made: set before the first CUDA product of the process.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
