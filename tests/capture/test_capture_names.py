"""Names of one cell: what it reads from outside, binds, deletes, may change, and cannot tell."""

from __future__ import annotations

import builtins
import sys

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from nbtrack.capture.slicing.names import CellNames, names_of
from nbtrack.capture.transform import track_transformer


def of_typed(cell: str, files: dict[str, str] | None = None) -> CellNames:
    """Names of a cell as typed, after what IPython makes of it."""
    manager = TransformerManager()
    manager.cleanup_transforms.append(track_transformer)
    return names_of(manager.transform_cell(cell), (files or {}).get)


def outer(names: CellNames) -> set[str]:
    """Names read from outside, without the builtins."""
    return set(names.reads) - set(dir(builtins))


# source -> what it reads from outside, what it binds
CASES: dict[str, tuple[str, str, str]] = {
    "a plain assignment": ("y = x", "x", "y"),
    "a name bound before it is read": ("x = 1\ny = x", "", "x y"),
    "a name read before it is bound": ("y = x\nx = 1", "x", "x y"),
    "augmented assignment reads": ("x += 1", "x", "x"),
    "items and attributes read their owner": ("d['a'] = v\nm.b = w\nm.c += 1", "d v m w", ""),
    "tuple and starred targets": ("a, (b, *c) = x", "x", "a b c"),
    "chained targets": ("a = b = x", "x", "a b"),
    "an annotation alone binds nothing": ("n: Count\nm: Count = 1", "Count", "m"),
    "annotations under a future import": (
        "from __future__ import annotations\nn: Count = 1\ndef f(x: Other): pass",
        "",
        "annotations n f",
    ),
    "walrus": ("if (n := f(x)) > 1:\n    print(n)", "f x", "n"),
    "walrus in a comprehension": ("ok = [y for x in xs if (y := x)]\nprint(y)", "xs", "ok y"),
    "for body counts as executed": (
        "for i in xs:\n    loss = i * w\nprint(i, loss)",
        "xs w",
        "i loss",
    ),
    "for over its own result": ("for x in x:\n    pass", "x", "x"),
    "while body": ("while c:\n    n = c\nprint(n)", "c", "n"),
    "with body and target": ("with ctx() as f:\n    a = f.read()\nprint(a)", "ctx", "f a"),
    "try body": (
        "try:\n    a = x\nexcept E as e:\n    print(e)\nfinally:\n    b = 1\na + b",
        "x E",
        "a b",
    ),
    "the name of an exception is gone after it": (
        "try:\n    pass\nexcept E as e:\n    pass\nprint(e)",
        "E e",
        "",
    ),
    "one branch is not sure": ("if c:\n    a = 1\nprint(a)", "c a", "a"),
    "both branches are": ("if c:\n    a = 1\nelse:\n    a = 2\nprint(a)", "c", "a"),
    "a branch that raises does not count": (
        "if c:\n    raise E\nelse:\n    a = 1\nprint(a)",
        "c E",
        "a",
    ),
    "elif without else": ("if c:\n    a = 1\nelif d:\n    a = 2\nprint(a)", "c d a", "a"),
    "a dead branch": ("if False:\n    a = x\n", "", ""),
    "run as main": ("if __name__ == '__main__':\n    a = 1\nprint(a)", "__name__", "a"),
    "del takes a name away": ("x = 1\ndel x", "", ""),
    "del of an outer name reads it": ("del x", "x", ""),
    "del of an item": ("del x[0], y.z", "x y", ""),
    "match": (
        "match v:\n    case [a, *b]:\n        r = a\n"
        "    case {'k': K.x, **rest}:\n        r = rest\n    case _:\n        r = 0\nprint(r)",
        "v K",
        "a b rest r",
    ),
    "match that may not match": ("match v:\n    case 1:\n        r = 0\nprint(r)", "v r", "r"),
    "comprehension targets are local": ("y = [i * k for i in xs if i > t]", "k xs t", "y"),
    "comprehension runs at once": ("y = [k for i in xs]\nk = 1", "k xs", "y k"),
    "comprehension after its name": ("k = 1\ny = [k for i in range(3)]", "", "k y"),
    "comprehension's own name outside of it": ("y = [i for i in xs]\nprint(i)", "xs i", "y"),
    "first iterable is outside": ("y = [i for i in i]", "i", "y"),
    "nested comprehension": ("y = {a: b for a in xs for b in a if c}", "xs c", "y"),
    "generator expression": ("s = sum(v * w for v in vs)", "w vs", "s"),
    "function body is deferred": ("def f(a):\n    b = a\n    return a + b + g", "", "f"),
    "defaults, decorators, annotations at once": (
        "@dec(k)\ndef f(a: T = d, *, b=e) -> R:\n    pass",
        "dec k T d e R",
        "f",
    ),
    "defined and called in one cell": ("def f():\n    return g\nf()", "g", "f"),
    "called before its global is bound": ("def f():\n    return g\nf()\ng = 1", "g", "f g"),
    "called after its global is bound": ("def f():\n    return g\ng = 1\nf()", "", "f g"),
    "called through another": ("def f():\n    return g\ndef h():\n    return f()\nh()", "g", "f h"),
    "mutual recursion": (
        "def f():\n    return h()\ndef h():\n    return f() or k\nf()",
        "k",
        "f h",
    ),
    "passed on": ("def f():\n    return g\nmap(f, xs)", "g xs", "f"),
    "registered by a decorator": (
        "@register(Net)\ndef f(self):\n    return g",
        "register Net g",
        "f",
    ),
    "set on a class": ("def f(self):\n    return g\nNet.forward = f", "g Net", "f"),
    "redefined as a plain name": ("def f():\n    return g\nf = 1\nprint(f)", "", "f"),
    "global in a function that is called": (
        "def f():\n    global n, m\n    n = 1\n    m += 1\nf()",
        "m",
        "f n m",
    ),
    "global in a function that is not": ("def f():\n    global n\n    n = 1", "", "f"),
    "lambda bound to a name is deferred": ("f = lambda x: x + g", "", "f"),
    "lambda default at once": ("f = lambda x=d: x", "d", "f"),
    "lambda passed on": ("y = sorted(xs, key=lambda x: x * k)", "xs k", "y"),
    "lambda in a comprehension": ("fs = [lambda: i + k for i in xs]", "k xs", "fs"),
    "class body at once, methods deferred": (
        "class A(B, metaclass=M):\n    n = k\n    m = n\n    def f(self, a=n):\n        return g",
        "B M k",
        "A",
    ),
    "class used in its cell": ("class A:\n    def f(self):\n        return g\nA()", "g", "A"),
    "methods do not see the class": (
        "class A:\n    n = 1\n    def f(self):\n        return n\nA()",
        "n",
        "A",
    ),
    "comprehension in a class does not see it": (
        "class A:\n    n = 1\n    m = [n for i in xs]",
        "n xs",
        "A",
    ),
    "a dataclass": (
        "@dataclass\nclass C:\n    lr: float = 1\n    xs: list = field(default_factory=lambda: d)",
        "dataclass field",
        "C",
    ),
    "imports": ("import a.b, c as d\nfrom e import f as g, h", "", "a d g h"),
    "await and async statements": (
        "async with s() as t:\n    async for v in t:\n        r = await v\nprint(r)",
        "s",
        "t v r",
    ),
    "async function": ("async def f():\n    return await g()\nawait f()", "g", "f"),
    "f-strings": ("print(f'{x:{w}} {y!r}')", "x w y", ""),
    "a read through globals()": ("y = globals()['x']", "x", "y"),
    "functions of a loop know each other in its second round": (
        "for i in range(2):\n    if i:\n        f()\n    def f():\n        return g",
        "f g",
        "i f",
    ),
    "an index of a target": ("xs[i], y = z", "xs i z", "y"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_cell_reads_and_binds(case: str) -> None:
    source, reads, binds = CASES[case]
    names = names_of(source)
    assert outer(names) == set(reads.split()) - set(dir(builtins))
    assert names.binds == set(binds.split())
    assert "not Python" not in names.opaque


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters came with Python 3.12")
def test_type_parameters_are_local() -> None:
    names = names_of("def f[T](x: T) -> T: ...\nclass A[T](B[T]):\n    x: T\ntype X = list[Y]")
    assert outer(names) == {"B"}
    assert names.binds == {"f", "A", "X"}


def test_reads_tell_what_was_bound_by_then() -> None:
    names = names_of("a = 1\nf(a)\nb = 2\ng(f)")
    assert names.reads["f"] == {"a"}
    assert names.reads["g"] == {"a", "b"}


def test_builtins_are_reported_because_a_notebook_may_bind_them() -> None:
    assert "print" in names_of("print(1)").reads


def test_deleted_names_are_told_and_not_bound() -> None:
    names = names_of("x = 1\ndel x\ndel y")
    assert names.deletes == {"x", "y"}
    assert names.binds == set()
    assert names_of("x = 1\ndel x\nx = 2").deletes == set()


def test_names_of_one_branch_are_bound_but_not_surely() -> None:
    names = names_of("a = 1\nif c:\n    b = 1\n")
    assert names.binds == {"a", "b"}
    assert names.surely_binds == {"a"}


@pytest.mark.parametrize(
    ("source", "optional"),
    [
        ("print(x)", ""),
        ("if c:\n    x = 1\nprint(x)", "x"),
        ("try:\n    x = 1\nexcept KeyboardInterrupt:\n    print(x)", "x"),
        ("def f():\n    return g\nf()", ""),
        ("def f():\n    return g\nf()\ng = 1", "g"),
        ("def f():\n    return g\nh(f)", "g"),
        ("@dec\ndef f():\n    return g", "g"),
        ("h(lambda: g)", "g"),
        ("h(lambda: g)\nprint(g)", ""),
    ],
)
def test_optional_reads_are_those_that_the_cell_can_do_without(source: str, optional: str) -> None:
    assert names_of(source).optional == set(optional.split())


@pytest.mark.parametrize(
    ("source", "functions"),
    [
        ("def f(a):\n    return a + g + len(a)", {"f": "g len"}),
        ("def f():\n    def h():\n        return x + y\n    x = 1\n    return h", {"f": "y"}),
        ("def f():\n    x = 1\n    def h():\n        global x\n        return x", {"f": "x"}),
        (
            "def f():\n    n = 0\n    def h():\n        nonlocal n\n        n += k\n    return h",
            {"f": "k"},
        ),
        ("def f():\n    return [i + k for i in xs for j in i]", {"f": "k xs"}),
        ("def f():\n    import a.b\n    return a, c", {"f": "c"}),
        (
            "def f():\n  class A(B):\n    z = w\n    def m(self):\n      return z",
            {"f": "B w z"},
        ),
        ("def f(x: T):\n    y: U = x", {"f": ""}),
        ("f = lambda x: x + g", {"f": "g"}),
        ("class A:\n    a = 1\n    def f(self):\n        return a + g", {"A": "a g"}),
        ("class A:\n    class B:\n        def f(self):\n            return g", {"A": "g"}),
        ("Net.forward = lambda self: g", {"Net": "g"}),
        ("hooks.append(lambda: g)", {"hooks": "g"}),
        ("loader = DataLoader(ds, collate_fn=lambda b: g)", {"loader": "g"}),
        ("y = list(map(h, xs))", {}),
        ("it = (x * k for x in xs)", {"it": "k xs"}),
        ("def f():\n    return g\ndel f", {}),
        ("def f():\n    try:\n        pass\n    except E as e:\n        return e", {"f": "E"}),
        ("def f(v):\n    match v:\n        case [a, *b]:\n            return a, b, c", {"f": "c"}),
        ("async def f(s):\n    async for x in s:\n        await g(x)", {"f": "g"}),
    ],
)
def test_functions_tell_the_globals_that_calling_them_reads(
    source: str, functions: dict[str, str]
) -> None:
    found = names_of(source).functions
    assert {name: set(reads) for name, reads in found.items()} == {
        name: set(reads.split()) for name, reads in functions.items()
    }


def test_functions_tell_what_calling_them_changes() -> None:
    names = names_of(
        "def f(a):\n    global n\n    n = 1\n    log.append(a)\n    for p in params:\n"
        "        p.data -= a\n"
        "def g(a):\n    a.append(1)\n    own = []\n    own.append(a)"
    )
    assert names.effects["f"] == {"n", "log", "params"}
    assert "g" not in names.effects


@pytest.mark.parametrize(
    ("source", "mutates"),
    [
        ("x.append(1)", "x"),
        ("y = x.pop()", "x"),
        ("x[0] = 1\nz.a.b = 2\ndel w[0]", "x z w"),
        ("x += [1]", "x"),
        ("f(x, k=y.z, *zs)", "x y zs"),
        ("print(x, len(y))", ""),
        ("next(it)\nfor a in b:\n    pass", "it b"),
        ("for i in range(n):\n    pass", ""),
        ("setattr(Net, 'f', 1)", "Net"),
        ("y = x + 1", ""),
        ("y = [p.zero_() for p in ps]", "ps"),
        ("def f():\n    log.append(1)\nf()", "log"),
        ("def f():\n    log.append(1)", ""),
    ],
)
def test_mutated_names_are_guessed(source: str, mutates: str) -> None:
    assert names_of(source).mutates == set(mutates.split())


def test_a_module_is_changed_by_settings_and_not_by_calls() -> None:
    names = names_of("plt.plot(x)\ntorch.manual_seed(0)\nnp.printoptions = 1\nsns.set_theme()")
    assert names.stores == {"torch", "np", "sns"}


def test_objects_hold_what_they_were_made_from() -> None:
    names = names_of("opt = optim.SGD(model.parameters(), lr=lr)\nb = a\nc = [d, e.f]\ns = x + y")
    assert names.holds["opt"] == {"optim", "model", "lr"}
    assert names.holds["b"] == {"a"}
    assert names.holds["c"] == {"d", "e"}
    assert "s" not in names.holds


# ---- imports ------------------------------------------------------------------------------------


def test_every_alias_of_an_import_is_a_statement_of_its_own() -> None:
    names = names_of("import os, torch.nn as nn\nimport a.b\nimport a.c\nfrom m import x as y, z")
    assert names.imports == {
        "os": "import os",
        "nn": "import torch.nn as nn",
        "a": "import a.b\nimport a.c",
        "y": "from m import x as y",
        "z": "from m import z",
    }


def test_future_imports_are_kept() -> None:
    names = names_of("from __future__ import annotations")
    assert names.imports == {"annotations": "from __future__ import annotations"}


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ("try:\n    import a\nexcept ImportError:\n    a = None", ""),
        ("try:\n    import a\nexcept ImportError:\n    print('no a')", "a"),
        ("if c:\n    import a\n", ""),
        ("import a\na = a.b", ""),
        ("import a\ndel a", ""),
        ("with w():\n    import a", "a"),
    ],
)
def test_only_imports_that_surely_made_the_name_are_lifted(source: str, imports: str) -> None:
    assert set(names_of(source).imports) == set(imports.split())


def test_star_imports_are_opaque() -> None:
    names = names_of("from os.path import *")
    assert names.opaque == ("star import of os.path",)
    assert names.may_bind_anything


# ---- what cannot be known -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("exec(code)", "exec"),
        ("eval(code)", "eval"),
        ("globals()['x'] = 1", "globals()"),
        ("def f(n):\n    globals()[n] = 1", "globals"),
        ("def (", "not Python"),
        ("get_ipython().run_line_magic(name, '')", "get_ipython().run_line_magic"),
    ],
)
def test_code_made_at_run_time_is_opaque(source: str, reason: str) -> None:
    names = names_of(source)
    assert names.opaque == (reason,)
    assert names.may_bind_anything


@pytest.mark.parametrize("source", ["model.eval()", "eval('x + 1')", "'m' in globals()"])
def test_what_looks_like_it_is_not(source: str) -> None:
    assert names_of(source).opaque == ()


def test_constant_code_is_read() -> None:
    assert set(names_of("eval('x + 1')").reads) >= {"x"}
    assert names_of("exec('y = x')").binds == {"y"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("Out[3]", "reads Out[3]"),
        ("_ + 1", "reads _"),
        ("_3", "reads _3"),
        ("In[2]", "reads In[2]"),
    ],
)
def test_results_of_earlier_executions_are_said(source: str, reason: str) -> None:
    names = names_of(source)
    assert names.opaque == (reason,)
    assert not names.may_bind_anything
    assert names_of("for _ in range(3):\n    print(_)").opaque == ()


def test_string_constants_are_kept_as_possible_files() -> None:
    names = names_of("open('data.csv')\ndef f():\n    return 'b.txt'\nprint(f'{x} no')")
    assert names.strings == {"data.csv", "b.txt"}


# ---- magics -------------------------------------------------------------------------------------


def test_the_line_of_track_is_nothing_at_all() -> None:
    names = of_typed("%%track --seed 1\ny = x")
    assert set(names.reads) == {"x"}
    assert (names.binds, names.opaque, names.strings) == ({"y"}, (), set())


@pytest.mark.parametrize(
    ("cell", "reads", "binds"),
    [
        ("%%time\ny = x", "x", "y"),
        ("%%track\n%%time\ny = x", "x", "y"),
        ("%%capture out\ny = x\n!ls", "x", "y out"),
        ("%%timeit -n 3\ny = x", "x", ""),
        ("%timeit -n 10 -r 3 f(x)", "f x", ""),
        ("%time y = f(x)", "f x", "y"),
        ("r = %timeit -o f(x)", "f x", "r"),
        ("%%prun -s cumulative\ny = x", "x", "y"),
        ("%%time\n%%capture out\ny = x", "x", "y out"),
        ("%matplotlib inline\n%load_ext autoreload\n%autoreload 2\ny = x", "x", "y"),
        ("%%writefile a.py\ny = x", "", ""),
        ("%%html\n<b>x</b>", "", ""),
    ],
)
def test_python_in_magics_is_read(cell: str, reads: str, binds: str) -> None:
    names = of_typed(cell)
    assert outer(names) == set(reads.split())
    assert names.binds == set(binds.split())
    assert not names.may_bind_anything


@pytest.mark.parametrize(
    ("cell", "reason", "may_bind"),
    [
        ("!ls {folder}", "!shell", False),
        ("files = !ls", "!shell", False),
        ("%%bash\nls", "%%bash", False),
        ("!pip install torch", "package install", False),
        ("%pip install torch", "package install", False),
        ("!python -m pip install torch", "package install", False),
        ("%pylab", "%pylab", True),
        ("%%sql\nselect 1", "%%sql", True),
        ("%run gone.py", "%run of a missing file: gone.py", True),
    ],
)
def test_other_programs_and_unknown_magics_are_opaque(
    cell: str, reason: str, may_bind: bool
) -> None:
    names = of_typed(cell)
    assert names.opaque == (reason,)
    assert names.may_bind_anything is may_bind


def test_shell_lines_may_read_names_and_need_not() -> None:
    names = of_typed("files = !ls {folder} $HOME")
    assert outer(names) == {"folder", "HOME"} == names.optional
    assert names.binds == {"files"}


def test_run_with_i_is_part_of_the_cell() -> None:
    files = {"a.py": "import os\ny = x\ndef f():\n    return g"}
    names = of_typed("x = 1\n%run -i a.py --epochs 3\nf()", files)
    assert outer(names) == {"g"}
    assert names.binds == {"x", "y", "f", "os"}


def test_run_without_i_only_leaves_its_names() -> None:
    names = of_typed("%run a", {"a.py": "y = x\ndef f():\n    return g\ndel y"})
    assert outer(names) == set()
    assert names.binds == {"f"}
    assert names.functions == {}


def test_run_of_a_file_that_is_not_python_is_opaque() -> None:
    names = of_typed("%run -i a.py", {"a.py": "def ("})
    assert names.opaque == ("%run of a file that is not Python: a.py",)


def test_a_file_that_runs_itself_ends() -> None:
    assert of_typed("%run -i a.ipy", {"a.ipy": "x = 1\n%run -i a.ipy"}).binds == {"x"}


def test_nothing_raises() -> None:
    for source in ["(" * 500, "\0", "x = " + "-" * 50_000 + "1", "return 1", "%%", "𝔵 = 1"]:
        assert isinstance(names_of(source), CellNames)
