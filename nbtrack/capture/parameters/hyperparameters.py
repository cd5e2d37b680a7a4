"""Hyper-parameters as plain values, found with no edit; and the name of a run given none.

The slice's code says which names and literals reach the training; values come from the variables
and from the live optimizer, loader and models where there are any.

One rule for the names of the settings in a config (dict, dataclass, namespace, argparse): the
plain name where it is the only one of the slice's configs (``lr``), else the whole way into it
(``model.lr`` and ``head.lr``).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrack.capture.parameters.configured import live_params
from nbtrack.capture.parameters.literals import MISSING, as_scalar, is_config
from nbtrack.capture.parameters.program import read_program
from nbtrack.capture.parameters.reach import Reach
from nbtrack.capture.parameters.scopes import cell_and_line
from nbtrack.capture.parameters.sites import Site
from nbtrack.capture.parameters.vocabulary import is_about_looks, is_field_term, is_secret
from nbtrack.records import Cell

MOST_PARAMS = 200

_DEPTH = 6


@dataclass(frozen=True)
class Param:
    """One hyper-parameter.

    Attributes
    ----------
    value : JSON value
        A number, bool, text up to 200 characters, None, or a short list of them.
    origin : str
        ``cell 7, line 2``, ``optimizer``, ``loader``, ``model``, ``--param`` or
        ``start(params=)``.
    """

    value: Any
    origin: str


def written_params(cells: Sequence[tuple[Cell, str]]) -> dict[str, Param]:
    """Hyper-parameters that the code of a slice says, before any of it runs.

    Parameters
    ----------
    cells : sequence of (Cell, str)
        The slice with each cell's code as Python, the tracked cell last.

    Returns
    -------
    dict of str to Param
        At most 200. Never raises: what cannot be read is left out.

    Notes
    -----
    About a millisecond a cell; reads no file, imports nothing, runs nothing.
    """
    return _safely(cells, None, {})


def found_params(
    cells: Sequence[tuple[Cell, str]],
    namespace: Mapping[str, Any],
    optimizers: Mapping[str, Any],
    modules: Mapping[str, Any],
    loaders: Mapping[str, Any],
) -> dict[str, Param]:
    """Hyper-parameters of a slice that has run: of its code, its variables and what trained.

    Parameters
    ----------
    cells : sequence of (Cell, str)
        As for `written_params`.
    namespace : mapping
        The notebook's variables.
    optimizers, modules, loaders : mapping of str to object
        What trained, by the variable that holds each.

    Returns
    -------
    dict of str to Param
        Where code and a live object disagree, the live one is told, with it as the origin.
    """
    found = _safely(cells, namespace, live_params(optimizers, modules, loaders))
    return dict(list(found.items())[:MOST_PARAMS])


def _safely(
    cells: Sequence[tuple[Cell, str]], namespace: Mapping[str, Any] | None, live: Mapping[str, Any]
) -> dict[str, Param]:
    try:
        found = dict(_of_code(cells, namespace))
    except Exception:  # a program that no rule above foresaw: what is live is still known
        found = {}
    for name, (value, origin) in live.items():
        if name == "hidden" and any("hid" in known.lower() for known in found):
            continue
        if name not in found or found[name].value != value:
            found[name] = Param(value, origin)
    named = {
        name: param
        for name, param in found.items()
        if not is_secret(name, param.value) and not name.startswith("_")
    }
    return dict(list(named.items())[:MOST_PARAMS])


def _of_code(
    cells: Sequence[tuple[Cell, str]], namespace: Mapping[str, Any] | None
) -> Iterator[tuple[str, Param]]:
    sites = Reach(read_program([code for _, code in cells])).sites
    listed = [cell for cell, _ in cells]
    found: dict[str, Param] = {}
    for name, those in sites.named().items():
        for site in those:
            value, written = _present(site, namespace), sites.value(site)
            if value is MISSING or (written is MISSING and isinstance(value, (str, type(None)))):
                value = written  # a text that no line spells out is data
            if value is not MISSING:
                found[name] = Param(value, origin(listed, *site.cell_and_line))
                break
    for fact in sites.facts():
        place = origin(listed, *cell_and_line(fact.line))
        found.setdefault(fact.name, Param(fact.value, place))
    if namespace is not None:
        written = {
            site.path[-1]: site
            for those in sites.named().values()
            for site in those
            if site.kind == "item"
        }
        for variable in sites.configs:
            for path, value in _settings(namespace.get(variable)):
                if path[-1] in written or is_about_looks(path[-1]):
                    continue
                name = path[-1] if path[-1] not in found else ".".join((variable, *path))
                found.setdefault(name, Param(value, variable))
    yield from found.items()


def _present(site: Site, namespace: Mapping[str, Any] | None) -> Any:
    """The value that the variable of a site has now."""
    if namespace is None or not site.variable:
        return MISSING
    value = namespace.get(site.variable[0], MISSING)
    for key in site.variable[1:]:
        held = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
        value = held.get(key, MISSING) if isinstance(held, Mapping) else MISSING
        if value is MISSING:
            return MISSING
    lists = len(site.variable) > 1 or is_field_term(site.name)
    return as_scalar(value, lists)


def _is_array(value: Any) -> bool:
    """Whether a value is a tensor, array or frame, by its class: a config may answer all."""
    return hasattr(type(value), "shape") and hasattr(type(value), "__array__")


def _settings(value: Any, depth: int = 0) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The plain values in a live config."""
    if depth > _DEPTH or not is_config(value):
        return
    held = value if isinstance(value, Mapping) else getattr(value, "__dict__", None)
    if held is None and isinstance(value, tuple):
        held = value._asdict()  # type: ignore[attr-defined]
    if any(_is_array(item) for item in list((held or {}).values())[:MOST_PARAMS]):
        return  # a mapping that holds arrays is a data set
    for key, item in list((held or {}).items())[:MOST_PARAMS]:
        if isinstance(key, str) and not key.startswith("_") and not is_secret(key, item):
            scalar = as_scalar(item)
            if scalar is None:
                continue
            if scalar is not MISSING:
                yield (key,), scalar
            else:
                for path, inner in _settings(item, depth + 1):
                    yield (key, *path), inner


def origin(cells: Sequence[Cell], position: int, line: int) -> str:
    """A line of the slice in words: ``cell 7, line 2``."""
    count = cells[position].count
    if count is not None:
        return f"cell {count}, line {line}"
    where = "tracked cell" if position == len(cells) - 1 else "an earlier cell"
    return f"{where}, line {line}"


def plain(params: Mapping[Any, Any]) -> dict[str, Any]:
    """Parameters as JSON can hold them.

    Numbers, texts, bools, None, lists and mappings stay what they are; NumPy scalars and
    1-element tensors become numbers; anything else is kept as its text.
    """
    return {str(name): _plain_value(value) for name, value in params.items()}


def _plain_value(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, (list, tuple)):
        return [_plain_value(item) for item in value]
    item = getattr(value, "item", None)
    if callable(item):
        try:
            return _plain_value(item())
        except (TypeError, ValueError, RuntimeError):  # more than one element
            pass
    return str(value)


def default_name(notebook: str | None) -> str:
    """The notebook's or script's name without its ending; ``run`` where there is neither."""
    if notebook:
        return Path(notebook).stem
    script = Path(sys.argv[0]) if sys.argv else Path()
    is_ours = script.suffix == ".py" and script.name not in ("ipykernel_launcher.py", "__main__.py")
    return script.stem if is_ours else "run"
