"""Sources of random numbers: their states read, packed, and put back, exactly.

A state is plain: whole numbers, floats, text, bytes, lists and dicts. Reading one draws no number.
Libraries are read only when the program has imported them.
"""

from __future__ import annotations

import base64
import functools
import json
import random
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nbtrack.capture.witnessing.kinds import attributes, is_main, is_plain, user_names

_MAX_ELEMENTS = 64  # of a list or dict in which generators are looked for
_URANDOM_BITS = 64  # a seed with more bits than this was typed by nobody


def read_random(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The state of every source that exists now.

    Parameters
    ----------
    namespace : mapping of str to object
        The user's names, in which generator objects are looked for.

    Returns
    -------
    dict of str to state
        ``"python"``, ``"numpy"`` (the global one), ``"torch"``, ``"cuda:0"``, and one
        ``"generator:PATH"`` per object: ``generator:g``, ``generator:loader.generator``,
        ``generator:gens[0]``.

    Notes
    -----
    Takes about 0.1 ms. The state of a GPU's generator is kept on the host: no synchronisation.

    Examples
    --------
    >>> states = read_random({"g": random.Random(3)})
    >>> {"generator:g", "python"} <= set(states)
    True
    """
    states = {name: state for name, (state, _) in _read_globals().items()}
    for path, generator in _generators(namespace):
        try:
            states[f"generator:{path}"] = _state_of(generator)
        except Exception:  # one that cannot be read now, as while a CUDA graph is captured
            continue
    return states


def used_random(
    before: Mapping[str, Any], namespace: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Sources that were drawn from since `before`, with their states at that time.

    Returns
    -------
    used : dict of str to state
        A global source that came into being in between has the state that it started with.
    unknown : list of str
        In words, sources whose numbers cannot be drawn again.
    """
    used: dict[str, Any] = {}
    unknown: list[str] = []
    for name, (state, fresh) in _read_globals().items():
        if name in before:
            if before[name] != state:
                used[name] = before[name]
            continue
        begun = fresh()
        if begun != state:
            used[name] = begun
    for path, generator in _generators(namespace):
        name = f"generator:{path}"
        try:
            if name not in before:
                unknown += _unseeded(name, generator)
            elif before[name] != _state_of(generator):
                used[name] = before[name]
        except Exception:
            unknown.append(f"{name}: its state cannot be read")
    return used, unknown


def restore_random(states: Mapping[str, Any], namespace: Mapping[str, Any]) -> list[str]:
    """Put sources of randomness back to states that `read_random` gave.

    Parameters
    ----------
    states : mapping of str to state
    namespace : mapping of str to object
        The user's names: generator objects are found by their path.

    Returns
    -------
    list of str
        The sources that could not be put back, in words.

    Notes
    -----
    Imports NumPy or torch when a state of theirs is to be put back.

    Examples
    --------
    >>> states = read_random({}); first = random.random()
    >>> restore_random(states, {}), random.random() == first
    ([], True)
    """
    faults: list[str] = []
    found = dict(_generators(namespace))
    for name, state in states.items():
        path = name.partition(":")[2] if name.startswith("generator:") else None
        try:
            if path is None:
                _restore_global(name, state)
            elif path in found:
                _put_back(found[path], state)
            elif not any(states.get(f"generator:{other}") == state for other in found):
                faults.append(f"{name}: there is no such generator now")
        except Exception as error:
            faults.append(f"{name}: {type(error).__name__}: {error}")
    return faults


# ---- global sources -----------------------------------------------------------------------------


def _read_globals() -> dict[str, tuple[Any, Callable[[], Any]]]:
    """State of each global source, and how to have the one with which it began."""
    python = _python_state(random.getstate())
    found: dict[str, tuple[Any, Callable[[], Any]]] = {"python": (python, lambda: python)}
    torch: Any = sys.modules.get("torch")
    mtrand: Any = sys.modules.get("numpy.random.mtrand")
    if hasattr(mtrand, "_rand"):
        found["numpy"] = (_numpy_state(mtrand), lambda: _fresh_numpy(mtrand))
    if hasattr(torch, "default_generator"):
        generators = {"torch": torch.default_generator}
        if hasattr(torch, "cuda") and torch.cuda.is_initialized():
            generators |= {f"cuda:{n}": g for n, g in enumerate(torch.cuda.default_generators)}
        for name, generator in generators.items():
            try:
                state = _state_of(generator)
            except RuntimeError:  # while a CUDA graph is captured
                continue
            found[name] = (state, functools.partial(_fresh_torch, torch, generator))
    return found


def _numpy_state(mtrand: Any) -> Any:
    return _plain(mtrand._rand.get_state(legacy=False))


def _fresh_numpy(mtrand: Any) -> Any:
    """The state with which NumPy's global generator began, from the entropy it still knows.

    After `numpy.random.seed` that is gone, and not needed: the cell seeded it itself.
    """
    state = _numpy_state(mtrand)
    sequence = getattr(mtrand._rand._bit_generator, "_seed_seq", None)
    if sequence is None or state["bit_generator"] != "MT19937":
        return state
    numpy = sys.modules["numpy"]
    begun = numpy.random.MT19937(numpy.random.SeedSequence(sequence.entropy)).state
    return _plain({**begun, "has_gauss": 0, "gauss": 0.0})


def _fresh_torch(torch: Any, generator: Any) -> Any:
    """The state of a generator just after its seed was set: torch keeps the seed."""
    twin = torch.Generator(device=generator.device).manual_seed(generator.initial_seed())
    return _state_of(twin)


def _restore_global(name: str, state: Any) -> None:
    if name == "python":
        random.setstate(_python_tuple(state))
    elif name == "numpy":
        import numpy as np

        np.random.set_state(_unplain(state))
    elif name == "torch" or name.startswith("cuda:"):
        import torch

        if name == "torch":
            _put_back(torch.default_generator, state)
        else:
            torch.cuda.init()  # type: ignore[no-untyped-call]
            _put_back(torch.cuda.default_generators[int(name[5:])], state)
    else:
        raise LookupError("no source of randomness is called so")


# ---- generator objects --------------------------------------------------------------------------


def _kinds() -> frozenset[type]:
    """Types of generator objects that exist in this process."""
    kinds: list[Any] = [random.Random]
    numpy_random, torch = sys.modules.get("numpy.random"), sys.modules.get("torch")
    for module, names in ((numpy_random, ("Generator", "RandomState")), (torch, ("Generator",))):
        kinds += [getattr(module, name) for name in names if hasattr(module, name)]
    return frozenset(kinds)


def _generators(namespace: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Path and object of every generator behind a name, or one level down."""
    kinds = _kinds()
    loader: Any = getattr(sys.modules.get("torch.utils.data"), "DataLoader", None)
    for name, value in user_names(namespace).items():
        kind = type(value)
        if is_plain(kind):
            continue
        if kind in kinds:
            yield name, value
        elif kind is list or kind is tuple:
            for position, element in enumerate(value[:_MAX_ELEMENTS]):
                if type(element) in kinds:
                    yield f"{name}[{position}]", element
        elif kind is dict and len(value) <= _MAX_ELEMENTS:
            for key, element in list(value.items()):
                if type(element) in kinds and type(key) in (str, int):
                    yield f"{name}[{key!r}]", element
        elif is_main(kind) or (loader is not None and issubclass(kind, loader)):
            own = attributes(value)
            for key, element in own.items():
                if type(element) in kinds:
                    yield f"{name}.{key}", element
            for key in ("sampler", "batch_sampler"):
                inner = own.get(key)
                element = attributes(inner).get("generator") if inner is not None else None
                if type(element) in kinds:
                    yield f"{name}.{key}.generator", element


def _state_of(generator: Any) -> Any:
    if type(generator) is random.Random:
        return _python_state(generator.getstate())
    if hasattr(generator, "bit_generator"):
        return _plain(generator.bit_generator.state)
    if hasattr(generator, "initial_seed"):
        return {"device": str(generator.device), "state": _bytes_of(generator.get_state())}
    return _plain(generator.get_state(legacy=False))


def _put_back(generator: Any, state: Any) -> None:
    if type(generator) is random.Random:
        generator.setstate(_python_tuple(state))
    elif hasattr(generator, "bit_generator"):
        generator.bit_generator.state = _unplain(state)
    elif hasattr(generator, "initial_seed"):
        if str(generator.device) != state["device"]:
            raise ValueError(f"it was on {state['device']} and is on {generator.device} now")
        import torch

        generator.set_state(torch.tensor(list(state["state"]), dtype=torch.uint8, device="cpu"))
    else:
        generator.set_state(_unplain(state))


def _unseeded(name: str, generator: Any) -> list[str]:
    """A word on a NumPy generator made in this cell from the system's entropy."""
    source = getattr(generator, "bit_generator", getattr(generator, "_bit_generator", None))
    entropy = getattr(getattr(source, "_seed_seq", None), "entropy", None)
    if isinstance(entropy, int) and entropy.bit_length() > _URANDOM_BITS:
        return [f"{name}: made without a seed, so its numbers in this cell cannot be drawn again"]
    return []


# ---- plain values -------------------------------------------------------------------------------


def _python_state(state: tuple[Any, ...]) -> dict[str, Any]:
    version, words, gauss = state
    return {"version": version, "words": list(words), "gauss": gauss}


def _python_tuple(state: Mapping[str, Any]) -> tuple[Any, ...]:
    return state["version"], tuple(state["words"]), state["gauss"]


def _bytes_of(tensor: Any) -> bytes:
    return bytes(tensor.numpy().tobytes())


def _plain(state: Any) -> Any:
    """A state of NumPy with its arrays as bytes, and its numbers as Python's."""
    if isinstance(state, dict):
        return {key: _plain(value) for key, value in state.items()}
    if getattr(state, "shape", ()):
        return {"array": state.dtype.str, "bytes": state.tobytes()}
    return state.item() if hasattr(state, "item") else state


def _unplain(state: Any) -> Any:
    if not isinstance(state, dict):
        return state
    if set(state) == {"array", "bytes"}:
        import numpy as np

        return np.frombuffer(state["bytes"], dtype=state["array"]).copy()
    return {key: _unplain(value) for key, value in state.items()}


def pack(states: Mapping[str, Any]) -> bytes:
    """States as compressed JSON; the same states give the same bytes.

    Examples
    --------
    >>> unpack(pack({"a": {"state": b"12", "position": 3}}))
    {'a': {'position': 3, 'state': b'12'}}
    """
    text = json.dumps(states, default=_encode, sort_keys=True, separators=(",", ":"))
    return zlib.compress(text.encode(), 6)


def unpack(data: bytes) -> dict[str, Any]:
    """The states that `pack` was given."""
    states: dict[str, Any] = json.loads(zlib.decompress(data), object_hook=_decode)
    return states


def _encode(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"a state holds plain values, not {type(value).__name__}")


def _decode(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"]) if set(value) == {"base64"} else value
