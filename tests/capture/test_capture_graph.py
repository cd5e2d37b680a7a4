"""Slices of tiny notebooks: which executions does the last one need?

Each notebook is a list of executed cells, in the order of execution: a cell that is executed twice
is there twice."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from nbtrack.capture.slicing.graph import Slice, Step, slice_of
from nbtrack.capture.slicing.names import names_of

Seen = dict[str, str]  # field of Step -> names


def names(words: str) -> frozenset[str]:
    return frozenset(words.split())


def step(cell: str, seen: Seen | None = None, files: dict[str, str] | None = None) -> Step:
    """A cell as typed, and what the kernel saw of it: nothing where `seen` leaves out `rebound`."""
    code = TransformerManager().transform_cell(cell)
    told = Step(names_of(code, (files or {}).get))
    return replace(told, **{name: names(words) for name, words in (seen or {}).items()})


@dataclass
class Notebook:
    """A notebook and its slice: positions, lifted imports and missing names."""

    cells: list[str]
    positions: list[int]
    parts: dict[int, tuple[str, ...]] = field(default_factory=dict)
    missing: str = ""
    seen: dict[int, Seen] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def slice(self) -> Slice:
        steps = [step(c, self.seen.get(at), self.files) for at, c in enumerate(self.cells)]
        return slice_of(steps, len(steps) - 1)


def watched(rebound: str = "", mutated: str = "", needs: str | None = None, **more: str) -> Seen:
    """What a kernel that watches has seen."""
    seen = {"rebound": rebound, "deleted": "", "mutated": mutated, **more}
    return seen if needs is None else {**seen, "needs": needs}


TRAIN = "for x in data:\n    loss = net(x)\n    loss.backward()\n    opt.step()"

# ---- what the text alone tells ------------------------------------------------------------------

STATIC = {
    "only what it reads": Notebook(["a = 1", "b = 2", "c = a + 1", "print(c)"], [0, 2, 3]),
    "nothing": Notebook(["a = 1", "print('hello')"], [1]),
    "redefinition": Notebook(["a = 1", "a = 2", "print(a)"], [1, 2]),
    "redefinition from itself": Notebook(["a = 1", "a = a + 1", "print(a)"], [0, 1, 2]),
    "augmented assignment": Notebook(["a = 1", "a += 1", "print(a)"], [0, 1, 2]),
    "later executions do not count": Notebook(["print(a)", "a = 1", "a = a"], [1, 2]),
    "execution of one cell again": Notebook(
        ["a = 1", "a = a * 2", "a = a * 2", "print(a)"], [0, 1, 2, 3]
    ),
    "execution of its binder again": Notebook(["a = 1", "a += 1", "a = 1", "print(a)"], [2, 3]),
    "out of order": Notebook(["b = 3", "a = b", "b = 4", "print(a)"], [0, 1, 3]),
    "mutation": Notebook(["a = []", "b = 1", "a.append(b)", "print(a)"], [0, 1, 2, 3]),
    "mutation of the one before": Notebook(["a = []", "a.append(1)", "a = []", "print(a)"], [2, 3]),
    "mutation afterwards": Notebook(["a = []", "b = len(a)", "a.append(1)", "print(b)"], [0, 1, 3]),
    "item": Notebook(["d = {}", "d['k'] = 1", "print(d)"], [0, 1, 2]),
    "attribute of a part": Notebook(["m = M()", "m.a.b = 1", "print(m)"], [0, 1, 2], missing="M"),
    "passed to a function": Notebook(
        ["xs = [1]", "def f(v):\n    v.clear()", "f(xs)", "print(xs)"], [0, 1, 2, 3]
    ),
    "a builtin changes nothing": Notebook(["xs = [1]", "print(len(xs))", "print(xs)"], [0, 2]),
    "alias": Notebook(["a = []", "b = a", "b.append(1)", "print(a)"], [0, 1, 2, 3]),
    "alias from the other side": Notebook(
        ["a = []", "b = a", "a.append(1)", "print(b)"], [0, 1, 2, 3]
    ),
    "alias of the object before": Notebook(
        ["a = []", "b = a", "a = []", "b.append(1)", "print(a)"], [2, 4]
    ),
    "held in a list": Notebook(["a = []", "b = [a]", "b[0].append(1)", "print(a)"], [0, 1, 2, 3]),
    "held by an object": Notebook(
        ["net = make()", "opt = SGD(net.weights())", "opt.step()", "print(net)"],
        [0, 1, 2, 3],
        missing="make SGD",
    ),
    "training changes the model through the loss": Notebook(
        ["net = make()", "opt = SGD(net.parameters())", "data = [1]", TRAIN, "print(net)"],
        [0, 1, 2, 3, 4],
        missing="make SGD",
    ),
    "an object does not change its class": Notebook(
        ["class A:\n    pass", "a = A()", "a.x = 1", "b = A()", "print(b)"], [0, 3, 4]
    ),
    "a view of a part": Notebook(
        ["w = make()", "v = w[0]", "v.zero_()", "print(w)"], [0, 1, 2, 3], missing="make"
    ),
    "generator": Notebook(
        ["it = iter([1, 2])", "next(it)", "x = next(it)", "print(x)"], [0, 1, 2, 3]
    ),
    "generator in a loop": Notebook(
        ["it = iter([1, 2])", "for a in it:\n    break", "print(next(it))"], [0, 1, 2]
    ),
    "generator expression reads later": Notebook(
        ["k = 1", "it = (x * k for x in range(3))", "k = 2", "print(next(it))"], [0, 1, 2, 3]
    ),
    "names of a for body": Notebook(
        ["i = 0", "loss = 9", "for i in range(3):\n    loss = i\nprint(loss)"], [2]
    ),
    "comprehension's own names": Notebook(["i = 7", "print([i for i in range(3)])"], [1]),
    "comprehension in order": Notebook(["k = 7", "k = 1\nprint([k for i in range(3)])"], [1]),
    "comprehension before": Notebook(["k = 7", "print([k for i in range(3)])\nk = 1"], [0, 1]),
    "function": Notebook(["def f():\n    return 1", "print(f())"], [0, 1]),
    "function of a global": Notebook(["g = 1", "def f():\n    return g", "print(f())"], [0, 1, 2]),
    "global at the time of use": Notebook(
        ["g = 1", "def f():\n    return g", "g = 2", "print(f())"], [1, 2, 3]
    ),
    "global bound by the caller": Notebook(
        ["g = 1", "def f():\n    return g", "g = 2\nprint(f())"], [1, 2]
    ),
    "global bound by the caller too late": Notebook(
        ["g = 1", "def f():\n    return g", "print(f())\ng = 2"], [0, 1, 2]
    ),
    "function of a function": Notebook(
        ["g = 1", "def f():\n    return g", "def h():\n    return f()", "g = 2", "print(h())"],
        [1, 2, 3, 4],
    ),
    "function of another cell that calls one of this": Notebook(
        [
            "k = 1",
            "def f():\n    return 0",
            "def g():\n    return f()",
            "def f():\n    return k\ng()",
        ],
        [0, 2, 3],
    ),
    "recursion": Notebook(
        ["def f(n):\n    return f(n - 1) if n else g", "g = 1", "print(f(3))"], [0, 1, 2]
    ),
    "function defined and called in one cell": Notebook(
        ["g = 1", "def f():\n    return g\nprint(f())"], [0, 1]
    ),
    "global that is changed in place": Notebook(
        ["log = []", "def f():\n    return log", "log.append(1)", "print(f())"], [0, 1, 2, 3]
    ),
    "function that changes a global": Notebook(
        ["log = []", "def f():\n    log.append(1)", "f()", "print(log)"], [0, 1, 2, 3]
    ),
    "function that binds a global": Notebook(
        ["n = 0", "def f():\n    global n\n    n += 1", "f()", "print(n)"], [0, 1, 2, 3]
    ),
    "function that makes a global": Notebook(
        ["def f():\n    global n\n    n = 1", "f()", "print(n)"], [0, 1, 2]
    ),
    "global in one cell": Notebook(
        ["n = 0", "def f():\n    global n\n    n = 1\nf()", "print(n)"], [0, 1, 2]
    ),
    "lambda": Notebook(["k = 1", "f = lambda x: x * k", "k = 2", "print(f(1))"], [1, 2, 3]),
    "lambda default": Notebook(["k = 1", "f = lambda x=k: x", "k = 2", "print(f())"], [0, 1, 3]),
    "closure": Notebook(
        [
            "k = 1",
            "def make(a):\n    def f():\n        return a + k\n    return f",
            "f = make(2)",
            "print(f())",
        ],
        [0, 1, 2, 3],
    ),
    "decorator": Notebook(
        ["def dec(f):\n    return f", "@dec\ndef f():\n    return 1", "print(f())"], [0, 1, 2]
    ),
    "default value": Notebook(
        ["d = 1", "def f(a=d):\n    return a", "d = 2", "print(f())"], [0, 1, 3]
    ),
    "class": Notebook(
        [
            "g = 1",
            "class A:\n    def f(self):\n        return g",
            "a = A()",
            "g = 2",
            "print(a.f())",
        ],
        # making an object may call a method that reads g as it was
        [0, 1, 2, 3, 4],
    ),
    "class body": Notebook(["n = 1", "class A:\n    m = n", "n = 2", "print(A.m)"], [0, 1, 3]),
    "base class": Notebook(
        [
            "g = 1",
            "class B:\n    def f(self):\n        return g",
            "class A(B):\n    pass",
            "print(A().f())",
        ],
        [0, 1, 2, 3],
    ),
    "only the last definition of a class": Notebook(
        ["class A:\n    a = 1", "class A:\n    a = 2", "x = A()"], [1, 2]
    ),
    "method added by setattr": Notebook(
        [
            "class A:\n    pass",
            "def f(self):\n    return g",
            "setattr(A, 'f', f)",
            "g = 1",
            "print(A().f())",
        ],
        [0, 1, 2, 3, 4],
    ),
    "method added by assignment": Notebook(
        ["class A:\n    pass", "A.f = lambda self: g", "g = 1", "print(A().f())"], [0, 1, 2, 3]
    ),
    "method added by a decorator": Notebook(
        [
            "def add(cls):\n    return lambda f: setattr(cls, f.__name__, f)",
            "class A:\n    pass",
            "@add(A)\ndef f(self):\n    return g",
            "a = A()",
            "g = 1",
            "print(a.f())",
        ],
        [0, 1, 2, 3, 4, 5],
    ),
    "method added after the object was made": Notebook(
        ["class A:\n    pass", "a = A()", "A.f = lambda self: 1", "print(a.f())"], [0, 1, 2, 3]
    ),
    "dataclass": Notebook(
        [
            "from dataclasses import dataclass",
            "@dataclass\nclass C:\n    lr: float = 0.1",
            "print(C())",
        ],
        [1, 2],
        {0: ("from dataclasses import dataclass",)},
    ),
    "callback in a list": Notebook(
        ["hooks = []", "def f():\n    return g", "hooks.append(f)", "g = 1", "hooks[0]()"],
        [0, 1, 2, 3, 4],
    ),
    "del": Notebook(["x = 1", "del x", "print(x)"], [0, 1, 2], missing="x"),
    "del and bind": Notebook(["x = 1", "del x", "x = 2", "print(x)"], [2, 3]),
    "one branch": Notebook(["a = 1", "c = 0", "if c:\n    a = 2", "print(a)"], [0, 1, 2, 3]),
    "both branches": Notebook(
        ["a = 1", "c = 0", "if c:\n    a = 2\nelse:\n    a = 3", "print(a)"], [1, 2, 3]
    ),
    "match": Notebook(
        [
            "a = 1",
            "v = 2",
            "match v:\n    case 2:\n        a = 3\n    case _:\n        a = 4",
            "print(a)",
        ],
        [1, 2, 3],
    ),
    "try": Notebook(
        ["a = 1", "try:\n    a = 2\nexcept E:\n    pass", "print(a)"], [1, 2], missing="E"
    ),
    "with": Notebook(
        ["p = 'f'", "with open(p) as f:\n    text = f.read()", "print(text)"], [0, 1, 2]
    ),
    "await": Notebook(
        ["async def f():\n    return g", "g = 1", "x = await f()", "print(x)"], [0, 1, 2, 3]
    ),
    "walrus": Notebook(["if (n := 3) > 1:\n    pass", "print(n)"], [0, 1]),
    "missing": Notebook(["a = 1", "print(a, b)"], [0, 1], missing="b"),
    "missing in a function": Notebook(["def f():\n    return b", "f()"], [0, 1], missing="b"),
    "builtins and IPython's names": Notebook(["display(len([]), get_ipython(), __name__)"], [0]),
    "a builtin that the notebook binds": Notebook(
        ["print = log", "print(1)"], [0, 1], missing="log"
    ),
    "its own name in a branch is not missing": Notebook(["if 0 > 1:\n    a = 1\nprint(a)"], [0]),
    # ---- imports
    "import lifted out of a training": Notebook(
        ["import torch.nn as nn\nw = train()", "m = nn.Linear(2, 3)"],
        [1],
        {0: ("import torch.nn as nn",)},
    ),
    "import of a cell that is needed": Notebook(["import os\nw = 1", "print(os, w)"], [0, 1]),
    "several imports": Notebook(
        ["import os, sys\nfrom a import b as c, d\nw = train()", "print(sys, c)"],
        [1],
        {0: ("from a import b as c", "import sys")},
    ),
    "import in a function": Notebook(
        ["import os\nw = train()", "def f():\n    return os", "f()"], [1, 2], {0: ("import os",)}
    ),
    "plotting does not change the module": Notebook(
        ["import matplotlib.pyplot as plt", "plt.plot([1])", "plt.show()"],
        [2],
        {0: ("import matplotlib.pyplot as plt",)},
    ),
    "a setting on a module does": Notebook(
        ["import matplotlib.pyplot as plt", "plt.rcParams['a'] = 1", "plt.show()"],
        [1, 2],
        {0: ("import matplotlib.pyplot as plt",)},
    ),
    "a setting in the cell of the import": Notebook(
        ["import torch\ntorch.manual_seed(0)", "torch.rand(1)"], [0, 1]
    ),
    "a setting before the import again": Notebook(
        ["import torch", "torch.x = 1", "import torch", "torch.rand(1)"],
        [1, 3],
        {0: ("import torch",), 2: ("import torch",)},
    ),
    "parts of a package": Notebook(
        ["import a", "import a.b", "import a.c", "a.b.f()"],
        [3],
        {1: ("import a.b",), 2: ("import a.c",)},
    ),
    "import in a branch": Notebook(
        ["c = 1", "if c:\n    import a\nelse:\n    a = None", "a"], [0, 1, 2]
    ),
    "future imports": Notebook(
        ["from __future__ import annotations\nw = 1", "print(1)"],
        [1],
        {0: ("from __future__ import annotations",)},
    ),
    # ---- what cannot be known
    "star import": Notebook(["a = 1", "from m import *", "b = 2", "print(sqrt(a))"], [0, 1, 3]),
    "exec": Notebook(["code = 'x = 1'", "exec(code)", "print(x)"], [0, 1, 2]),
    "not Python": Notebook(["a = (", "b = 1", "print(1)"], [0, 2]),
    "shell": Notebook(["!ls", "%%bash\nls", "!pip install a", "print(1)"], [3]),
    "run -i": Notebook(["x = 1", "%run -i a.py", "print(y)"], [0, 1, 2], files={"a.py": "y = x"}),
    "run -i of a file with functions": Notebook(
        ["%run -i a.py", "x = 1", "print(f())"], [0, 1, 2], files={"a.py": "def f():\n    return x"}
    ),
    "run": Notebook(["x = 1", "%run a.py", "print(y)"], [1, 2], files={"a.py": "y = x"}),
    "run of a missing file": Notebook(["%run a.py", "print(y)"], [0, 1]),
    "time": Notebook(["a = 1", "%%time\nb = a", "print(b)"], [0, 1, 2]),
    "capture": Notebook(["a = 1", "%%capture out\nprint(a)", "out.show()"], [0, 1, 2]),
}


@pytest.mark.parametrize("case", STATIC)
def test_a_slice_by_the_text_alone(case: str) -> None:
    notebook = STATIC[case]
    found = notebook.slice()
    assert (list(found.positions), dict(found.parts)) == (notebook.positions, notebook.parts)
    assert found.missing == names(notebook.missing)


# ---- what the kernel saw ------------------------------------------------------------------------

WATCHED = {
    "a name rebound by other means": Notebook(
        ["exec(code)", "b = 1", "print(x)"],
        [0, 2],
        seen={0: watched("x", needs=""), 1: watched("b")},
    ),
    "a star import that bound the name": Notebook(
        ["from m import *", "print(sqrt(2))"], [0, 1], seen={0: watched("sqrt")}
    ),
    "a star import that did not": Notebook(
        ["from m import *", "a = 1", "print(a)"], [1, 2], seen={0: watched("sqrt"), 1: watched("a")}
    ),
    "a call that changed nothing": Notebook(
        ["xs = [1]", "f(xs)\nxs.copy()", "print(xs)"], [0, 2], seen={0: watched("xs"), 1: watched()}
    ),
    "an alias that was changed": Notebook(
        ["a = []", "b = f(1, a)", "b.append(1)", "print(a)"],
        [0, 1, 2, 3],
        seen={0: watched("a"), 1: watched("b"), 2: watched(mutated="a b")},
        missing="f",
    ),
    "a generator used up": Notebook(
        ["it = gen()", "next(it)", "next(it)", "y = next(it)"],
        [0, 1, 2, 3],
        seen={0: watched("it"), 1: watched(mutated="it"), 2: watched(mutated="it")},
        missing="gen",
    ),
    "a cell that failed half-way": Notebook(
        ["a = 1", "b = 1", "a = 2\nraise ValueError\nb = 2", "print(a, b)"],
        [1, 2, 3],
        seen={0: watched("a"), 1: watched("b"), 2: watched("a")},
    ),
    "a branch not taken": Notebook(
        ["a = 1", "if c:\n    a = 2", "print(a)"], [0, 2], seen={0: watched("a"), 1: watched()}
    ),
    "a branch taken": Notebook(
        ["a = 1", "if 1 > 0:\n    a = 2", "print(a)"],
        [1, 2],
        seen={0: watched("a"), 1: watched("a")},
    ),
    "what functions refer to": Notebook(
        ["g = 1", "def f():\n    return g", "h = 2", "print(f())"],
        [0, 1, 3],
        seen={0: watched("g"), 1: watched("f"), 2: watched("h"), 3: {"needs": "f g print"}},
    ),
    "needs replace the text": Notebook(
        ["a = 1", "b = 2", "print(a if 1 else b)"],
        [0, 2],
        seen={2: {"needs": "a print"}},
    ),
    "needs of a name that nobody bound": Notebook(
        ["f(1)"], [0], seen={0: {"needs": "f g"}}, missing="f g"
    ),
    "a name that was deleted": Notebook(
        ["x = 1", "f()", "print(x)"],
        [0, 1, 2],
        seen={0: watched("x"), 1: {**watched(mutated="x"), "needs": ""}},
    ),
    "the same module imported again is no new value": Notebook(
        ["import torch\nw = train()", "import torch\nv = train()", "torch.rand(1)"],
        [2],
        {0: ("import torch",)},
        seen={0: watched("torch w"), 1: watched("v")},
    ),
    "another part of the same package": Notebook(
        ["import a", "import a.b\nv = train()", "a.b.f()"],
        [2],
        {1: ("import a.b",)},
        seen={0: watched("a"), 1: watched("v")},
    ),
    "a method of a class changed later": Notebook(
        ["class A:\n    pass", "a = A()", "add(A)", "a.f()"],
        [0, 1, 2, 3],
        seen={0: watched("A"), 1: watched("a"), 2: watched(mutated="A a", needs="A add")},
        missing="add",
    ),
    "a static reader among watched cells": Notebook(
        ["k = 1", "def f():\n    return k", "k = 2", "print(f())"],
        [1, 2, 3],
        seen={0: watched("k"), 1: watched("f"), 2: watched("k")},
    ),
    "a file written, then read": Notebook(
        ["open('d.csv', 'w')", "x = 1", "open('d.csv')"],
        [0, 2],
        seen={0: {"files_written": "/w/d.csv"}, 2: {"files_read": "/w/d.csv"}},
    ),
    "the last writer of a file": Notebook(
        ["save(1)", "save(2)", "load()"],
        [1, 2],
        seen={
            0: {"files_written": "/w/d.csv"},
            1: {"files_written": "/w/d.csv"},
            2: {"files_read": "/w/d.csv"},
        },
        missing="save load",
    ),
    "a folder written": Notebook(
        ["!unzip d.zip", "load()"],
        [0, 1],
        seen={0: {"files_written": "/w/d"}, 1: {"files_read": "/w/d/a/b.csv"}},
        missing="load",
    ),
    "a file that nobody reads": Notebook(
        ["open('d.csv', 'w')", "open('e.csv')"],
        [1],
        seen={0: {"files_written": "/w/d.csv"}, 1: {"files_read": "/w/e.csv /w/d.csv.gz"}},
    ),
    "a shell command that wrote a file": Notebook(
        ["%%bash\necho 1 > d", "!ls", "open('d')"],
        [0, 2],
        seen={0: {"files_written": "/w/d"}, 2: {"files_read": "/w/d"}},
    ),
    "an install is never needed": Notebook(
        ["!pip install a", "import a", "a.f()"],
        [2],
        {1: ("import a",)},
        seen={0: {"files_written": "/site/a.py"}, 1: {"files_read": "/site/a.py"}},
    ),
    "a module written by the notebook": Notebook(
        ["%%writefile own.py\nx = 1", "import own\nw = train()", "own.x"],
        [0, 2],
        {1: ("import own",)},
        seen={
            0: {"files_written": "/w/own.py"},
            1: {**watched("own w"), "files_read": "/w/own.py"},
        },
    ),
    "a lifted import does not bring the data of its cell": Notebook(
        ["save()", "import a\nw = load()", "a.f()"],
        [2],
        {1: ("import a",)},
        seen={0: {"files_written": "/w/d.csv"}, 1: {**watched("a w"), "files_read": "/w/d.csv"}},
    ),
    "a setting": Notebook(
        ["set_dtype()", "x = 1", "print(1)"],
        [0, 2],
        seen={0: watched(settings="torch.default_dtype", needs="")},
    ),
    "the last of a setting": Notebook(
        ["set_a()", "set_a()", "set_b()", "print(1)"],
        [1, 2, 3],
        seen={
            0: watched(settings="a", needs=""),
            1: watched(settings="a", needs=""),
            2: watched(settings="b", needs=""),
        },
    ),
    "a setting as it was for an earlier cell": Notebook(
        ["set_a(1)", "x = make()", "set_a(2)", "print(x)"],
        [0, 1, 2, 3],
        seen={
            0: watched(settings="a", needs=""),
            1: watched("x", needs=""),
            2: watched(settings="a", needs=""),
        },
    ),
    "a setting with needs of its own": Notebook(
        ["k = 1", "set_a(k)", "print(1)"],
        [0, 1, 2],
        seen={0: watched("k"), 1: watched(settings="a", needs="k")},
    ),
    "warning filters are no setting": Notebook(
        ["ignore()", "print(1)"], [1], seen={0: watched(settings="warnings.filters", needs="")}
    ),
    "matplotlib's settings without a plot": Notebook(
        ["style()", "print(1)"], [1], seen={0: watched(settings="matplotlib.rc", needs="")}
    ),
    "matplotlib's settings with a plot": Notebook(
        ["import matplotlib.pyplot as plt", "style()", "plt.plot()"],
        [1, 2],
        {0: ("import matplotlib.pyplot as plt",)},
        seen={0: watched("plt"), 1: watched(settings="matplotlib.rc", needs="")},
    ),
    "matplotlib imported by the cell itself": Notebook(
        ["style()", "import seaborn"], [0, 1], seen={0: watched(settings="matplotlib.rc", needs="")}
    ),
}


@pytest.mark.parametrize("case", WATCHED)
def test_a_slice_by_what_the_kernel_saw(case: str) -> None:
    notebook = WATCHED[case]
    found = notebook.slice()
    assert (list(found.positions), dict(found.parts)) == (notebook.positions, notebook.parts)
    assert found.missing == names(notebook.missing)


def test_reasons_say_why_an_execution_is_in() -> None:
    steps = [
        step("import numpy as np\nw = 1"),
        step("a = []\nb = 1"),
        step("a.append(1)"),
        step("save()", {"rebound": "", "needs": "", "files_written": "/w/d.csv", "mutated": ""}),
        step("lock()", {"rebound": "", "needs": "", "settings": "env:A", "mutated": ""}),
        step("np.load('d.csv', a, b)", {"files_read": "/w/d.csv"}),
    ]
    assert slice_of(steps, 5).reasons == {
        0: "imports np",
        1: "binds a, b",
        2: "changes a in place",
        3: "writes d.csv",
        4: "sets env:A",
        5: "is the target",
    }


def test_opaque_executions_of_the_slice_are_told() -> None:
    steps = [step(cell) for cell in ["from m import *", "Out[1]", "x = Out[1]", "print(x)"]]
    found = slice_of(steps, 3)
    assert found.opaque == {0: ("star import of m",), 2: ("reads Out[1]",)}
    assert found.reasons[0] == "may bind any name: star import of m"


def test_the_target_need_not_be_the_last_execution() -> None:
    steps = [step(cell) for cell in ["a = 1", "print(a)", "a = 2"]]
    assert slice_of(steps, 1).positions == (0, 1)


def test_a_thousand_executions_are_sliced_quickly() -> None:
    cells = ["data = [1]", "net = make()", "opt = SGD(net.parameters())", TRAIN, "print(loss)"]
    one = [step(cell) for cell in cells]
    steps = [*one, *([one[3], one[4]] * 500)]
    times_s = []
    for _ in range(3):
        start = time.perf_counter()
        found = slice_of(steps, len(steps) - 1)
        times_s.append(time.perf_counter() - start)
    assert len(found.positions) == 505
    assert min(times_s) < 0.25  # 50 ms on an idle machine


# ---- random programs ----------------------------------------------------------------------------

NAMES = ["a", "b", "c"]
FUNCTIONS = ["f", "g"]
EXPRESSIONS = st.one_of(
    st.integers(0, 9).map(str),
    st.sampled_from(NAMES),
    st.builds("({} + {})".format, st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.builds("{}()".format, st.sampled_from(FUNCTIONS)),
    st.builds("sum([{} + i for i in range(2)])".format, st.sampled_from(NAMES)),
)
STATEMENTS = st.one_of(
    st.builds("{} = {}".format, st.sampled_from(NAMES), EXPRESSIONS),
    st.builds("{} += {}".format, st.sampled_from(NAMES), EXPRESSIONS),
    st.builds("log.append({})".format, EXPRESSIONS),
    st.builds("alias = log\nalias.append({})".format, EXPRESSIONS),
    st.builds("{} = len(log)".format, st.sampled_from(NAMES)),
    st.builds("if {} % 2:\n    {} = {}".format, *[st.sampled_from(NAMES)] * 2, EXPRESSIONS),
    st.builds("for i in range(2):\n    {} = {} + i".format, *[st.sampled_from(NAMES)] * 2),
    st.builds("def f():\n    return {} + {}".format, *[st.sampled_from(NAMES)] * 2),
    st.builds("def g():\n    return f() + {}".format, st.sampled_from(NAMES)),
    st.builds("def f():\n    log.append({})\n    return len(log)".format, st.sampled_from(NAMES)),
    st.builds(
        "def f():\n    global {0}\n    {0} = {0} + 1\n    return 1".format, st.sampled_from(NAMES)
    ),
    st.builds("f = lambda: {}".format, st.sampled_from(NAMES)),
)
CELLS = st.lists(st.lists(STATEMENTS, min_size=1, max_size=3).map("\n".join), max_size=8)
START = [
    "a, b, c = 1, 2, 3",
    "log = []",
    "def f():\n    return a",
    "def g():\n    return f() + b",
]


def executed(cells: Sequence[str]) -> dict[str, Any]:
    space: dict[str, Any] = {}
    for cell in cells:
        exec(cell, space)
    return space


@settings(max_examples=400, deadline=None)
@given(cells=CELLS, target=STATEMENTS)
def test_a_slice_gives_the_values_of_the_whole_history(cells: list[str], target: str) -> None:
    """A slow twin: execute everything, execute the slice, and compare what the target left."""
    history = [*START, *cells, target]
    steps = [step(cell) for cell in history]
    found = slice_of(steps, len(history) - 1)
    whole = executed(history)
    sliced = executed([history[at] for at in found.positions])
    assert found.missing == set()
    told = steps[-1].names
    for name in (told.surely_binds | told.reads.keys()) & whole.keys() - {"f", "g"}:
        assert sliced[name] == whole[name], found.reasons
