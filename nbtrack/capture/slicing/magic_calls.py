"""What IPython made of ``%magic``, ``%%magic`` and ``!shell``, and what is known of each.

Python that runs in the user's namespace (``%%time``, ``%run -i``) is code of the cell. What runs
elsewhere, or is not known, has names that nobody can read from the text.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

ReadFile = Callable[[str], str | None]

# Which options of a magic that runs a statement take a value: `%timeit -n 10 f(x)`.
_RUNS_PYTHON = {
    "capture": "",
    "lprun": "fmDTu",
    "memit": "rti",
    "mprun": "fT",
    "prun": "DlsT",
    "snakeviz": "f",
    "time": "",
    "timeit": "nrpv",
    "track": "",
}
# fmt: off
_QUIET_LINES = frozenset({
    "aimport", "alias_magic", "autoawait", "autocall", "automagic", "autoreload", "bookmark",
    "code_wrap", "colors", "config", "debug", "dhist", "dirs", "doctest_mode", "edit",
    "env_info", "gui", "hist", "history", "killbgscripts", "load", "load_ext", "ls", "lsmagic",
    "magic", "matplotlib", "notebook", "page", "pastebin", "pdb", "pdef", "pdoc", "pfile",
    "pinfo", "pinfo2", "pprint", "precision", "psearch", "psource", "pwd", "pycat", "quickref",
    "recall", "reload_ext", "reproduce", "rerun", "runs", "save", "sx", "system", "tb",
    "tensorboard", "track", "unalias", "unload_ext", "who", "who_ls", "whos", "xmode",
})
# fmt: on
# fmt: off
_QUIET_CELLS = frozenset({
    "HTML", "SVG", "file", "html", "javascript", "js", "latex", "markdown", "svg", "writefile",
})
# fmt: on
# Cell magics whose body another program runs: they can write files, and bind no name.
# fmt: off
SCRIPTS = frozenset({
    "!", "bash", "cmd", "perl", "pypy", "python", "python2", "python3", "ruby", "script", "sh",
    "sx", "system",
})
# fmt: on
_INSTALLERS = re.compile(r"^\s*(?:sudo\s+)?(?:\S*python\S*\s+-m\s+)?(?:pip3?|conda|mamba|uv)\b")
INSTALL = "package install"
_EXPANDED = re.compile(r"\{([A-Za-z_]\w*)|\$\{?([A-Za-z_]\w*)")  # `!ls {folder} $name`


@dataclass(frozen=True)
class MagicCall:
    """One call that IPython put in place of a magic or shell line.

    Attributes
    ----------
    kind : str
        ``line``, ``cell``, ``shell``, or ``other`` for calls whose text is not in the cell.
    """

    kind: Literal["line", "cell", "shell", "other"]
    name: str
    line: str = ""
    body: str = ""


@dataclass(frozen=True)
class Meaning:
    """What a call does to the names of the cell.

    Attributes
    ----------
    code : tuple of str
        Python that it runs.
    how : str
        ``inline``: as part of the cell; ``reads``: what it binds is lost; ``binds``: in a
        namespace of its own, from which the bindings are copied; ``maybe``: unsure if at all.
    opaque : str
        Why its names cannot be known.
    binds, expands : tuple of str
        Names that it binds, and that it may put into its text.
    file : str
        A file that it runs.
    """

    code: tuple[str, ...] = ()
    how: Literal["inline", "reads", "binds", "maybe"] = "inline"
    opaque: str = ""
    binds: tuple[str, ...] = ()
    expands: tuple[str, ...] = ()
    file: str = ""


def magic_call(node: ast.Call) -> MagicCall | None:
    """Read a call of ``get_ipython()``; None for any other call."""
    match node.func:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=called):
            pass
        case _:
            return None
    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    is_known = len(texts) == len(node.args)
    match called, texts:
        case ("run_line_magic" | "magic", [name, *rest]) if is_known:
            return MagicCall("line", name, " ".join(rest))
        case ("run_cell_magic", [name, line, body]) if is_known:
            return MagicCall("cell", name, line, body)
        case ("system" | "getoutput" | "getoutput_pexpect" | "system_raw", [line]) if is_known:
            return MagicCall("shell", "!", line)
        case (
            ("run_line_magic" | "magic" | "run_cell_magic" | "run_cell" | "ex" | "ev" | "push"),
            _,
        ):
            return MagicCall("other", f"get_ipython().{called}")
        case (("drop_by_id" | "del_var" | "reset" | "safe_execfile"), _):
            return MagicCall("other", f"get_ipython().{called}")
    return None


def meaning_of(call: MagicCall, read_file: ReadFile) -> Meaning:
    """What a magic or shell call does, as far as its text tells."""
    if call.kind == "other":
        return Meaning(opaque=call.name)
    if call.kind == "shell":
        if _INSTALLERS.match(call.line):
            return Meaning(opaque=INSTALL)
        expands = tuple(a or b for a, b in _EXPANDED.findall(call.line))
        return Meaning(opaque="!shell", expands=expands)
    if call.name in {"pip", "conda", "mamba", "uv"}:
        return Meaning(opaque=INSTALL)
    if call.name == "run" and call.kind == "line":
        return _run(call.line, read_file)
    if call.name in _RUNS_PYTHON:
        return _runs_python(call)
    return _line(call) if call.kind == "line" else _cell(call)


def _runs_python(call: MagicCall) -> Meaning:
    if call.name == "track":
        return Meaning((python_of(call.body),))
    if call.name == "capture":
        names = [word for word in call.line.split() if not word.startswith("-")]
        return Meaning((python_of(call.body),), binds=tuple(names[:1]))
    statement = _without_options(call.line, _RUNS_PYTHON[call.name])
    how: Literal["inline", "reads"] = "inline" if call.name in {"time", "prun"} else "reads"
    return Meaning(tuple(python_of(text) for text in (statement, call.body) if text.strip()), how)


def _line(call: MagicCall) -> Meaning:
    if call.name in _QUIET_LINES or (call.name == "env" and "=" not in call.line):
        return Meaning()
    return Meaning(opaque=f"%{call.name}")


def _cell(call: MagicCall) -> Meaning:
    if call.name in _QUIET_CELLS:
        return Meaning()
    words = call.line.split()
    pairs = pairwise(words)
    binds = tuple(name for option, name in pairs if option in {"--out", "--err", "--proc"})
    if call.name in SCRIPTS:
        return Meaning(opaque=f"%%{call.name}", binds=binds)
    return Meaning((python_of(call.body),), "maybe", opaque=f"%%{call.name}")


def _run(line: str, read_file: ReadFile) -> Meaning:
    """``%run [-i] file``: with ``-i`` the file is part of the cell, else only what it leaves."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    shares = False
    while words and words[0].startswith("-"):
        option = words.pop(0)
        shares |= option == "-i"
        if option == "-m" or (option == "-N" and words):
            return Meaning(opaque=f"%run {line.strip()}")
    path = words[0] if words else ""
    source = None
    for name in (path, f"{path}.py"):
        source = source if source is not None or not path else read_file(name)
    if source is None:
        return Meaning(opaque=f"%run of a missing file: {path or line.strip()}")
    if path.endswith(".ipynb"):
        source = _notebook_code(source)
    code = python_of(source) if path.endswith((".ipy", ".ipynb")) else source
    found = Meaning((code,), "inline" if shares else "binds", file=path)
    try:
        ast.parse(code)
    except (SyntaxError, ValueError):
        return replace(found, code=(), opaque=f"%run of a file that is not Python: {path}")
    return found


def _notebook_code(text: str) -> str:
    try:
        cells = json.loads(text)["cells"]
        sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        return text
    return "\n".join(each if isinstance(each, str) else "".join(each) for each in sources)


def _without_options(line: str, with_value: str) -> str:
    """``f(x)`` for ``-n 10 -q f(x)``: what is left of a line after its options."""
    while found := re.match(r"\s*-(-?)([A-Za-z])(\S*)\s*", line):
        line = line[found.end() :]
        if not found[1] and not found[3] and found[2] in with_value:
            line = re.sub(r"^\S+\s*", "", line)
    return line


def python_of(text: str) -> str:
    """Plain Python for the body of a magic, which may have magics of its own."""
    try:
        ast.parse(text)
        return text
    except (SyntaxError, ValueError):
        pass
    try:
        from IPython.core.inputtransformer2 import TransformerManager

        return str(TransformerManager().transform_cell(text))
    except Exception:
        return text
