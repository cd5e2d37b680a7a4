"""The optimizers of a run: their names, their series, and whose readings go where."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbtrack.instruments.frames import calling_frame
from nbtrack.instruments.names import Named, name_member, name_object, name_parameters
from nbtrack.instruments.plan import Plan
from nbtrack.instruments.points import Held, Points, Sink
from nbtrack.instruments.reader import Reader

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Entry:
    """One optimizer of the run.

    Attributes
    ----------
    optimizer : weakref to Optimizer
    name : str
        The variable that holds it.
    steps : int
        How often it has stepped, the present step counted.
    closure : bool
        Whether it computes the loss itself at the present step.
    skips : bool
        Whether the present step will change nothing (a fused optimizer under GradScaler).
    sink : Points or Held
        Where the readings of the present step go.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, name: str, plan: Plan) -> None:
        self.optimizer = weakref.ref(optimizer)
        self.name = name
        self.steps = 0
        self.closure = False
        self.skips = False
        self.sink: Sink = Held()
        self.named = Named([], [], {})
        self.reader = Reader(plan, [], [])
        self.form = (0, 0)
        self.rate_keys: list[str] = []

    def read_rates(self, optimizer: torch.optim.Optimizer, step: int) -> None:
        """Put the learning rate of each group."""
        for key, group in zip(self.rate_keys, optimizer.param_groups, strict=True):
            rate = group.get("lr")
            if isinstance(rate, (float, int)) or hasattr(rate, "is_cpu"):
                self.sink.put(key, rate, step)

    @property
    def keys(self) -> list[str]:
        """All keys that its readings go to."""
        return self.rate_keys + self.reader.keys

    def owns(self, tensors: Sequence[Any]) -> bool:
        """Whether one of these is a parameter of this optimizer."""
        ids = {id(parameter) for parameter in self.reader.parameters}
        return any(id(tensor) in ids for tensor in tensors)


class Optimizers:
    """All of them, and how their series are called.

    While there is one, its series are plain: ``lr/group0``, ``grad_norm/total``. From the second
    on, each has its own: ``lr/opt_d/group0``, ``grad_norm/opt_d/total``. The readings of the very
    first step wait until its second step, or another optimizer's first, has shown which it is.
    An optimizer made anew and bound to the same variable goes on with the same series.
    """

    def __init__(
        self,
        points: Points,
        clock: Callable[[], float],
        plan: Callable[[], Plan],
        namespace: Callable[[], Mapping[str, Any]],
        event: Callable[[str], None],
    ) -> None:
        self._points = points
        self._clock = clock
        self._plan = plan
        self._namespace = namespace
        self._event = event
        self._entries: dict[int, Entry] = {}
        self._names: list[str] = []
        self._roots: set[str] = set()
        self._first: tuple[Entry, Held, int, float, list[str]] | None = None
        self._last: Entry | None = None
        self.inside: torch.optim.Optimizer | None = None
        self.modules: dict[str, torch.nn.Module] = {}

    @property
    def none_yet(self) -> bool:
        """Whether no optimizer has stepped yet."""
        return not self._names

    def own_any(self, tensors: Sequence[Any]) -> bool:
        """Whether one of these is a parameter of an optimizer seen so far."""
        return any(entry.owns(tensors) for entry in self._entries.values())

    def entry(self, optimizer: torch.optim.Optimizer) -> Entry:
        """What is known of `optimizer`, which has stepped or is about to."""
        entry = self._entries.get(id(optimizer))
        if entry is None or entry.optimizer() is not optimizer:
            entry = self._meet(optimizer)
        groups = optimizer.param_groups
        form = (len(groups), len(groups[-1]["params"]))  # groups are only ever added at the end
        if form != entry.form:
            if entry.steps:
                self.flush()  # what waits has the keys that it had
            entry.form = form
            self._name_parameters(entry, optimizer)
        return entry

    def _meet(self, optimizer: torch.optim.Optimizer) -> Entry:
        for key in [key for key, known in self._entries.items() if known.optimizer() is None]:
            del self._entries[key]
        found = name_object(optimizer, calling_frame(), self._namespace())
        name = found or ("optimizer" if self.none_yet else f"optimizer{len(self._names) + 1}")
        entry = Entry(optimizer, name, self._plan())
        entry.sink = self._points
        self._entries[id(optimizer)] = entry
        self._call(entry, name)
        return entry

    def _call(self, entry: Entry, name: str) -> None:
        entry.name = name
        if name not in self._names:
            self._names.append(name)
            if len(self._names) == 2:
                self._event(
                    "a second optimizer steps: each has its own series from here on, "
                    + " and ".join(f"grad_norm/{each}/total" for each in self._names)
                )
            if len(self._names) > 1:
                self._respell()

    def _tell_apart(self, entry: Entry) -> None:
        """Give optimizers of one name, which turn out to step in turn, names of their own."""
        same = [other for other in self._entries.values() if other.name == entry.name]
        frame, namespace = calling_frame(), self._namespace()
        for position, other in enumerate(same):
            held = name_member(other.optimizer(), frame, namespace)
            self._call(other, held or f"{entry.name}{position + 1}")
        self._respell()

    def _name_parameters(self, entry: Entry, optimizer: torch.optim.Optimizer) -> None:
        parameters: dict[int, Tensor] = {}
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameters.setdefault(id(parameter), parameter)
        listed = list(parameters.values())
        entry.named = name_parameters(listed, calling_frame(), self._namespace())
        entry.reader.bind(listed, entry.named.names)
        before = len(self._roots)
        self._roots.update(root for root in entry.named.roots if root is not None)
        self.modules.update(entry.named.modules)
        if len(self._roots) > max(before, 1) or len(self._names) > 1:
            self._respell()
        self._spell(entry)

    def _respell(self) -> None:
        for entry in self._entries.values():
            self._spell(entry)

    def _spell(self, entry: Entry) -> None:
        """Let an optimizer's readings go to the keys that they have in this run."""
        names = entry.named.full_names if len(self._roots) > 1 else entry.named.names
        several = len(self._names) > 1
        if several and self._clash(entry):
            names = [f"{entry.name}.{name}" for name in names]
        entry.reader.spell(names, entry.name if several else "")
        between = f"/{entry.name}/" if several else "/"
        entry.rate_keys = [f"lr{between}group{index}" for index in range(entry.form[0])]

    def _clash(self, entry: Entry) -> bool:
        """Whether another optimizer has other parameters of the same names.

        As where one helper function trains both, and calls either of their modules ``model``.
        """
        mine = dict(zip(entry.named.full_names, entry.reader.parameters, strict=True))
        for other in self._entries.values():
            if other.name != entry.name:
                names = zip(other.named.full_names, other.reader.parameters, strict=True)
                if any(name in mine and mine[name] is not theirs for name, theirs in names):
                    return True
        return False

    # During a step

    def is_nested(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether this step is a part of another optimizer's (SAM, Lookahead)."""
        return self.inside is not None and self.inside is not optimizer and self.is_inside()

    def is_inside(self) -> bool:
        """Whether the step last entered is still running; it may have raised."""
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_name == "wrapper" and frame.f_locals.get("self") is self.inside:
                return True
            frame = frame.f_back  # type: ignore[assignment]
        self.inside = None
        return False

    def enter(self, optimizer: torch.optim.Optimizer, closure: bool, step: int) -> Entry:
        """`optimizer` begins a step."""
        self.inside = optimizer
        entry = self.entry(optimizer)
        last = self._last
        if last is not entry:
            if entry.steps and last is not None and last.name == entry.name:
                self._tell_apart(entry)
            self._last = entry
        entry.steps += 1
        entry.closure = closure
        entry.skips = False
        if entry.steps == 1 and len(self._entries) == 1 and self._first is None:
            entry.sink = Held()
            self._first = (entry, entry.sink, step, self._clock(), entry.keys)
        elif self._first is not None:
            self.flush()
        entry.reader.plan.begin(step)
        return entry

    def leave(self, optimizer: torch.optim.Optimizer) -> Entry | None:
        """`optimizer` ends a step; None when that was a part of another's."""
        if self.inside is not optimizer:
            return None
        self.inside = None
        return self._last

    def trained(self) -> dict[str, Any]:
        """Modules, living optimizers, and the parameters of theirs that no module owns."""
        found: dict[str, Any] = dict(self.modules)
        for entry in self._entries.values():
            named = zip(
                entry.named.roots, entry.named.full_names, entry.reader.parameters, strict=True
            )
            found.update({name: parameter for root, name, parameter in named if root is None})
            optimizer = entry.optimizer()
            if optimizer is not None:
                found[entry.name] = optimizer
        return found

    @property
    def left_out(self) -> int:
        """How many parameters are too large for a copy of the weights."""
        return sum(entry.reader.left_out for entry in self._entries.values())

    def release(self) -> None:
        """Let go of all optimizers, parameters and modules."""
        self._entries.clear()
        self.modules.clear()
        self.inside = self._last = None

    @property
    def look_next(self) -> bool:
        """Whether `accumulated` has anything to do after the next backward pass."""
        return any(entry.reader.plan.next_due for entry in self._entries.values())

    def accumulated(self, factor: Any) -> None:
        """After a backward pass: look at the gradients of every optimizer."""
        for entry in self._entries.values():
            if entry.reader.plan.next_due:
                entry.reader.accumulated(factor)

    def flush(self) -> None:
        """Hand on the readings of the first step, if they wait."""
        if self._first is not None:
            (entry, held, step, time_s, keys), self._first = self._first, None
            entry.sink = self._points
            now_called = dict(zip(keys, entry.keys, strict=False))
            held.release(self._points, step, time_s, lambda key: now_called.get(key, key))
