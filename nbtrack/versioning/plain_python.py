"""A notebook cell as plain Python: what stands in a script for magics, ``!shell`` and ``await``."""

from __future__ import annotations

import ast
import re
import shlex
import textwrap

_PYTHON_BODIES = {"time", "timeit", "capture", "prun", "track"}
_SHELLS = {"bash", "sh", "script", "!"}


def plain_python(code: str) -> str:
    """A cell as Python that runs without IPython.

    Parameters
    ----------
    code : str
        The cell as IPython transformed it: magics and shell lines are calls of ``get_ipython()``.

    Returns
    -------
    str
        Magics about display are left as texts that do nothing; ``%run``, ``%cd``, ``%%writefile``,
        ``!shell`` and ``%%bash`` become what does the same; a cell with ``await`` becomes a
        coroutine. What does not parse is returned as it is.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return _awaited(code)
    lines = code.splitlines(keepends=True)
    for node in sorted(_calls(tree), key=lambda node: (node.lineno, node.col_offset), reverse=True):
        _replace(lines, node, _translated(node))
    text = "".join(lines)
    return _awaited(text) if _awaits(text) else text


def track_line(code: str) -> str | None:
    """The options of the ``%%track`` line that a transformed cell starts with; None without one."""
    first = code.split("\n", 1)[0]
    found = re.match(r"get_ipython\(\)\.run_line_magic\('track', (.*)\)\s*$", first)
    return None if found is None else str(ast.literal_eval(found[1]))


def indented(code: str) -> str:
    """Code one level deeper; lines within a text of several lines stay as they are."""
    within = {
        line
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)))
        for line in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
    }
    return "".join(
        line if number in within or not line.strip() else f"    {line}"
        for number, line in enumerate(code.splitlines(keepends=True), start=1)
    )


def _calls(tree: ast.AST) -> list[ast.Call]:
    """The outermost calls of methods of ``get_ipython()``."""
    found: list[ast.Call] = []

    def visit(node: ast.AST) -> None:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")))):
                found.append(node)
            case _:
                for child in ast.iter_child_nodes(node):
                    visit(child)

    visit(tree)
    return found


def _translated(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Attribute)
    try:
        texts = [str(ast.literal_eval(argument)) for argument in call.args]
    except ValueError:
        texts = []
    match (call.func.attr, texts):
        case ("run_line_magic", [name, line]):
            return _line_magic(name, line)
        case ("run_cell_magic", [name, line, body]):
            return _cell_magic(name, line, body)
        case ("system", [command]):
            return f'__import__("subprocess").run({command!r}, shell=True, check=False)'
        case ("getoutput", [command]):
            return f'__import__("subprocess").getoutput({command!r}).splitlines()'
    return repr(ast.unparse(call))


def _line_magic(name: str, line: str) -> str:
    words = _words(line)
    if name == "run" and words:
        path = next((word for word in words if not word.startswith("-")), "")
        if "-i" in words:
            return f'exec(compile(open({path!r}).read(), {path!r}, "exec"), globals())'
        return f'globals().update(__import__("runpy").run_path({path!r}, run_name="__main__"))'
    if name in ("time", "timeit") and words:
        statement = re.sub(r"^(-[nrp]\s*\d+\s*|-[qoct]\s*)+", "", line)
        return plain_python(statement)
    if name == "cd" and words:
        return f'__import__("os").chdir({line.strip()!r})'
    if name in ("env", "set_env") and (pair := re.match(r"(\w+)[= ](.*)", line)):
        return f'__import__("os").environ.__setitem__({pair[1]!r}, {pair[2]!r})'
    return repr(f"%{name} {line}".rstrip())


def _cell_magic(name: str, line: str, body: str) -> str:
    if name in _PYTHON_BODIES:
        from IPython.core.inputtransformer2 import TransformerManager

        return plain_python(TransformerManager().transform_cell(body)).rstrip("\n")
    if name == "writefile":
        path = next((word for word in _words(line) if not word.startswith("-")), "")
        mode = "a" if "-a" in _words(line) else "w"
        return f"print({body!r}, end='', file=open({path!r}, {mode!r}))"
    if name in _SHELLS:
        shell = line.split()[0] if name == "script" and line.split() else "bash"
        return f'__import__("subprocess").run([{shell!r}, "-c", {body!r}], check=False)'
    return repr(f"%%{name} {line}\n{body}")


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _replace(lines: list[str], node: ast.Call, text: str) -> None:
    """Put a text where a node stands; columns of `ast` count bytes of UTF-8."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    before = lines[first].encode()[: node.col_offset].decode()
    after = lines[last].encode()[node.end_col_offset or 0 :].decode()
    if not before.strip():
        text = textwrap.indent(text, before).lstrip()
    lines[first : last + 1] = (before + text + after).splitlines(keepends=True)


def _awaits(code: str) -> bool:
    """Whether a cell has an ``await`` outside of any function."""
    try:
        compile(code, "<cell>", "exec", dont_inherit=True)
    except SyntaxError:
        return True
    return False


def _awaited(code: str) -> str:
    """A cell with top-level ``await`` as a coroutine that is run to its end."""
    try:
        compiled = compile(
            code, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
    except (SyntaxError, ValueError):
        return code
    names = sorted(_bound(code) & set(compiled.co_names))
    declared = f"    global {', '.join(names)}\n" if names else ""
    body = indented(code.rstrip("\n"))
    return f"async def _cell():\n{declared}{body}\n\n\n__import__('asyncio').run(_cell())\n"


def _bound(code: str) -> set[str]:
    """Names that a cell gives a value at its top level."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name):
                found.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {(alias.asname or alias.name).split(".")[0] for alias in names}
    return found
