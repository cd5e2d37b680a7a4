"""The slice of a run as a runnable script, and as a notebook."""

from __future__ import annotations

import ast
import base64
import datetime
import re
import shlex
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbtrack.capture.witnessing.randomness import pack, restore_random, unpack
from nbtrack.records import RunInfo
from nbtrack.versioning.plain_python import indented, plain_python, track_line

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SEEDS = {"seed", "manual_seed", "set_seed", "seed_everything", "manual_seed_all"}
_DISPLAY = "def display(*objects):  # outside of a notebook: as text\n    print(*objects)\n"

Read = Callable[[str], bytes]  # a blob by its digest


def script_of(
    info: RunInfo, cells: Sequence[Mapping[str, Any]], read: Read, num_own: int = 1
) -> str:
    """A script that does what the run did.

    Parameters
    ----------
    info : RunInfo
    cells : sequence of mapping
        The slice, as ``replay.json`` has it; the last one is the tracked cell.
    read : callable
        Gives a blob by its digest: the random states.
    num_own : int
        How many at the end are the run's own; the first of them starts it.

    Returns
    -------
    str
        Plain Python, one ``# %%`` section a cell. The tracked cell starts a run of its own. Where a
        cell drew random numbers that no seed of the script determines, their state stands before
        it, as text.

    Raises
    ------
    BlobNotFound
        If a random state is gone from the store.
    """
    parts = [_heading(info)]
    first = len(cells) - num_own
    future, bodies = _without_future(
        [
            _body(cell, is_start=at == first, is_end=cell is cells[-1])
            for at, cell in enumerate(cells)
        ]
    )
    parts.append("".join(f"{line}\n" for line in future))
    if any(_reads_display(body) for body in bodies):
        parts.append(_DISPLAY)
    for at, (cell, body) in enumerate(zip(cells, bodies, strict=True)):
        state = _state(cell, info, read, is_start=at == first)
        number = "?" if cell.get("count") is None else cell["count"]
        what = "from cell" if cell.get("is_part") else "cell"
        parts.append("\n".join([f"# %% {what} {number}", *state, body.strip("\n"), ""]))
    return "\n".join(part for part in parts if part)


def notebook_of(
    info: RunInfo, cells: Sequence[Mapping[str, Any]], read: Read, num_own: int = 1
) -> NotebookNode:
    """A notebook whose cells, from the top, do what the run did.

    Parameters
    ----------
    info : RunInfo
    cells : sequence of mapping
        The slice, as ``replay.json`` has it.
    read : callable
        Gives a blob by its digest.
    num_own : int
        How many at the end are the run's own.

    Returns
    -------
    NotebookNode
        The cells as typed, with their ids where nbformat takes them; ``%load_ext nbtrack`` first.
        A random state that no seed determines stands in a folded cell before its cell.

    Raises
    ------
    BlobNotFound
        If a random state is gone from the store.
    """
    import nbformat

    new = nbformat.v4
    started = datetime.datetime.fromtimestamp(info.started_s).strftime("%d %b %Y %H:%M")
    title = (
        f"# {info.name}\n\nThe cells of run `{info.id}` of {started}, in the order of their "
        f"execution. `%reproduce {info.id}` runs them in a fresh kernel and compares."
    )
    book = new.new_notebook(
        cells=[new.new_markdown_cell(title), new.new_code_cell("%load_ext nbtrack")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    used: set[str] = set()
    for at, cell in enumerate(cells):
        state = _state(cell, info, read, is_start=at == len(cells) - num_own)
        if state:
            folded = new.new_code_cell("\n".join(state))
            folded.metadata = {"jupyter": {"source_hidden": True}, "tags": ["nbtrack-random-state"]}
            book.cells.append(folded)
        code = new.new_code_cell(cell["source"])
        if cell.get("error") and cell is not cells[-1]:
            code.metadata["tags"] = ["raises-exception"]  # it failed, and the run went on
        wanted = cell.get("cell_id") or ""
        if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", wanted) and wanted not in used:
            code["id"] = wanted
            used.add(wanted)
        book.cells.append(code)
    return book


def untracked(source: str) -> str:
    """A cell as typed, not tracked: its ``%%track`` line seeds as it did, and starts no run.

    The line numbers stay.
    """
    head, newline, rest = source.partition("\n")
    if not head.strip():
        return head + newline + untracked(rest) if newline else source
    found = re.match(r"%%track\b(.*)$", head.strip())
    return source if found is None else _seeding(found[1]) + newline + rest


def _seeding(options: str) -> str:
    """What is left of ``%%track OPTIONS`` in a cell that is not the run's own."""
    words = _words(options)
    if "--seed" not in words[:-1]:
        return f"# %%track{options}"
    seed = words[words.index("--seed") + 1]
    more = ", deterministic=True" if "--deterministic" in words else ""
    return f'__import__("nbtrack").set_seed({seed}{more})  # %%track{options}'


def _heading(info: RunInfo) -> str:
    started = datetime.datetime.fromtimestamp(info.started_s).strftime("%Y-%m-%d %H:%M")
    params = ", ".join(f"{name}={value!r}" for name, value in list(info.params.items())[:12])
    lines = [f"The cells of run {info.id} ({_plain(info.name)}) of {started}, as a script."]
    if params:
        lines.append("\n" + _plain(params))
    return '"""' + "\n".join(lines) + '\n"""\n'


def _plain(text: str) -> str:
    """A text that can stand in a docstring."""
    return text.replace("\\", "/").replace('"""', "'''")


def _body(cell: Mapping[str, Any], is_start: bool, is_end: bool) -> str:
    body = _code(cell, is_start)
    if is_end or not cell.get("error"):
        return body
    failing = indented(body.strip("\n"))
    return (
        f"try:  # it failed; what it did before is needed\n{failing}\nexcept Exception:\n    pass\n"
    )


def _code(cell: Mapping[str, Any], is_start: bool) -> str:
    code = str(cell.get("code") or cell["source"])
    options = track_line(code)
    if options is None:
        return plain_python(code)
    rest = code.partition("\n")[2]
    text = plain_python(rest)
    if is_start:
        start = f"import nbtrack; nbtrack.start({_start_arguments(options)})"
        return f"{start}  # %%track {options}\n{text}"
    return f"{_seeding(' ' + options)}\n{text}"


def _start_arguments(options: str) -> str:
    """The options of a ``%%track`` line as arguments of `nbtrack.start`."""
    words, found, tags, params = _words(options), [], [], []
    at = 0
    while at < len(words):
        word, value = words[at], words[at + 1] if at + 1 < len(words) else ""
        at += 1
        if word.startswith("--") and word in (
            "--seed",
            "--tag",
            "--param",
            "--watch",
            "--every",
            "--note",
            "--checkpoint-every",
            "--allow",
        ):
            at += 1
        match word:
            case "--seed":
                found.append(f"seed={value}")
            case "--tag":
                tags.append(value)
            case "--param":
                params.append(value.partition("="))
            case _ if not word.startswith("--"):
                found.insert(0, repr(word))
    if tags:
        found.append(f"tags={tags!r}")
    if params:
        found.append(f"params={ {name: _literal(value) for name, _, value in params}!r}")
    return ", ".join(found)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _words(options: str) -> list[str]:
    try:
        return shlex.split(options)
    except ValueError:
        return options.split()


def _state(cell: Mapping[str, Any], info: RunInfo, read: Read, is_start: bool) -> list[str]:
    """The lines that put back the random state of a cell's entry; none where a seed gives it."""
    drew = set(cell.get("drew", ())) - set(cell.get("continues", ()))
    if is_start and info.seed is not None:
        drew -= {"python", "numpy", "torch"}
    drew -= _seeded_first(str(cell.get("code", "")))
    if not drew or "random" not in cell:
        return []
    states = unpack(read(cell["random"]))
    packed = pack({name: state for name, state in states.items() if name in drew})
    text = base64.b85encode(zlib.compress(packed, 9)).decode()
    return [
        "# the random state here, of " + ", ".join(sorted(drew)),
        f'__import__("nbtrack.versioning", fromlist="_").put_back("{text}", globals())',
    ]


def _seeded_first(code: str) -> set[str]:
    """Sources that a cell seeds with a literal before it calls anything else."""
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError):
        return set()
    found: set[str] = set()
    for statement in statements:
        match statement:
            case ast.Expr(value=ast.Call(func=function, args=[ast.Constant()])):
                name = ast.unparse(function)
                if name.split(".")[-1] not in _SEEDS:
                    break
                found |= _sources_seeded(name)
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.ClassDef():
                continue
            case ast.Assign(value=ast.Constant()) | ast.Expr(value=ast.Constant()):
                continue
            case _ if track_line(ast.unparse(statement)) is not None:
                continue
            case _:
                break
    return found


def _sources_seeded(name: str) -> set[str]:
    if name in ("torch.manual_seed", "torch.random.manual_seed"):
        return {"torch"}
    if name in ("np.random.seed", "numpy.random.seed"):
        return {"numpy"}
    if name == "random.seed":
        return {"python"}
    if name in ("nbtrack.set_seed", "set_seed", "seed_everything"):
        return {"python", "numpy", "torch"} if name == "nbtrack.set_seed" else set()
    return set()


def _without_future(bodies: list[str]) -> tuple[list[str], list[str]]:
    """``from __future__`` lines, which stand first in a script, and the bodies without them."""
    pattern = re.compile(r"^from __future__ import .*$", re.MULTILINE)
    found = [line for body in bodies for line in pattern.findall(body)]
    return list(dict.fromkeys(found)), [pattern.sub("", body) for body in bodies]


def _reads_display(body: str) -> bool:
    return re.search(r"(?<![\w.])display\(", body) is not None


def put_back(text: str, namespace: Mapping[str, Any]) -> None:
    """Put back the random state that a script of a run carries as text.

    Warns
    -----
    RuntimeWarning
        If a generator that belongs to the state is not there.
    """
    states = unpack(zlib.decompress(base64.b85decode(text)))
    for problem in restore_random(states, namespace):
        warnings.warn(f"nbtrack: {problem}", RuntimeWarning, stacklevel=2)
