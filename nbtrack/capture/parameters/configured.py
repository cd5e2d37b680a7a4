"""What the live optimizers, models and loaders of a run were set to."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from nbtrack.capture.parameters.literals import MISSING, as_scalar

_MOST_MODULES = 20_000
_PER_GROUP = frozenset({"initial_lr", "lr", "params", "param_names"})
# How a step is computed, not which step: they follow from the device.
_MECHANICS = frozenset(
    {"capturable", "differentiable", "foreach", "fused", "decoupled_weight_decay"}
)


class Live(NamedTuple):
    """One value, and whose it is: ``optimizer``, ``loader`` or ``model``."""

    value: Any
    origin: str


def live_params(
    optimizers: Mapping[str, Any], modules: Mapping[str, Any], loaders: Mapping[str, Any]
) -> dict[str, Live]:
    """The settings of what trained, by plain name; with the object's name in front where several.

    Parameters
    ----------
    optimizers, modules, loaders : mapping of str to object
        By the name of the variable that holds each.

    Returns
    -------
    dict
        ``lr`` is the initial learning rate; of the other options of an optimizer only those that
        are not its class's default. An object that does not answer is left out.
    """
    found: dict[str, Live] = {}
    for read, objects in ((_optimizer, optimizers), (_loader, loaders), (_module, modules)):
        own = {name: _tried(read, each) for name, each in objects.items()}
        origin = read.__name__.strip("_").replace("module", "model")
        for key, value in _merged(own, origin).items():
            found.setdefault(key, Live(value, origin))
    count = _num_params(modules.values())
    if count:
        found["num_params"] = Live(count, "model")
    return found


def _tried(read: Any, each: Any) -> dict[str, Any]:
    try:
        return dict(read(each))
    except Exception:  # an object of the user's that answers in its own way
        return {}


def _merged(own: Mapping[str, Mapping[str, Any]], origin: str) -> dict[str, Any]:
    """Plain names where there is one object, or where all agree on its class or its value."""
    if len(own) == 1:
        return dict(next(iter(own.values())))
    found: dict[str, Any] = {}
    for key in dict.fromkeys(key for values in own.values() for key in values):
        values = [each[key] for each in own.values() if key in each]
        alike = len(values) == len(own) and all(value == values[0] for value in values)
        if alike and (origin != "optimizer" or key == "optimizer"):
            found[key] = values[0]
        if not alike or origin == "optimizer":
            for name, each in own.items():
                if key in each:
                    found[f"{name}.{key}"] = each[key]
    return found


def _optimizer(optimizer: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"optimizer": type(optimizer).__name__}
    groups = optimizer.param_groups
    rates = [_number(group.get("initial_lr", group.get("lr"))) for group in groups]
    if len(groups) == 1 and "initial_lr" not in groups[0]:  # a loop may have changed it by hand
        rates = [_number(optimizer.defaults.get("lr", groups[0].get("lr")))]
    if rates and MISSING not in rates:
        found["lr"] = rates[0] if all(rate == rates[0] for rate in rates) else rates
    usual = {
        name: parameter.default
        for name, parameter in inspect.signature(type(optimizer).__init__).parameters.items()
    }
    for name, value in optimizer.defaults.items():
        # a scheduler may change momentum and betas in the group: the default is what was asked for
        given = value if len(groups) == 1 else groups[0].get(name, value)
        scalar, default = as_scalar(given), as_scalar(usual.get(name, value))
        if name in _PER_GROUP | _MECHANICS or scalar is MISSING or default is None:
            continue
        if scalar != default:
            found[name] = scalar
    return found


def _number(value: Any) -> Any:
    if hasattr(value, "is_cpu"):  # lr=torch.tensor(0.1); elsewhere than on the CPU it would sync
        return float(value.detach()) if value.is_cpu and value.numel() == 1 else MISSING
    return as_scalar(value)


def _loader(loader: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    size = getattr(loader, "batch_size", None)
    if size is None:
        size = getattr(getattr(loader, "batch_sampler", None), "batch_size", None)
    if size is not None:
        found["batch_size"] = size
    sampler = type(getattr(loader, "sampler", None)).__name__
    if sampler in ("RandomSampler", "SequentialSampler"):
        found["shuffle"] = sampler == "RandomSampler"
    elif sampler != "NoneType":
        found["sampler"] = sampler
    found["num_workers"] = getattr(loader, "num_workers", 0)
    found["drop_last"] = bool(getattr(loader, "drop_last", False))
    return {name: value for name, value in found.items() if as_scalar(value) is not MISSING}


def _module(module: Any) -> dict[str, Any]:
    module = _unwrapped(module)
    found: dict[str, Any] = {"model": type(module).__name__}
    rates: list[float] = []
    layers: list[Any] = []
    others = False
    for count, each in enumerate(module.modules()):
        if count >= _MOST_MODULES:
            break
        kind = type(each).__name__
        if kind.endswith("Dropout") or kind in ("Dropout1d", "Dropout2d", "Dropout3d"):
            rates.append(float(each.p))
        elif kind == "Linear":
            layers.append(each)
        elif each._parameters and "Norm" not in kind:
            others = True
    if rates:
        alike = all(rate == rates[0] for rate in rates)
        listed = as_scalar(rates)
        found["dropout"] = rates[0] if alike else listed
    hidden = _hidden(layers)
    if hidden and not others:
        found["hidden"] = hidden[0] if len(hidden) == 1 else hidden
    return {name: value for name, value in found.items() if value is not MISSING}


def _hidden(layers: Sequence[Any]) -> list[int]:
    """The widths between the layers of a plain chain of Linear layers."""
    if not 1 < len(layers) <= 8:
        return []
    chained = all(a.out_features == b.in_features for a, b in pairwise(layers))
    return [layer.out_features for layer in layers[:-1]] if chained else []


def _unwrapped(module: Any) -> Any:
    """The user's module inside what compiles or distributes it."""
    for _ in range(4):
        inner = getattr(module, "_modules", {})
        name = next((name for name in ("_orig_mod", "module") if name in inner), None)
        is_wrapper = type(module).__module__.startswith("torch.")
        if name is None or not is_wrapper:
            break
        module = inner[name]
    return module


def _num_params(modules: Any) -> int:
    """Parameters of all models, those they share counted once."""
    seen: dict[int, int] = {}
    try:
        for module in modules:
            for parameter in module.parameters():
                seen[id(parameter)] = parameter.numel()
    except Exception:  # parameters that have no shape yet (LazyLinear)
        return 0
    return sum(seen.values())
