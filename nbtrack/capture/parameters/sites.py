"""The places of a slice that give hyper-parameters their values, and what each is called."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeAlias

from nbtrack.capture.parameters.callees import Bound, Callees, Part, kind_of
from nbtrack.capture.parameters.configs import Leaf
from nbtrack.capture.parameters.literals import MISSING, Values, as_scalar, first_value, is_measured
from nbtrack.capture.parameters.scopes import Def, Program, Scope, cell_and_line
from nbtrack.capture.parameters.vocabulary import (
    is_about_looks,
    is_field_term,
    is_layer_term,
    is_secret,
    words,
)

SiteKind: TypeAlias = Literal["argument", "count", "default", "item", "same", "seed", "variable"]

MOST_SITES = 1000

_RANK: dict[SiteKind, int] = {
    "variable": 0, "item": 0, "argument": 1, "count": 1, "seed": 1, "default": 2, "same": 3,
}  # fmt: skip
_TURNS = words("_ i idx it iter iter_num iteration j k n s step t")
_EPOCHS = frozenset({"e", "ep", "epoch", "epochs"})
_WRAPPERS = frozenset({"enumerate", "progress_bar", "tqdm", "track", "trange"})
_LOADER = frozenset({"batch_size", "drop_last", "num_workers", "shuffle"})
_NO_SETTINGS = frozenset({"last_epoch", "optimizer", "params", "verbose"})


@dataclass(frozen=True)
class Site:
    """One place that gives a value.

    Attributes
    ----------
    name : str
        The parameter's name, before several of that name are told apart.
    expr : ast.expr
        What gives the value; a literal, or computed.
    scope : Scope
        Where `expr` is to be read.
    kind : str
        ``same`` is a second, plain name for a value that has a variable: ``SGD(lr=rate)``.
    variable : tuple of str
        The notebook's variable (and the way into it) that holds the value now.
    label : str
        What tells it from others of the name: the optimizer's, generator's or config's name.
    role : str
        What it is an argument of: ``optimizer``, ``loader``, ``layer``.
    start : ast.expr or None
        What is to be subtracted: ``range(1, 31)`` counts 30.
    convert : str
        ``float`` or ``int`` for a text of the command line.
    """

    name: str
    expr: ast.expr
    scope: Scope
    kind: SiteKind
    variable: tuple[str, ...] = ()
    label: str = ""
    role: str = ""
    start: ast.expr | None = None
    convert: str = ""
    path: tuple[str, ...] = ()

    @property
    def cell_and_line(self) -> tuple[int, int]:
        """The position of its cell in the slice, and the line in it, from 1."""
        return cell_and_line(self.expr.lineno)


class Leaning(NamedTuple):
    """What a variable's place in the walk says of it: may it be a list, where it lives."""

    lists: bool
    home: Scope


class Fact(NamedTuple):
    """The class of a model, optimizer or scheduler that was built."""

    name: str
    value: str
    label: str
    line: int


class Sites:
    """Collects them during the walk; `named` tells them apart at the end."""

    def __init__(self, program: Program, callees: Callees, values: Values) -> None:
        self._program = program
        self._callees = callees
        self._values = values
        self._all: dict[tuple[int, str, str], Site] = {}
        self._targets = {id(site.node): site.target for site in program.calls}
        self._optimizers: dict[int, Fact] = {}
        self._facts: dict[tuple[str, str], Fact] = {}
        self.configs: dict[str, None] = {}

    def add(self, site: Site) -> None:
        """Keep a site, once."""
        if len(self._all) < MOST_SITES and not is_secret(site.name):
            self._all.setdefault((id(site.expr), site.name, site.label), site)

    # What the walk meets

    def seeds(self) -> list[Site]:
        """Every call that seeds a source of randomness."""
        found = []
        for call in self._program.calls:
            func = call.node.func
            dotted = self._callees.resolve(func, call.scope).dotted
            is_method = isinstance(func, ast.Attribute) and func.attr == "manual_seed"
            is_seed = kind_of(dotted) == "seed" if dotted else is_method
            given = call.node.args or [k.value for k in call.node.keywords if k.arg == "seed"]
            if not is_seed or not given:
                continue
            root = "" if not dotted else dotted.partition(".")[0]
            is_main = bool(dotted) and root not in ("numpy", "random", "cuda")
            label = "" if is_main else root or call.target or "generator"
            plain = _is_closed(given[0])
            site = Site("seed", given[0], call.scope, "seed" if plain else "same", label=label)
            found.append(site)
            if self._scalar(site) is not MISSING:
                self.add(site)
        return found

    def count(self, loop: ast.For | ast.AsyncFor | ast.While, scope: Scope, outer: bool) -> None:
        """How often a loop of the training turns, and the size of its batches."""
        if isinstance(loop, ast.While):
            match loop.test:
                case ast.Compare(
                    left=ast.Name(id=name), ops=[ast.Lt()], comparators=[ast.Constant() as last]
                ):
                    self._turns(name, last, None, scope, outer)
            return
        source = loop.iter
        while isinstance(source, ast.Call) and _last_name(source.func) in _WRAPPERS:
            if _last_name(source.func) == "trange" or not source.args:
                break
            source = source.args[0]
        target = loop.target
        if isinstance(target, (ast.Tuple, ast.List)) and target.elts:
            target = target.elts[0]
        name = _last_name(target)
        match source:
            case ast.Call(func=ast.Name(id="range" | "trange"), args=[stop]):
                self._turns(name, stop, None, scope, outer)
            case ast.Call(func=ast.Name(id="range" | "trange"), args=[start, stop]):
                self._turns(name, stop, start, scope, outer)
            case ast.Call(func=ast.Attribute(attr="split"), args=[size]) if "batch" in name:
                self._second_name("batch_size", size, scope, "argument")

    def _turns(
        self, name: str, stop: ast.expr, start: ast.expr | None, scope: Scope, outer: bool
    ) -> None:
        if name in _EPOCHS or name.startswith("epoch") or (outer and name in _TURNS):
            word = "epochs"
        elif name in _TURNS or name.startswith(("step", "iter")):
            word = "steps"
        else:
            return
        if not is_measured(stop) and all(site.name != word for site in self._all.values()):
            self._second_name(word, stop, scope, "count", start)

    def _second_name(
        self,
        name: str,
        expr: ast.expr,
        scope: Scope,
        kind: SiteKind,
        start: ast.expr | None = None,
    ) -> None:
        site = Site(name, expr, scope, kind if _is_closed(expr) else "same", start=start)
        if self._scalar(site) is not MISSING:
            self.add(site)

    def built(self, call: ast.Call, kind: str, dotted: str, is_outermost: bool) -> None:
        """A model, optimizer or scheduler is made by this call."""
        last = dotted.rpartition(".")[2]
        target = self._targets.get(id(call), "")
        if kind == "optimizer":
            self._optimizers[id(call)] = Fact("optimizer", last, target, call.lineno)
        elif kind == "scheduler":
            self._facts.setdefault(("scheduler", last), Fact("scheduler", last, "", call.lineno))
        elif is_outermost and not last.endswith("Loss"):
            known = kind == "layer" or "." not in dotted
            if known:
                self._facts.setdefault(("model", last), Fact("model", last, "", call.lineno))

    def argument(
        self, name: str, value: ast.expr, scope: Scope, call: ast.Call | None = None, kind: str = ""
    ) -> None:
        """An argument of something that a library makes."""
        if kind == "layer":
            if call is not None and name == "p" and "Dropout" in _last_name(call.func):
                name = "dropout"
            elif not is_layer_term(name):
                return
        if name in _NO_SETTINGS or (kind == "loader" and name not in _LOADER):
            return
        closed = _is_closed(value)
        if not closed and kind not in ("optimizer", "loader"):
            return
        label = str(id(call)) if kind == "optimizer" else ""
        site = Site(name, value, scope, "argument" if closed else "same", label=label, role=kind)
        scalar = self._scalar(site)
        if scalar is not MISSING and scalar is not None:
            self.add(site)

    def passed(self, name: str, part: Part, texts: bool) -> None:
        """An argument of a function of the slice."""
        site = Site(name, part.expr, part.scope, "argument")
        value = self._scalar(site)
        if value is MISSING or value is None or name.startswith("_"):
            return
        if texts or not isinstance(value, str):
            self.add(site)

    def nearest(self, calls: Sequence[Bound]) -> list[Bound]:
        """The calls in the tracked cell; all of them where it has none."""
        last = len(self._program.cells) - 1
        near = [bound for bound in calls if cell_and_line(bound.node.lineno)[0] == last]
        return near or list(calls)

    def config(self, variable: str | None, leaves: Iterable[Leaf], label: str = "") -> None:
        """All settings of a config."""
        if variable is not None:
            self.configs[variable] = None
        for leaf in leaves:
            name = leaf.path[-1]
            site = Site(
                name, leaf.expr, leaf.scope, "item",
                variable=(variable, *leaf.path) if variable is not None else (),
                label=label, convert=leaf.convert, path=leaf.path,
            )  # fmt: skip
            value = self._scalar(site)
            is_none = value is None and not is_field_term(name)
            if value is MISSING or is_none or name.startswith("_") or is_about_looks(name):
                continue
            self.add(site)

    def set_item(self, variable: str | None, label: str, each: Def) -> None:
        """``config["lr"] = 0.2``."""
        if each.expr is not None:
            leaf = Leaf(each.path, each.expr, each.scope)
            self.config(variable, [leaf], label)

    def perhaps_config(self, variable: str, path: tuple[str, ...]) -> None:
        """A variable of which an item is read: a config, if its value turns out to be one."""
        if not is_measured(ast.Attribute(ast.Name("x", ast.Load()), path[-1], ast.Load())):
            self.configs[variable] = None

    def variable(
        self, name: str, chosen: Def, definitions: Sequence[Def], leaning: Leaning
    ) -> None:
        """A name that reaches the training, with the definition that holds at its start."""
        expr = chosen.expr
        is_term = is_field_term(name)
        if expr is None or (is_measured(expr) and not is_term):
            return
        if leaning.home.kind == "class" and isinstance(expr, ast.Name):
            return  # self.lr = lr: the argument is followed instead
        moving = [
            each
            for each in definitions
            if each is not chosen and (each.loops or each.kind == "change") and not each.path
        ]
        if not all(self._is_schedule(name, each, is_term) for each in moving):
            return
        site = Site(name, expr, chosen.scope, "variable")
        value = self._values.of(expr, chosen.scope)
        if chosen.loops and (value is MISSING or not (is_term or _is_closed(expr))):
            return
        is_last = chosen is first_value(list(definitions))
        is_module = leaning.home is self._program.module
        if is_module and is_last and not moving and not chosen.loops:
            site = replace(site, variable=(name,))
        if value is MISSING:
            if not site.variable or isinstance(expr, (ast.Constant, ast.Dict, ast.List)):
                return
        else:
            scalar = as_scalar(value, leaning.lists)
            is_endless = isinstance(scalar, float) and not math.isfinite(scalar)
            if scalar is MISSING or is_endless or (scalar in (None, "") and not is_term):
                return
        self.add(site)

    def _is_schedule(self, name: str, each: Def, is_term: bool) -> bool:
        """Whether a change in a loop depends on nothing that is learnt: ``lr *= 0.95``."""
        if each.expr is None or is_measured(each.expr) or each.kind == "part":
            return False
        match each.expr if each.kind == "change" else None:
            case ast.BinOp(op=ast.Mult() | ast.Div() | ast.Pow()):
                pass
            case ast.BinOp(right=ast.Constant(value=1)):
                return False  # a counter
            case _ if not is_term:
                return False
        for node in ast.walk(each.expr):
            is_other = isinstance(node, ast.Name) and node.id != name
            is_other |= isinstance(node, (ast.Attribute, ast.Subscript))
            if is_other and self._values.of(node, each.scope) is MISSING:  # type: ignore[arg-type]
                return False
        return True

    # What they are called

    def value(self, site: Site) -> Any:
        """The value as far as the text says, or MISSING."""
        return self._scalar(site)

    def start(self, site: Site) -> Any:
        """What a count begins from."""
        return MISSING if site.start is None else self._values.of(site.start, site.scope)

    def behind(self, expr: ast.expr, scope: Scope) -> Part | None:
        """Where the value that a name or an item stands for is written."""
        return self._values.behind(expr, scope)

    def _scalar(self, site: Site) -> Any:
        value = self._values.of(site.expr, site.scope)
        if value is not MISSING and site.start is not None:
            start = self.start(site)
            if not isinstance(start, int) or not isinstance(value, int):
                return MISSING
            value -= start
        if site.convert and isinstance(value, str):
            try:
                value = {"float": float, "int": int}.get(site.convert, str)(value)
            except ValueError:
                return MISSING
        value = as_scalar(value) if value is not MISSING else MISSING
        return MISSING if isinstance(value, str) and is_secret(site.name, value) else value

    def named(self) -> dict[str, list[Site]]:
        """All sites by the name that their parameter has in the run, the best one first."""
        sites = [*self._all.values()]
        several = len({fact.label or key for key, fact in self._optimizers.items()}) > 1
        seeds = [site for site in sites if site.kind == "seed" or site.name == "seed"]
        has_main = any(not site.label for site in seeds)
        alike = len({repr(self._scalar(site)) for site in seeds}) < 2
        leaves: dict[str, set[tuple[str, ...]]] = {}
        for site in sites:
            if site.kind == "item":
                leaves.setdefault(site.name, set()).add(site.path)
        found: dict[str, list[Site]] = {}
        for site in sites:
            name = site.name
            if site.role == "optimizer" and several:
                owner = self._optimizers.get(int(site.label or 0))
                name = f"{(owner and owner.label) or 'optimizer'}.{name}"
            elif site.kind == "item" and len(leaves[name]) > 1:
                name = ".".join(site.path)
            elif name == "seed" and site.label and not alike and (has_main or site is not seeds[0]):
                name = f"{site.label}.seed"
            found.setdefault(name, []).append(site)
        for name, those in found.items():
            those.sort(key=_rank)
            values = {repr(self._scalar(site)) for site in those}
            if len(values) > 1 and all(site.role == "layer" for site in those):
                found[name] = []
        return {name: those for name, those in found.items() if those}

    def facts(self) -> list[Fact]:
        """The classes of what was built, where there is one of a kind."""
        found = list(self._optimizers.values())
        kinds = {fact.value for fact in found}
        several = len({fact.label for fact in found}) > 1
        told = [fact._replace(name=f"{fact.label}.optimizer") for fact in found if several]
        if len(kinds) == 1:
            told.append(found[0])
        for name in ("model", "scheduler"):
            those = [fact for fact in self._facts.values() if fact.name == name]
            told += those if len(those) == 1 else []
        return told


def _rank(site: Site) -> tuple[int, int]:
    """Of the settings of one name, the one that is set last."""
    return _RANK[site.kind], -site.expr.lineno if site.kind == "item" else 0


def _is_closed(expr: ast.expr) -> bool:
    """Whether an expression names nothing: what it gives is written in it."""
    return not any(isinstance(node, (ast.Name, ast.Call)) for node in ast.walk(expr))


def _last_name(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
