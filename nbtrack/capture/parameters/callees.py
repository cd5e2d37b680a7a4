"""Which function or class a call means, and which argument goes to which parameter.

Nothing is imported for this: a library's signature is read only where the program has loaded it.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

from nbtrack.capture.parameters.scopes import CallSite, Program, Scope
from nbtrack.capture.parameters.vocabulary import words

Kind: TypeAlias = Literal[
    "config", "data", "layer", "loader", "model", "optimizer", "reporting", "scheduler", "seed",
    "through",
]  # fmt: skip

_BASES: dict[tuple[str, str], Kind] = {
    ("torch.nn.modules.module", "Module"): "model",
    ("torch.optim.optimizer", "Optimizer"): "optimizer",
    ("torch.optim.lr_scheduler", "LRScheduler"): "scheduler",
    ("torch.optim.lr_scheduler", "_LRScheduler"): "scheduler",
    ("torch.optim.lr_scheduler", "ReduceLROnPlateau"): "scheduler",
    ("torch.utils.data.dataloader", "DataLoader"): "loader",
}
# For a process that has not loaded PyTorch, such as the command line.
_SIGNATURES = {
    "SGD": ("params", "lr", "momentum", "dampening", "weight_decay", "nesterov"),
    "RMSprop": ("params", "lr", "alpha", "eps", "weight_decay", "momentum"),
    "Dropout": ("p", "inplace"),
    "DataLoader": ("dataset", "batch_size", "shuffle"),
    "StepLR": ("optimizer", "step_size", "gamma"),
    "ExponentialLR": ("optimizer", "gamma"),
    "CosineAnnealingLR": ("optimizer", "T_max", "eta_min"),
}
_SEEDS = frozenset({"manual_seed", "manual_seed_all", "seed_everything", "set_seed"})
_THROUGH = words(
    "abs bool compile dict enumerate float int iter list max min next nn.DataParallel reversed "
    "round set sorted str tqdm trange tuple zip range map filter Parameter chain itemgetter "
    "ModuleList ParameterList cycle islice vars asdict DistributedDataParallel"
)
_CONFIGS = words(
    "AttrDict Box ConfigDict DictConfig DotDict EasyDict Munch Namespace SimpleNamespace "
    "create dict edict"
)
_REPORTING = frozenset({"display", "print", "pprint", "input"})
_REPORTING_ROOTS = words(
    "IPython comet_ml logging matplotlib mlflow plotly pprint pylab seaborn tensorboard wandb "
    "nbtrack warnings"
)
_DATA_ROOTS = words(
    "PIL collections csv cv2 datasets glob gzip io json math numpy os pandas pathlib pickle "
    "random re scipy sklearn torch torchaudio urllib requests itertools functools builtins "
    "copy time string"
)


class Part(NamedTuple):
    """An expression and the scope to read it in."""

    expr: ast.expr
    scope: Scope


@dataclass(frozen=True)
class Callee:
    """What a call means: a function or class of the slice, or a name in a library.

    Attributes
    ----------
    scope : Scope or None
    dotted : str
        ``torch.optim.SGD``; empty where the object is not known.
    given : tuple of CallSite
        The ``partial(...)`` calls in between.
    """

    scope: Scope | None = None
    dotted: str = ""
    given: tuple[CallSite, ...] = ()


@dataclass(frozen=True)
class Bound:
    """A call with its arguments in order, those of ``partial`` included."""

    node: ast.Call
    args: tuple[Part, ...]
    keywords: dict[str, Part]
    unpacked: tuple[Part, ...]

    def argument(self, function: Scope, name: str) -> Part | None:
        """What this call passes for the parameter `name`."""
        if name in self.keywords:
            return self.keywords[name]
        names = function.parameters[1:] if function.owner is not None else function.parameters
        place = names.index(name) if name in names else len(self.args)
        if place < len(self.args) and not any(
            isinstance(part.expr, ast.Starred) for part in self.args[: place + 1]
        ):
            return self.args[place]
        return None


class Callees:
    """Answers for one program, remembered."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[int, Callee] = {}
        self._calls: dict[int, list[Bound]] | None = None

    def resolve(self, func: ast.expr, scope: Scope) -> Callee:
        """What `func` means where it is called."""
        known = self._known.get(id(func))
        if known is None:
            self._known[id(func)] = known = Callee()  # a name that leads back to itself
            self._known[id(func)] = known = self._resolve(func, scope)
        return known

    def _resolve(self, func: ast.expr, scope: Scope) -> Callee:
        match func:
            case ast.Name(id=name):
                return self._resolve_name(name, scope)
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=attr):
                owner = self._owner(scope)
                for base in self.bases(owner) if owner is not None else ():
                    method = self.method(base, attr)
                    if method is not None:
                        return Callee(method)
                return Callee()
            case ast.Attribute(value=value, attr=attr):
                holder = self.class_of(value, scope)
                if holder is not None:
                    return Callee(self.method(holder, attr))
                library = self.resolve(value, scope).dotted
                if library:
                    return Callee(dotted=f"{library}.{attr}")
                return Callee(self._only_method(attr))
        return Callee()

    def _resolve_name(self, name: str, scope: Scope) -> Callee:
        found = scope.find(name)
        if found is None:
            return Callee(dotted=name)
        definition = found[1][-1]
        if definition.target is not None:
            return Callee(definition.target)
        if definition.kind == "import":
            return Callee(dotted=definition.dotted)
        match definition.expr if definition.kind == "value" and not definition.path else None:
            case ast.Name() | ast.Attribute() as other:
                return self.resolve(other, definition.scope)
            case ast.Call(func=func, args=[first, *_]) as call:
                if self.resolve(func, definition.scope).dotted == "functools.partial":
                    inner = self.resolve(first, definition.scope)
                    given = CallSite(call, definition.scope)
                    return Callee(inner.scope, inner.dotted, (given, *inner.given))
        return Callee()

    # Classes

    def class_of(self, value: ast.expr, scope: Scope) -> Scope | None:
        """The class of the slice that `value` is an object of (or is itself)."""
        owner = self._owner(scope)
        if isinstance(value, ast.Call):
            found = self.resolve(value.func, scope).scope
            return found if found is not None and found.kind == "class" else None
        if not isinstance(value, ast.Name):
            return None
        if owner is not None and value.id == self._self_name(scope):
            return owner
        found_name = scope.find(value.id)
        if found_name is None:
            return None
        definition = found_name[1][-1]
        if definition.target is not None:
            return definition.target if definition.target.kind == "class" else None
        if definition.kind == "value" and isinstance(definition.expr, ast.Call):
            return self.class_of(definition.expr, definition.scope)
        return None

    def _owner(self, scope: Scope | None) -> Scope | None:
        while scope is not None:
            if scope.owner is not None:
                return scope.owner
            scope = scope.parent
        return None

    def _self_name(self, scope: Scope | None) -> str | None:
        while scope is not None:
            if scope.owner is not None:
                return scope.self_name
            scope = scope.parent
        return None

    def bases(self, owner: Scope) -> Iterator[Scope]:
        """The bases of a class that are defined in the slice."""
        for base in getattr(owner.node, "bases", ()):
            found = self.resolve(base, owner.parent or owner).scope
            if found is not None and found is not owner and found.kind == "class":
                yield found

    def method(self, owner: Scope, name: str, depth: int = 0) -> Scope | None:
        """A method of a class or of its bases."""
        if name in owner.methods or depth > 8:
            return owner.methods.get(name)
        for base in self.bases(owner):
            found = self.method(base, name, depth + 1)
            if found is not None:
                return found
        return None

    def _only_method(self, name: str) -> Scope | None:
        """The method that no two classes of the slice have: the object's class is not known."""
        found: dict[int, Scope] = {}
        for definitions in self._program.module.defs.values():
            for definition in definitions:
                if definition.target is not None and name in definition.target.methods:
                    found[id(definition.target.methods[name])] = definition.target.methods[name]
        return next(iter(found.values())) if len(found) == 1 else None

    def is_layer(self, owner: Scope, depth: int = 0) -> bool:
        """Whether objects of a class compute: a module, or written in the manner of one."""
        if {"__call__", "forward", "parameters"} & owner.methods.keys():
            return True
        for base in getattr(owner.node, "bases", ()):
            callee = self.resolve(base, owner.parent or owner)
            if callee.dotted.endswith("Module") or kind_of(callee.dotted) in ("layer", "model"):
                return True
            inner = callee.scope
            deeper = inner is not None and inner is not owner and depth < 8
            if deeper and inner is not None and self.is_layer(inner, depth + 1):
                return True
        return False

    # Calls

    def calls_of(self, function: Scope) -> list[Bound]:
        """Every call of a function; for ``__init__`` and dataclasses, of the class."""
        if self._calls is None:
            self._calls = {}
            for site in self._program.calls:
                callee = self.resolve(site.node.func, site.scope)
                if callee.dotted == "functools.partial" and site.node.args:
                    inner = self.resolve(site.node.args[0], site.scope)
                    callee, site_given = inner, (site, *inner.given)
                    self._index(callee.scope, _bound(site.node, None, site_given))
                elif callee.scope is not None:
                    self._index(callee.scope, _bound(site.node, site, callee.given))
        return self._calls.get(id(function), [])

    def constructor(self, owner: Scope) -> Scope:
        """What takes the arguments of a class: its ``__init__``, or its fields."""
        return self.method(owner, "__init__") or owner

    def _index(self, target: Scope | None, bound: Bound) -> None:
        if target is not None and self._calls is not None:
            function = self.constructor(target) if target.kind == "class" else target
            self._calls.setdefault(id(function), []).append(bound)


def _bound(node: ast.Call, site: CallSite | None, given: tuple[CallSite, ...]) -> Bound:
    args: list[Part] = []
    keywords: dict[str, Part] = {}
    unpacked: list[Part] = []
    for each in (*given, *([site] if site is not None else [])):
        positional = each.node.args if each is site else each.node.args[1:]
        args += [Part(arg, each.scope) for arg in positional]
        for keyword in each.node.keywords:
            if keyword.arg is None:
                unpacked.append(Part(keyword.value, each.scope))
            else:
                keywords[keyword.arg] = Part(keyword.value, each.scope)
    return Bound(node, tuple(args), keywords, tuple(unpacked))


def kind_of(dotted: str) -> Kind:
    """What a function or class of a library does with its arguments."""
    root, _, _ = dotted.partition(".")
    last = dotted.rpartition(".")[2]
    if (root in _REPORTING_ROOTS and last not in _SEEDS) or dotted in _REPORTING:
        return "reporting"
    if last in _SEEDS or dotted.endswith(("random.seed", "default_rng", "RandomState")):
        return "seed"
    if dotted.startswith("torch.nn.") and last[:1].isupper() and last not in _THROUGH:
        return "layer"
    if dotted.startswith("torch.optim.") and last[:1].isupper():
        return "scheduler" if ".lr_scheduler." in dotted else "optimizer"
    if last == "DataLoader":
        return "loader"
    if last in _CONFIGS and (
        root in ("argparse", "dict", "types", "omegaconf") or last != "create"
    ):
        return "config"
    if last in _THROUGH:
        return "through"
    base = _kind_of_class(dotted)
    if base is not None:
        return base
    if dotted.startswith("torchvision.models.") or last in ("create_model", "from_pretrained"):
        return "model"
    is_data = root in _DATA_ROOTS or ".datasets." in f".{dotted}"
    return "model" if "." in dotted and last[:1].isupper() and not is_data else "data"


def _kind_of_class(dotted: str) -> Kind | None:
    found = loaded(dotted)
    if isinstance(found, type):
        for base in found.__mro__:
            kind = _BASES.get((base.__module__, base.__name__))
            if kind is not None:
                return kind
    return None


def loaded(dotted: str) -> Any:
    """The object of that name, if its module is loaded; no attribute is computed for it."""
    parts = dotted.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        found: Any = sys.modules.get(".".join(parts[:cut]))
        if found is not None:
            for part in parts[cut:]:
                found = getattr(found, "__dict__", {}).get(part)
            return found
    return None


def parameters_of(dotted: str) -> tuple[str, ...]:
    """The parameters of a library's function or class, in order; empty where not known."""
    found = loaded(dotted)
    last = dotted.rpartition(".")[2]
    if found is None:
        default = ("params", "lr") if dotted.startswith("torch.optim.") else ()
        return _SIGNATURES.get(last, default)
    return signature_of(found)


def signature_of(function: Any) -> tuple[str, ...]:
    """The names of the parameters that can be passed by position."""
    try:
        return _signature_of(function)
    except (TypeError, ValueError, AttributeError, RecursionError):  # built in, not hashable
        return ()


@lru_cache(maxsize=256)
def _signature_of(function: Any) -> tuple[str, ...]:
    names: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            break
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            names.append(parameter.name)
    return tuple(names)
