"""What the kernel saw around a cell: names bound and deleted, names needed, settings, its cost."""

from __future__ import annotations

import gc

import pytest
from IPython.core.interactiveshell import InteractiveShell
from watched import Watched

from nbtrack.capture.slicing.names import names_of
from nbtrack.capture.witnessing.witness import Watch, Witness


@pytest.fixture
def notebook():
    return Watched()


# ---- bound and deleted --------------------------------------------------------------------------


def test_names_bound_are_seen_and_others_are_not(notebook):
    assert notebook.run("a = 1\nb = [2]").rebound == {"a", "b"}
    assert notebook.run("print(a, b)").rebound == set()
    assert notebook.run("b = [2]").rebound == {"b"}


def test_a_name_bound_by_exec_or_globals_is_seen(notebook):
    assert notebook.run("exec('x = 1'); globals()['y'] = 2").rebound == {"x", "y"}


def test_a_name_bound_by_a_function_is_seen(notebook):
    notebook.run("def f():\n    global x\n    x = [1]")
    assert notebook.run("f()").rebound == {"x"}


def test_the_same_object_bound_again_is_no_change(notebook):
    notebook.run("a = [1]\nb = a")
    witness = notebook.run("b = a")
    assert witness.rebound == set()
    assert witness.mutated == set()


def test_deleted_names_are_seen(notebook):
    notebook.run("a = 1\nb = 2")
    witness = notebook.run("del a")
    assert (witness.deleted, witness.rebound) == ({"a"}, set())
    witness = notebook.run("del b\nb = [1]")
    assert (witness.deleted, witness.rebound) == (set(), {"b"})


def test_another_object_at_the_same_address_is_another_object(notebook):
    """CPython reuses addresses: identity alone took these for the old objects."""
    notebook.run("class T: pass\nt = T(); t.n = 0\nxs = [0]\nname = str(10 ** 9)")
    for n in range(1, 9):
        witness = notebook.run(
            f"del t, xs, name\nt = T(); t.n = {n}\nxs = [{n}]\nname = str(10 ** 9 + {n})"
        )
        assert witness.rebound == {"t", "xs", "name"}
        assert witness.mutated <= {"xs"}  # `del` reads it, and a list may be the same one


def test_a_loop_that_comes_back_to_the_first_address(notebook):
    notebook.run("xs = [0]")
    for rounds in (2, 3, 4, 5):
        witness = notebook.run(f"for i in range({rounds}):\n    xs = [i, {rounds}]")
        assert witness.rebound >= {"xs", "i"} - ({"i"} if rounds == 2 else set())
        assert "xs" not in witness.mutated


def test_names_of_the_shell_are_not_the_users():
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    watch = Watch(lambda: shell.user_ns)
    try:
        watch.before(names_of(""))
        shell.run_cell("mine = 1\n_private = 2\n_private + mine", store_history=True)
        assert watch.after().rebound == {"mine", "_private"}
        watch.before(names_of(""))
        shell.run_cell("get_ipython(); _ + 0", store_history=True)
        witness = watch.after()
        assert (witness.rebound, witness.mutated) == (set(), set())
    finally:
        if shell.history_manager is not None:
            shell.history_manager.end_session()
        InteractiveShell.clear_instance()


# ---- needs --------------------------------------------------------------------------------------

NEEDS: dict[str, tuple[str, str, set[str], set[str]]] = {
    # what is there; the cell; what it needs; what it does not
    "a function's globals": (
        "lr, other = 0.1, 2\ndef step(x): return x * lr",
        "y = step(3)",
        {"step", "lr"},
        {"other"},
    ),
    "functions that call functions": (
        "a = 1\ndef f(): return a\ndef g(): return [f() for _ in '1']\nh = lambda: g()",
        "h()",
        {"h", "g", "f", "a"},
        set(),
    ),
    "an attribute of that name is no global": (
        "lr, config = 0.1, 1\nclass C: lr = 2\ndef f(c): return c.lr",
        "f(C())",
        {"f", "C"},
        {"lr", "config"},
    ),
    "a function inside a function": (
        "k = 1\ndef f():\n    def inner(): return k\n    return inner()",
        "f()",
        {"k"},
        set(),
    ),
    "an instance's class": (
        "scale = 2\nclass T:\n    def fit(self): return scale\nt = T()",
        "t.fit()",
        {"t", "T", "scale"},
        set(),
    ),
    "a method added later": (
        "class T: pass\nt = T()\nbase = 1\ndef fit(self): return base\nT.fit = fit",
        "t.fit()",
        {"T", "base"},
        set(),
    ),
    "a base class": (
        "n = 1\nclass A:\n    def f(self): return n\nclass B(A): pass\nb = B()",
        "b.f()",
        {"b", "A", "B", "n"},
        set(),
    ),
    "an old instance of a class that was defined again": (
        "class T:\n    def f(self): return old\nold, new = 1, 2\nt = T()\n"
        "class T:\n    def f(self): return new",
        "t.f()",
        {"t", "old"},
        {"T", "new"},
    ),
    "modules inside a module": (
        "import torch\nfrom torch import nn\nslope = 0.1\n"
        "class Act(nn.Module):\n    def forward(self, x): return x * slope\n"
        "net = nn.Sequential(nn.Linear(1, 1), Act())",
        "net(torch.zeros(1, 1))",
        {"net", "Act", "slope", "torch"},
        {"nn"},
    ),
    "a data set inside a loader": (
        "from torch.utils.data import DataLoader\nsize = 4\n"
        "class D:\n    def __len__(self): return size\n    def __getitem__(self, i): return i\n"
        "def join(xs): return xs\nloader = DataLoader(D(), collate_fn=join)",
        "for x in loader: pass",
        {"loader", "D", "size"},
        set(),
    ),
    "items of a list and a dict": (
        "z = 1\ndef f(): return z\nclass C: pass\nfs, cs = {'f': f}, [C()]",
        "fs['f'](), cs",
        {"z", "C"},
        set(),
    ),
    "closures, defaults, partials and wrapped functions": (
        "import functools, torch\na = b = c = d = 1\n"
        "def use(f):\n    @functools.wraps(f)\n    def g(*x): return f(*x)\n    return g\n"
        "@use\ndef one(): return a\n"
        "def two(f=lambda: b): return f()\n"
        "three = functools.partial(lambda x: x + c, 1)\n"
        "@torch.no_grad()\ndef four(): return d",
        "one(), two(), three(), four()",
        {"a", "b", "c", "d"},
        set(),
    ),
    "bound methods, properties and static methods": (
        "a = b = c = 1\nclass T:\n    def m(self): return a\n    @property\n"
        "    def p(self): return b\n    @staticmethod\n    def s(): return c\nm = T().m",
        "m()",
        {"m", "T", "a", "b", "c"},
        set(),
    ),
    "a generator that was begun": (
        "step = 2\ndef gen():\n    while True: yield step\ng = gen()\nnext(g)",
        "next(g)",
        {"g", "step"},
        set(),
    ),
    "functions of packages are not followed": (
        "import json, torch.nn.functional as F\ndumps = json.dumps",
        "dumps(1); F",
        {"dumps", "F"},
        {"json", "torch"},
    ),
    "recursion": (
        "def odd(n): return n and even(n - 1)\ndef even(n): return not n or odd(n - 1)",
        "odd(3)",
        {"odd", "even"},
        set(),
    ),
}


@pytest.mark.parametrize("kind", NEEDS)
def test_objects_tell_what_a_cell_needs(notebook, kind):
    setup, source, needed, not_needed = NEEDS[kind]
    notebook.run(setup)
    needs = notebook.run(source).needs
    assert needs >= needed
    assert not needs & not_needed
    assert "error" not in notebook.names


def test_a_name_that_the_cell_binds_before_is_not_needed(notebook):
    notebook.run("lr = 0.1\ndef step(): return lr")
    assert "lr" not in notebook.run("lr = 0.2\nstep()").needs
    assert "lr" in notebook.run("step()\nlr = 0.2").needs


def test_needs_are_there_while_the_cell_executes(notebook):
    notebook.run("a = 1\ndef f(): return a")
    notebook.watch.before(names_of("f()"))
    assert notebook.watch.needs == {"f", "a"}


# ---- never in the way ---------------------------------------------------------------------------


def test_a_watch_that_saw_no_start_says_nothing():
    assert Watch(dict).after() == Witness()


def test_a_namespace_that_breaks_is_said_and_not_raised():
    def broken():
        raise RuntimeError("no namespace")

    watch = Watch(broken)
    watch.before(names_of("x = 1"))
    witness = watch.after()
    assert any("no namespace" in words for words in witness.skipped)


def test_watching_draws_no_number_and_changes_no_object(notebook):
    import random

    import numpy as np
    import torch

    notebook.run(
        "import torch, random, numpy as np\nx = torch.randn(5, requires_grad=True)\n"
        "m = torch.nn.Linear(2, 2)\ng = torch.Generator()\nd = {'x': [x]}\ny = x * 2"
    )
    names = notebook.names
    states = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    versions = [names["x"]._version, names["y"]._version, names["m"].weight._version]
    for _ in range(3):
        notebook.run("x, m, g, d, y")
    assert versions == [names["x"]._version, names["y"]._version, names["m"].weight._version]
    assert names["x"].grad is None
    assert states == (
        random.getstate(),
        np.random.get_state()[1].tolist(),
        torch.get_rng_state().tolist(),
    )


def test_memory_does_not_grow_with_the_cells(notebook):
    import torch

    notebook.run("import torch\nclass T: pass")
    for n in range(20):
        notebook.run(f"x = torch.zeros(1000)\nt = T()\nt.x = [x, {n}]")
    gc.collect()
    alive = [t for t in gc.get_objects() if type(t) is torch.Tensor and t.shape == (1000,)]
    assert len(alive) == 1


def test_an_unseen_large_array_is_said(notebook):
    notebook.run("import numpy as np\na = np.zeros(3_000_000)")
    assert notebook.run("a.sum()").skipped == ("only a sample was compared of large arrays in: a",)
    assert notebook.run("x = 1").skipped == ()


def test_two_gib_of_untouched_pages_cost_little(notebook):
    import torch

    notebook.names["huge"] = torch.empty(500_000_000)
    notebook.run("x = 1")
    witness = notebook.run("huge.shape")
    assert witness.mutated == set()
    assert witness.cost_s < 1  # bench_cells.py has the figures; this is against reading it all
