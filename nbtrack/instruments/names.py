"""Names for parameters and optimizers: the ones the user gave, where the user can see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrack.instruments.frames import plain_items, scopes

if TYPE_CHECKING:
    from torch import Tensor, nn

_DEPTH = 2  # self.trainer.model: attributes of attributes of a variable
_MAX_ATTRIBUTES = 200
# Names that a loop over parameters binds to each in turn; no name of any one of them.
_LOOP_NAMES = frozenset({"p", "par", "param", "parameter", "t", "tensor"})


class Found(NamedTuple):
    """A value, where it was found, and how many attributes deep."""

    name: str
    value: Any
    depth: int


class Named(NamedTuple):
    """The names of some parameters.

    Attributes
    ----------
    names : list of str
        Within its root, one a parameter, all different.
    roots : list of str or None
        The variable that holds the module each belongs to; None for plain tensors.
    modules : dict of str to Module
        The modules behind those variables.
    """

    names: list[str]
    roots: list[str | None]
    modules: dict[str, nn.Module]

    @property
    def full_names(self) -> list[str]:
        """The names with the variables of their modules in front."""
        pairs = zip(self.names, self.roots, strict=True)
        return [name if root is None else f"{root}.{name}" for name, root in pairs]


def name_parameters(
    parameters: Sequence[Tensor], frame: FrameType | None, namespace: Mapping[str, Any]
) -> Named:
    """Names for `parameters` as the user would write them.

    Looked for in the local variables of the calling frames, attributes of objects there (``self``
    and the like, two levels), their globals, then `namespace`. The fewest, outermost modules that
    own them are taken; plain tensors are called after their own variables or after the list or
    dict that holds them (``params.0``).
    """
    visible = list(_visible(frame, namespace))
    names: list[str | None] = [None] * len(parameters)
    roots: list[str | None] = [None] * len(parameters)
    modules: dict[str, nn.Module] = {}
    missing = {id(parameter): index for index, parameter in enumerate(parameters)}
    for found in _fewest_modules(set(missing), visible):
        label = found.name
        for name, parameter in found.value.named_parameters():
            index = missing.pop(id(parameter), None)
            if index is not None:
                names[index], roots[index] = _clean(name), label
                modules[label] = found.value
    if missing:
        plain = sorted(missing.values())
        for index, name in zip(
            plain, _plain_names([parameters[i] for i in plain], visible), strict=True
        ):
            names[index] = name
    return Named(_distinct(names, roots), roots, modules)


def name_object(value: object, frame: FrameType | None, namespace: Mapping[str, Any]) -> str | None:
    """The variable or attribute that holds `value`; the outermost scope's name wins.

    An argument of a helper function is called the same for every optimizer passed to it; what it
    is called in the notebook tells them apart.
    """
    best: tuple[int, int, str] | None = None
    for order, found in enumerate(_visible(frame, namespace)):
        rank = (found.depth, -order, found.name)
        if found.value is value and (best is None or rank < best):
            best = rank
    return best[2] if best is not None else name_member(value, frame, namespace)


def name_member(value: object, frame: FrameType | None, namespace: Mapping[str, Any]) -> str | None:
    """The list or dict in sight that holds `value`, with its place there: ``optimizers.0``."""
    for found in _visible(frame, namespace):
        for key, member in _members(found.value):
            if member is value:
                return f"{found.name}.{key}"
    return None


def find_objects(kind: type, frame: FrameType | None, namespace: Mapping[str, Any]) -> list[Any]:
    """All objects of type `kind` that the calling frames and `namespace` show, members included."""
    found: list[Any] = []
    for item in _visible(frame, namespace):
        if issubclass(type(item.value), kind):
            found.append(item.value)
        else:
            found += [m for _, m in _members(item.value) if issubclass(type(m), kind)]
    return found


def _visible(frame: FrameType | None, namespace: Mapping[str, Any]) -> Iterator[Found]:
    """Every variable in sight, nearest scope first, then the attributes of objects among them."""
    seen: set[int] = set()
    inner: list[Found] = []
    for scope in scopes(frame, namespace):
        for name, value in plain_items(scope):
            found = Found(name, value, 0)
            yield found
            if id(value) not in seen:
                seen.add(id(value))
                inner.append(found)
    for depth in range(1, _DEPTH + 1):
        deeper: list[Found] = []
        for holder in inner:
            for name, value in _attributes(holder.value):
                found = Found(name, value, depth)
                yield found
                if id(value) not in seen:
                    seen.add(id(value))
                    deeper.append(found)
        inner = deeper


def _attributes(holder: Any) -> list[tuple[str, Any]]:
    """What an object of the user (a trainer, a config) holds; its properties are not run."""
    kind = type(holder)
    if kind.__module__ in ("builtins", "types", "typing", "torch", "numpy"):
        return []
    attributes = getattr(holder, "__dict__", None)
    if not isinstance(attributes, dict) or isinstance(holder, type):
        return []
    items = list(attributes.items())[:_MAX_ATTRIBUTES]
    submodules = attributes.get("_modules")  # where nn.Module keeps its children
    if isinstance(submodules, dict):
        items += list(submodules.items())
    return [
        (name.lstrip("_"), value)
        for name, value in items
        if isinstance(name, str) and not name.startswith("__")
    ]


def _members(holder: Any) -> list[tuple[Any, Any]]:
    """The items of a small list, tuple or dict."""
    if type(holder) in (list, tuple):
        return list(enumerate(holder[:10_000]))
    if isinstance(holder, dict):
        return [(key, value) for key, value in list(holder.items())[:10_000]]
    return []


def _fewest_modules(wanted: set[int], visible: Sequence[Found]) -> Iterator[Found]:
    """Modules that own most of what is still wanted, one after the other."""
    import torch

    named: dict[int, Found] = {}
    for found in _with_members(visible):
        known = named.get(id(found.value))
        # Outer scopes come later, and win: a helper calls every model passed to it the same.
        if (known is None or found.depth <= known.depth) and issubclass(
            type(found.value), torch.nn.Module
        ):
            named[id(found.value)] = found
    candidates: list[tuple[Found, set[int], int]] = []
    for found in named.values():
        owned = {id(parameter) for parameter in found.value.parameters()}
        if owned & wanted:
            candidates.append((found, owned, sum(1 for _ in found.value.modules())))
    while wanted:
        best: tuple[int, int, int] | None = None
        chosen: tuple[Found, set[int], int] | None = None
        for candidate in candidates:
            found, owned, size = candidate
            # most covered; then a variable before an attribute; then the outermost
            rank = (len(owned & wanted), -found.depth, size)
            if rank[0] and (best is None or rank > best):
                best, chosen = rank, candidate
        if chosen is None:
            return
        wanted = wanted - chosen[1]
        yield chosen[0]


def _with_members(visible: Sequence[Found]) -> Iterator[Found]:
    for found in visible:
        yield found
    for found in visible:
        if found.depth < _DEPTH:
            for key, member in _members(found.value)[:_MAX_ATTRIBUTES]:
                yield Found(f"{found.name}.{key}", member, found.depth + 1)


def _clean(name: str) -> str:
    """A parameter's name without what wrappers (torch.compile, DDP, FSDP) put in between."""
    parts = [p for p in name.split(".") if p not in ("_orig_mod", "_fsdp_wrapped_module")]
    if len(parts) > 1 and parts[0] == "module":
        parts = parts[1:]
    return ".".join(parts)


def _plain_names(tensors: Sequence[Tensor], visible: Sequence[Found]) -> list[str]:
    """Names for tensors that no module owns."""
    wanted = {id(tensor): index for index, tensor in enumerate(tensors)}
    own: list[list[str]] = [[] for _ in tensors]
    held: list[str | None] = [None] * len(tensors)
    for found in visible:
        index = wanted.get(id(found.value))
        if index is not None and found.name not in own[index]:
            own[index].append(found.name)
        for key, member in _members(found.value):
            index = wanted.get(id(member))
            if index is not None and held[index] is None:
                held[index] = f"{found.name}.{key}"
    chosen: list[str | None] = []
    for index, candidates in enumerate(own):
        given = [name for name in candidates if name not in _LOOP_NAMES]
        if held[index] is None:
            given += [name for name in candidates if name in _LOOP_NAMES]
        free = [name for name in given if name not in chosen]
        chosen.append(free[0] if free else None)
    if all(chosen):
        return [name for name in chosen if name is not None]
    return [
        holder or name or f"param.{index}"
        for index, (holder, name) in enumerate(zip(held, chosen, strict=True))
    ]


def _distinct(names: Sequence[str | None], roots: Sequence[str | None]) -> list[str]:
    used: set[tuple[str | None, str]] = set()
    result: list[str] = []
    for index, (name, root) in enumerate(zip(names, roots, strict=True)):
        unique = name or f"param.{index}"
        while (root, unique) in used:
            unique += "_"
        used.add((root, unique))
        result.append(unique)
    return result
