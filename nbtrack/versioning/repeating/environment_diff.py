"""What differs between two recorded environments, and which of it is likely to change bits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Packages of the kernel and the page: always imported, and no number passes through them.
_FRONT_END = frozenset(
    [
        *("asttokens", "comm", "debugpy", "decorator", "executing", "ipykernel", "ipython"),
        *("ipython-pygments-lexers", "ipywidgets", "jedi", "jupyter-client", "jupyter-core"),
        *("jupyterlab-widgets", "matplotlib-inline", "nbtrack", "nest-asyncio", "nest-asyncio2"),
        *("packaging", "parso", "pexpect", "pip", "platformdirs", "prompt-toolkit", "psutil"),
        *("ptyprocess", "pure-eval", "pygments", "pyzmq", "setuptools", "stack-data", "tornado"),
        *("traitlets", "typing-extensions", "wcwidth", "widgetsnbextension", "nvidia-ml-py"),
        *("anywidget", "psygnal", "blake3", "cloudpickle", "wheel"),
    ]
)
# Libraries that torch and NumPy load: no module of theirs is imported.
_LIBRARIES = ("nvidia-", "triton", "pytorch-triton", "mkl", "intel-openmp", "openblas", "libblas")
# Set by torch and scikit-learn themselves as they are imported, or of no effect on a number.
_QUIET_VARIABLES = (
    "KMP_",
    "CUDA_MODULE_LOADING",
    "CUDA_LAUNCH_BLOCKING",
    "TOKENIZERS_",
    "NCCL_DEBUG",
)


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was recorded.

    Attributes
    ----------
    name : str
        ``"threads"``, ``"torch"``, ``"env OMP_NUM_THREADS"``, ``"package pandas"``.
    recorded, present : str, int, bool or None
        None for what is not there.
    matters : bool
        Whether it can change the numbers of the run.
    """

    name: str
    recorded: Any
    present: Any
    matters: bool


def environment_differences(
    recorded: Mapping[str, Any], present: Mapping[str, Any]
) -> list[Difference]:
    """What differs between two environments, the likeliest cause of other bits first.

    Parameters
    ----------
    recorded, present : mapping
        As `nbtrack.capture.surroundings.environment.environment` gives them. What one of them does
        not tell, such as the threads of a torch that is not imported, is no difference.
    """
    old, new = dict(_facts(recorded)), dict(_facts(present))
    used = {**(recorded.get("imported") or {}), **(present.get("imported") or {})}
    knows_threads = "threads" in old and "threads" in new
    found = []
    for name in dict.fromkeys([*old, *new]):
        kind, _, what = name.partition(" ")
        # A variable or package that is missing is gone; another fact that is missing is not known.
        may_be_gone = kind in ("env", "package", "conda") and bool(recorded) and bool(present)
        if (name not in old or name not in new) and not may_be_gone:
            continue
        if old.get(name) == new.get(name):
            continue
        matters = _matters(kind, what, old.get(name), new.get(name), used)
        if name == "usable cores":
            matters = not knows_threads  # they decide the number of threads, where none is set
        found.append(Difference(name, old.get(name), new.get(name), matters))
    return sorted(found, key=lambda each: (not each.matters, _rank(each.name, used), each.name))


def likely_reason(differences: Sequence[Difference]) -> str | None:
    """The likeliest cause of other bits in one sentence; None if nothing that matters differs."""
    for each in sorted(differences, key=lambda each: not each.matters):
        return _sentence(each) if each.matters else None
    return None


# ---- an environment as names and values ---------------------------------------------------------


def _facts(environment: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Flat names and values; what is not known is left out."""
    packages = environment.get("packages") or {}
    for name in ("torch", "numpy"):
        version = packages.get(name) or (environment.get(name) or {}).get("version")
        if version is not None:
            yield name, version
    yield from _hardware(environment)
    has_gpu = bool((environment.get("gpu") or {}).get("devices"))
    yield from _torch(environment.get("torch"), has_gpu)
    threads = environment.get("threads")
    if isinstance(threads, Mapping):
        yield from _known("interop threads", threads.get("torch_interop"))
        threads = threads.get("torch")
    yield from _known("threads", threads)
    numpy = environment.get("numpy") or {}
    yield from _known("numpy blas", numpy.get("blas"))
    yield from _known("numpy simd", None if not numpy.get("simd") else " ".join(numpy["simd"]))
    python = environment.get("python") or {}
    yield from _known("python", python.get("version"))
    yield from _known("PYTHONHASHSEED", python.get("hash_seed"))
    for name, value in (environment.get("env") or {}).items():
        if name != "PYTHONHASHSEED":
            yield f"env {name}", value
    for name, version in (environment.get("conda") or {}).items():
        if name not in ("python", *packages):
            yield f"conda {name}", version
    for name, version in packages.items():
        if name not in ("torch", "numpy"):
            yield f"package {name}", _with_commit(version, environment, name)


def _known(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if value is not None:
        yield name, value


def _hardware(environment: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    gpu = environment.get("gpu")
    if gpu is not None:
        devices = gpu.get("devices") or []
        counts = Counter(device["name"] for device in devices)
        names = [name if count == 1 else f"{count} x {name}" for name, count in counts.items()]
        yield "gpu", ", ".join(names) or "no GPU"
        yield from _known("gpu driver", gpu.get("driver"))
        capabilities = sorted({str(device.get("compute_capability")) for device in devices})
        yield from _known("gpu compute capability", ", ".join(capabilities) or None)
    cpu, system = environment.get("cpu") or {}, environment.get("os") or {}
    yield from _known("cpu", cpu.get("model"))
    yield from _known("usable cores", cpu.get("usable_cores"))
    for name in ("machine", "libc", "distribution", "release"):
        yield from _known(name if name != "release" else "kernel", system.get(name))
    yield from _known("os", system.get("name"))


_OF_A_GPU = ("cudnn", "cuda", "tf32", "matmul_fp32", "conv_fp32", "rnn_fp32")


def _torch(torch: Mapping[str, Any] | None, has_gpu: bool) -> Iterator[tuple[str, Any]]:
    if torch is None:
        return
    for name in ("cuda", "hip", "cudnn"):  # None says that this build has none
        if name in torch:
            yield name, torch[name]
    for name in ("cpu_capability", "mkl", "mkldnn", "commit"):
        yield from _known("torch commit" if name == "commit" else _words(name), torch.get(name))
    for name, value in (torch.get("flags") or {}).items():
        if name.startswith(_OF_A_GPU) and not has_gpu:
            continue  # it chooses kernels of a GPU
        if name.endswith("fp32_precision") and value == "none":
            value = "ieee"  # what torch takes where nothing else was asked for
        yield from _known(f"flag {_words(name)}", value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _with_commit(version: str, environment: Mapping[str, Any], name: str) -> str:
    """An editable package keeps its version while its code changes."""
    commit = ((environment.get("sources") or {}).get(name) or {}).get("commit")
    return f"{version} at {commit[:12]}" if commit else version


# ---- what it means ------------------------------------------------------------------------------

# The likeliest first. A flag that was set on purpose comes before a machine that is another.
_ORDER = [
    *(
        "torch",
        "gpu",
        "cuda",
        "hip",
        "cudnn",
        "threads",
        "flag",
        "cpu capability",
        "machine",
        "cpu",
    ),
    *("numpy", "numpy blas", "numpy simd", "mkl", "mkldnn", "torch commit", "env", "gpu driver"),
    *("gpu compute capability", "PYTHONHASHSEED", "usable cores", "interop threads", "os", "libc"),
    *("python", "conda", "package"),
]


def _rank(name: str, used: Mapping[str, Any]) -> tuple[int, bool]:
    key = name if name in _ORDER else name.partition(" ")[0]
    place = _ORDER.index(key) if key in _ORDER else len(_ORDER)
    return place, name.partition(" ")[2] not in used


def _matters(kind: str, what: str, old: Any, new: Any, used: Mapping[str, Any]) -> bool:
    name = f"{kind} {what}".strip()
    if kind == "package":
        return what not in _FRONT_END and (what in used or what.startswith(_LIBRARIES))
    if kind == "conda":
        return what.startswith(_LIBRARIES) or what in ("libopenblas", "cudnn", "cudatoolkit")
    if kind == "env":
        return not what.startswith(_QUIET_VARIABLES)
    if name == "python":
        return str(old).split(".")[:2] != str(new).split(".")[:2]
    return name not in ("kernel", "distribution", "interop threads", "torch commit")


_MEANING = {
    "torch": "{0} of torch brings other kernels, which may add in another order",
    "numpy": "{0} of NumPy may compute or draw in another way",
    "gpu": "each kind of device adds in an order of its own, which changes the last bits",
    "threads": "sums in parallel are added in another order, which changes the last bits",
    "cuda": "its libraries choose other kernels, which changes the last bits",
    "hip": "its libraries choose other kernels, which changes the last bits",
    "cudnn": "it chooses other kernels, which changes the last bits",
    "flag": "it selects other kernels or another precision",
    "cpu capability": "vectors of another width are summed in another order",
    "numpy simd": "vectors of another width are summed in another order",
    "cpu": "libraries choose their kernels by the processor, which changes the last bits",
    "machine": "another kind of processor computes with other kernels",
    "PYTHONHASHSEED": "sets of texts are walked in another order",
    "env": "numeric libraries read it",
    "python": "another Python may order or round in another way",
    "package": "code of another version ran",
    "libc": "its mathematical functions may round in another way",
}


def _sentence(each: Difference) -> str:
    kind, _, what = each.name.partition(" ")
    meaning = _MEANING.get(each.name) or _MEANING.get(kind)
    if kind in ("torch", "numpy"):
        old, new = (str(value).partition("+")[0] for value in (each.recorded, each.present))
        meaning = (meaning or "").format("another build" if old == new else "another release")
    said = f"{_subject(each, kind, what)}{': ' if meaning else ''}{meaning or ''}"
    return said[:1].upper() + said[1:] if each.name == "python" else said


def _subject(each: Difference, kind: str, what: str) -> str:
    recorded, present = each.recorded, each.present
    if each.name == "threads":
        return f"{present} {'thread' if present == 1 else 'threads'} instead of {recorded}"
    if each.name in ("gpu", "cpu", "machine", "cpu capability"):
        return f"{present} instead of {recorded}"
    name = what if kind in ("env", "package", "conda", "flag") else each.name
    if present is None:
        return f"no {name}, which was {recorded}"
    if recorded is None:
        return f"{name} {present}, which was not there"
    verb = " is" if kind in ("flag", "env") or each.name == "PYTHONHASHSEED" else ""
    return f"{name}{verb} {present} instead of {recorded}"
