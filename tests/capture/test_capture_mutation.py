"""Objects changed in place, of every kind; and the cell that only reads, which changes nothing."""

from __future__ import annotations

import gc
import time

import pytest
from watched import Watched

from nbtrack.capture.slicing.names import EMPTY

TORCH = "import torch\nfrom torch import nn\n"
NUMPY = "import numpy as np\n"
PANDAS = "import pandas as pd\n"

# What is there; the cell that changes it; names that must be said; the cell that only reads it.
KINDS: dict[str, tuple[str, str, set[str], str]] = {
    "list": ("xs = [1, 2]", "xs.append(3)", {"xs"}, "print(xs, len(xs))"),
    "list, same length": ("xs = [-1, 5]", "xs[0] = -2", {"xs"}, "xs.index(-1)"),
    "list of many": ("xs = [0.0] * 50_000", "xs[777] = 1.0", {"xs"}, "sum(xs)"),
    "list in a list": ("xs = [[1], [2]]", "xs[0].append(9)", {"xs"}, "[x for x in xs]"),
    "an alias": ("a = [1]\nb = a", "b.append(2)", {"a", "b"}, "b == [1]"),
    "dict": ("d = {'a': 1}", "d['b'] = 2", {"d"}, "d.get('b')"),
    "dict, same keys": ("d = {'a': [1]}", "d['a'] += [2]", {"d"}, "list(d.items())"),
    "set": ("s = {1}", "s.add(2)", {"s"}, "1 in s"),
    "deque": (
        "from collections import deque\nq = deque([1], maxlen=2)",
        "q.append(2)",
        {"q"},
        "list(q)",
    ),
    "defaultdict": (
        "from collections import defaultdict\nd = defaultdict(list)",
        "d['new']",
        {"d"},
        "d.get('new')",
    ),
    "a subclass of list": (
        "class L(list): pass\nxs = L([1])",
        "xs.append(2)",
        {"xs"},
        "sorted(xs)",
    ),
    "tensor": (TORCH + "x = torch.zeros(3)", "x += 1", {"x"}, "x.sum(), x * 2, x.numpy()"),
    "tensor by its data": (
        TORCH + "x = torch.zeros(300, requires_grad=True)",
        "x.data[7] -= 0.1",
        {"x"},
        "(x * x).sum()",
    ),
    "large tensor by its data": (
        TORCH + "x = torch.zeros(1_000_000)",
        "x.data -= 0.1",
        {"x"},
        "x.mean()",
    ),
    "requires_grad_": (
        TORCH + "x = torch.zeros(3)",
        "x.requires_grad_()",
        {"x"},
        "x.requires_grad",
    ),
    "inference tensor": (
        TORCH + "with torch.inference_mode(): x = torch.zeros(3)",
        "with torch.inference_mode(): x += 1",
        {"x"},
        "x + 1",
    ),
    "tensor in a graph": (
        TORCH + "w = torch.ones(2, requires_grad=True)\ny = w * 2",
        "with torch.no_grad(): y.zero_()",
        {"y"},
        "y.sum()",
    ),
    "view of a tensor": (
        TORCH + "x = torch.zeros(2000)\nv = x[10:20]",
        "v.fill_(1)",
        {"x", "v"},
        "v.sum()",
    ),
    "transposed tensor": (
        TORCH + "x = torch.zeros(40, 50)\nv = x.T",
        "x.data[3, 4] = 1",
        {"x", "v"},
        "v.sum()",
    ),
    "tensor of numpy": (
        TORCH + NUMPY + "a = np.zeros(5000)\nx = torch.from_numpy(a)",
        "a[17] = 1",
        {"a", "x"},
        "a.sum()",
    ),
    "bfloat16": (
        TORCH + "x = torch.zeros(3, dtype=torch.bfloat16)",
        "x.data[0] = 1",
        {"x"},
        "x.float()",
    ),
    "list of tensors": (
        TORCH + "w, b = torch.zeros(2), torch.zeros(2)\nparams = [w, b]",
        "for p in params: p.data += 1",
        {"w", "b", "params"},
        "for p in params: p.sum()",
    ),
    "gradient": (
        TORCH + "w = torch.ones(2, requires_grad=True)",
        "(w * w).sum().backward()",
        {"w"},
        "w.grad",
    ),
    "sparse tensor": (
        TORCH + "x = torch.eye(3).to_sparse()",
        "x.mul_(2)",
        {"x"},
        "x.to_dense()",
    ),
    "subclass of tensor": (
        TORCH + "class T(torch.Tensor): pass\nx = torch.zeros(3).as_subclass(T)",
        "x.data[0] = 1",
        {"x"},
        "x.sum()",
    ),
    "module": (
        TORCH + "m = nn.Linear(2, 2)",
        "with torch.no_grad(): m.weight.zero_()",
        {"m"},
        "m(torch.ones(1, 2)).sum()",
    ),
    "module's mode": (TORCH + "m = nn.Linear(2, 2)", "m.eval()", {"m"}, "m.training"),
    "module's buffers": (
        TORCH + "m = nn.BatchNorm1d(2)",
        "m(torch.ones(3, 2))",
        {"m"},
        "m.state_dict()",
    ),
    "module inside": (
        TORCH + "net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1))",
        "net[1].p = 0.5",
        {"net"},
        "net[1].p",
    ),
    "lazy module": (
        TORCH + "m = nn.LazyLinear(2)",
        "m(torch.ones(1, 3))",
        {"m"},
        "repr(m)",
    ),
    "optimizer": (
        TORCH + "m = nn.Linear(2, 2)\nopt = torch.optim.SGD(m.parameters(), lr=0.1)",
        "opt.param_groups[0]['lr'] = 0.01",
        {"opt"},
        "opt.state_dict(), opt.param_groups[0]['lr']",
    ),
    "optimizer's step": (
        TORCH
        + "m = nn.Linear(2, 2)\nopt = torch.optim.Adam(m.parameters())\n"
        + "m(torch.ones(1, 2)).sum().backward()",
        "opt.step()",
        {"m", "opt"},
        "opt.state",
    ),
    "scheduler": (
        TORCH
        + "opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)\n"
        + "sched = torch.optim.lr_scheduler.StepLR(opt, 1)\nopt.step()",
        "sched.step()",
        {"opt", "sched"},
        "sched.get_last_lr()",
    ),
    "array": (NUMPY + "a = np.zeros(5)", "a[0] = 1", {"a"}, "a.sum(), a + 1"),
    "array, not contiguous": (
        NUMPY + "a = np.zeros((300, 300))[::2, ::3]",
        "a[77, 5] = 1",
        {"a"},
        "a.sum()",
    ),
    "view of an array": (
        NUMPY + "a = np.zeros(9000)\nv = a[5:]",
        "v[3] = 1",
        {"a", "v"},
        "v.max()",
    ),
    "one item of a large array": (
        NUMPY + "a = np.zeros(3_000_000)\nv = a[::2]",
        "v[5] = 1",
        {"a", "v"},
        "v.sum()",
    ),
    "large array": (NUMPY + "a = np.zeros(3_000_000)", "np.add(a, 1, out=a)", {"a"}, "a.mean()"),
    "array of objects": (
        NUMPY + "a = np.array([[1], [2, 3]], dtype=object)",
        "a[0].append(5)",
        {"a"},
        "len(a)",
    ),
    "frame": (PANDAS + "df = pd.DataFrame({'a': [1, 2]})", "df['b'] = 0", {"df"}, "df['a'].sum()"),
    "frame's value": (
        PANDAS + "df = pd.DataFrame({'a': [1, 2], 'c': ['x', 'y']})",
        "df.loc[0, 'a'] = 7",
        {"df"},
        "df.describe(), df.values, df.groupby('c').sum()",
    ),
    "frame's word": (
        PANDAS + "df = pd.DataFrame({'c': ['x', 'y']})",
        "df.loc[0, 'c'] = 'z'",
        {"df"},
        "df['c'].str.upper()",
    ),
    "frame's columns": (
        PANDAS + "df = pd.DataFrame({'a': [1]})",
        "df.columns = ['b']",
        {"df"},
        "df.columns",
    ),
    "frame of several blocks": (
        PANDAS + "df = pd.DataFrame({'a': [1.0]})\nfor k in range(9): df[f'c{k}'] = [1.0]",
        "df.drop(columns='c1', inplace=True)",
        {"df"},
        "df.values; df.sum(); df.copy()",
    ),
    "series": (PANDAS + "s = pd.Series([1, 2])", "s.iloc[0] = 9", {"s"}, "s.mean(), s.index"),
    "dates and categories": (
        PANDAS
        + "df = pd.DataFrame({'t': pd.to_datetime(['2024-01-01']), "
        + "'k': pd.Categorical(['a'], ['a', 'b']), 'n': pd.array([1], dtype='Int64')})",
        "df.loc[0, 'k'] = 'b'",
        {"df"},
        "df.dtypes, df['t'].dt.year, df['n'] + 1",
    ),
    "instance": (
        "class T:\n    def __init__(self): self.n = 0\nt = T()",
        "t.n += 1",
        {"t"},
        "t.n",
    ),
    "instance inside": (
        "class T: pass\nt, u = T(), T()\nt.inner = u",
        "u.x = 1",
        {"t", "u"},
        "t.inner",
    ),
    "instance with slots": (
        "class T:\n    __slots__ = ('n',)\nt = T()",
        "t.n = 1",
        {"t"},
        "hasattr(t, 'n')",
    ),
    "a circle": (
        "class N: pass\na, b = N(), N()\na.other, b.other = b, a",
        "a.x = 1",
        {"a", "b"},
        "a.other.other is a",
    ),
    "dataclass": (
        "from dataclasses import dataclass, field\n"
        "@dataclass\nclass C:\n    lr: float = 0.1\n    sizes: list = field(default_factory=list)\n"
        "c = C()",
        "c.sizes.append(3)",
        {"c"},
        "c == C(), repr(c)",
    ),
    "class": ("class T: pass", "T.f = lambda self: 1", {"T"}, "T()"),
    "function": ("def f(): return 1", "f.calls = 1", {"f"}, "f()"),
    "closure": (
        "def make():\n    seen = []\n    def f(x): seen.append(x)\n    return f\nf = make()",
        "f(1)",
        {"f"},
        "f.__name__",
    ),
    "default argument": ("def f(x, seen=[]): seen.append(x)", "f(1)", {"f"}, "f.__defaults__"),
    "iterator": ("it = iter([1, 2, 3])", "next(it)", {"it"}, "type(it)"),
    "zip": ("it = zip([1, 2], [3, 4])", "next(it)", {"it"}, "type(it)"),
    "enumerate": ("it = enumerate([1, 2])", "next(it)", {"it"}, "type(it)"),
    "count": ("import itertools\nit = itertools.count()", "next(it)", {"it"}, "type(it)"),
    "generator": ("g = (i for i in range(9))\nnext(g)", "next(g)", {"g"}, "type(g)"),
    "generator over a list": ("g = (i for i in [1, 1, 1])\nnext(g)", "next(g)", {"g"}, "g.gi_code"),
    "batches of a loader": (
        TORCH
        + "from torch.utils.data import DataLoader\n"
        + "loader = DataLoader(torch.arange(8.0), batch_size=2)\nit = iter(loader)",
        "next(it)",
        {"it"},
        "len(loader), loader.dataset[0]",
    ),
    "binary file": (
        "import io\nf = io.BufferedRandom(io.BytesIO(b'0123'))",
        "f.read(2)",
        {"f"},
        "f.closed",
    ),
    "memory file": ("import io\nf = io.BytesIO(b'0123')", "f.write(b'9')", {"f"}, "f.getvalue()"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_in_place_is_seen(kind):
    setup, change, names, _ = KINDS[kind]
    notebook = Watched()
    notebook.run(setup)
    witness = notebook.run(change)
    assert witness.mutated >= names, witness
    assert "error" not in notebook.names
    assert not [words for words in witness.skipped if "Error" in words], witness.skipped


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_that_only_reads_changes_nothing(kind):
    setup, change, names, read = KINDS[kind]
    notebook = Watched()
    notebook.run(setup)
    for source in (read, "unrelated = 1", read):
        witness = notebook.run(source)
        assert witness.mutated == set(), (source, witness)
        assert witness.deleted == set()
    assert notebook.run(change).mutated >= names  # and the change is seen after quiet cells too
    assert notebook.run("unrelated = 2").mutated == set()
    assert "error" not in notebook.names


def test_a_text_file_that_a_cell_reads_has_moved(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    notebook = Watched()
    notebook.run(f"f = open({str(tmp_path / 'a.txt')!r})")
    assert notebook.run("f.readline()").mutated == {"f"}
    assert notebook.run("x = 1").mutated == set()
    notebook.run("f.close()")
    assert notebook.run("f.closed").mutated == set()


def test_an_object_of_a_library_in_c_follows_the_text():
    notebook = Watched()
    notebook.run("import sqlite3\ndb = sqlite3.connect(':memory:')")
    assert notebook.run("db.execute('create table t (a)')").mutated == {"db"}
    assert notebook.run("x = 1").mutated == set()


def test_a_change_through_an_object_that_the_text_does_not_name():
    notebook = Watched()
    notebook.run("seen = []\ndef note(x): seen.append(x)\nhooks = {'f': note}")
    witness = notebook.run("hooks['f'](1)")
    assert witness.mutated == {"seen"}
    assert witness.needs >= {"hooks", "seen"}


def test_a_change_in_a_cell_that_fails_is_seen():
    notebook = Watched()
    notebook.run("xs = []")
    witness = notebook.run("xs.append(1)\ny = 1\nraise ValueError")
    assert witness.mutated == {"xs"}
    assert witness.rebound >= {"y"}


def test_disjoint_views_do_not_answer_for_each_other():
    notebook = Watched()
    notebook.run("import numpy as np\na = np.zeros(2000)\nleft, right = a[:1000], a[1000:]")
    assert notebook.run("left[3] = 1").mutated == {"a", "left"}


def test_a_module_is_not_looked_into_and_what_the_text_sets_in_it_counts():
    notebook = Watched()
    notebook.run("import types\nm = types.ModuleType('m')\ndef f(): m.x = 1")
    assert notebook.run("f()").mutated == set()
    assert notebook.run("m.x = 2").mutated == {"m"}
    assert notebook.run("print(m.x)").mutated == set()


def test_a_generator_of_random_numbers_is_no_change_in_place():
    notebook = Watched()
    notebook.run("import random, torch\nr = random.Random(1)\ng = torch.Generator()")
    witness = notebook.run("r.random(); torch.rand(2, generator=g)")
    assert witness.mutated == set()
    assert set(witness.random) == {"generator:r", "generator:g"}


HOSTILE = """
class Hostile:
    ran = []
    def _say(self, *args): Hostile.ran.append(1); raise RuntimeError("no")
    __eq__ = __len__ = __bool__ = __repr__ = __iter__ = __hash__ = __getattr__ = _say
    @property
    def data(self): self._say()
    @property
    def __class__(self): self._say()
h = Hostile.__new__(Hostile)
class Meta(type):
    def __eq__(cls, other): raise RuntimeError("no")
    __hash__ = type.__hash__
    def __getattribute__(cls, name): raise RuntimeError("no")
class Strange(metaclass=Meta): pass
kept = [h, {1: h}, Strange]
"""


def test_code_of_the_user_is_not_run_by_looking():
    notebook = Watched()
    notebook.run(HOSTILE)
    for source in ("h", "kept", "x = kept, h"):
        witness = notebook.run(source)
        assert witness.mutated == set(), witness
    assert notebook.names["Hostile"].ran == []
    assert notebook.run("kept.append(1)").mutated == {"kept", "x"}


def test_looking_keeps_nothing_alive():
    import weakref

    notebook = Watched()
    notebook.run("import torch\nclass T: pass\nt, x, m = T(), torch.ones(9), torch.nn.Linear(2, 2)")
    notebook.run("xs = [t, x, m]\nt.x = x")
    refs = [weakref.ref(notebook.names[name]) for name in ("t", "x", "m")]
    notebook.watch.before(EMPTY)
    for name in ("t", "x", "m", "xs"):
        del notebook.names[name]
    gc.collect()
    assert [ref() for ref in refs] == [None, None, None]


def test_a_name_too_large_for_the_time_is_said():
    notebook = Watched()
    notebook.run("class T: pass\ndef make():\n    t = T(); t.xs = [1]; return t")
    notebook.run("things = [[make() for _ in range(900)] for _ in range(50)]")
    started_s = time.perf_counter()
    witness = notebook.run("things[3][4].n = 1")
    assert any(words.startswith("things: only") for words in witness.skipped), witness
    assert witness.mutated == {"things"}  # as the text says; a cell that reads changes nothing
    assert notebook.run("len(things)").mutated == set()
    assert time.perf_counter() - started_s < 5


def test_torch_is_not_imported_by_looking():
    import subprocess
    import sys

    program = """
import sys
from nbtrack.capture.slicing.names import names_of
from nbtrack.capture.witnessing.witness import Watch
names = {"__name__": "__main__"}
watch = Watch(lambda: names)
for source in ("x = [1]", "x.append(2)", "import random\\nrandom.random()"):
    watch.before(names_of(source)); exec(source, names); witness = watch.after()
assert set(witness.random) == {"python"}, witness
print([name for name in ("torch", "numpy", "pandas", "matplotlib") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
