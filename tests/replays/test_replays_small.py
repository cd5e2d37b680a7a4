"""Small notebooks, one difficulty each: replayed in a fresh kernel, bit for bit.

They are executed in this process first, so that no start-up is paid twice; what gives them back is
a kernel of its own. Half of them need no torch, which makes that kernel start faster.
"""

from __future__ import annotations

import pytest
from played import in_shell, start_script

import nbtrack
from nbtrack.versioning.plain_python import plain_python
from nbtrack.versioning.repeating.reproduce import reproduce

LOOP = """%%track
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(4):
    loss = ((w - torch.rand(3)) ** 2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()"""

NOTEBOOKS = {
    "a list changed through another name": (
        "a = []", "b = a", "b.append(random.random())", "%%track\nr = sum(a) * 3",
    ),
    "a name that is bound again": (
        "x = 1", "x = random.random()", "y = x", "x = random.random()", "%%track\nr = x + y",
    ),
    "a function that is defined again": (
        "def f(x): return x", "def f(x): return x * random.random()", "%%track\nr = f(3)",
    ),
    "a cell that is executed three times": (
        "n = random.random()", *["n = n * 2 + random.random()"] * 3, "%%track\nr = n",
    ),
    "a helper below its use": (
        "def outer(): return inner()", "def inner(): return random.random()",
        "%%track\nr = outer()",
    ),
    "a generator consumed across cells": (
        "def numbers():\n    while True:\n        yield random.random()",
        "g = numbers()", "next(g)", "first = next(g)", "%%track\nr = next(g)",
    ),
    "an iterator consumed across cells": (
        "xs = [random.random() for _ in range(6)]", "it = iter(xs)",
        "next(it)", "for x in it:\n    break", "%%track\nr = next(it)",
    ),
    "%run -i of a file that a cell writes": (
        "%%writefile part.py\nscale = base * random.random()", "base = 3", "%run -i part.py",
        "%%track\nr = scale",
    ),
    "a star import": ("from math import *", "x = random.random()", "%%track\nr = sin(x) + pi"),
    "a star import of a module that a cell writes": (
        "%%writefile shapes.py\nimport random\ndef side(): return random.random()\nCORNERS = 4",
        "from shapes import *", "%%track\nr = CORNERS * side()",
    ),
    "a closure with a state": (
        "def counter():\n    n = 0\n    def inc():\n        nonlocal n\n        n += 1\n"
        "        return n * random.random()\n    return inc",
        "c = counter()", "c()", "c()", "%%track\nr = c()",
    ),
    "a method that is added later": (
        "class A:\n    def __init__(self): self.x = random.random()", "a = A()",
        "A.twice = lambda self: 2 * self.x * random.random()", "%%track\nr = a.twice()",
    ),
    "an object changed by its method": (
        "class Sum:\n    total = 0\n    def add(self, x): self.total += x",
        "s = Sum()", "s.add(random.random())", "s.add(1)", "%%track\nr = s.total",
    ),
    "a comprehension whose names are taken": (
        "xs = [random.random() for _ in range(5)]", "x = random.random()",
        "ys = {k: [x for x in xs if x > 0.1 * k] for k in range(3)}", "random.shuffle(xs)",
        "%%track\nr = sum(ys[1]) + xs[0] + x",
    ),
    "names of a for loop": (
        "for i in range(3):\n    part = random.random() * i\n    total = part", "part = part + 1",
        "%%track\nr = total + part + i",
    ),
    "a function defined and called in one cell": (
        "base = random.random()",
        "def f():\n    global found\n    found = base * random.random()\nf()", "%%track\nr = found",
    ),
    "a name that is deleted between": (
        "a = 1\nb = 2", "del a", "a = random.random()", "%%track\nr = a + b",
    ),
    "an environment variable": (
        "import os\nos.environ['SCALE'] = '3'",
        "%%track\nr = float(os.environ['SCALE']) * random.random()",
    ),
    "a file that one cell writes and another reads": (
        "with open('n.txt', 'w') as file:\n    file.write(str(random.random()))",
        "text = open('n.txt').read()", "%%track\nr = float(text)",
    ),
    "a file that a shell command writes": (
        "!echo 5 > five.txt", "%%track\nr = int(open('five.txt').read()) * random.random()",
    ),
    "a table beside the notebook": (
        "import csv", "rows = list(csv.reader(open('houses.csv')))[1:]", "random.shuffle(rows)",
        "%%track\nr = float(rows[0][0])",
    ),
    "exec": ("exec('z = random.random()')", "%%track\nr = z"),
    "a seed in an earlier cell": (
        "random.seed(3)", "a = random.random()", "b = random.random()",
        "%%track\nr = b + random.random()",
    ),
    "two kinds of NumPy randomness": (
        "import numpy as np\nrng = np.random.default_rng()", "rng.normal()",
        "x = rng.normal(size=3)", "np.random.rand()",
        "%%track\nr = float(rng.normal() + x[0] + np.random.rand())",
    ),
    "a default argument that remembers": (
        "def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)", "f(1)", "f(2)",
        "%%track\nr = f(3) * random.random()",
    ),
    "a cache": (
        "import functools\n@functools.lru_cache\ndef f(n): return random.random()", "f(1)",
        "%%track\nr = f(1)",
    ),
    "a partial function": (
        "from functools import partial\nscale = random.random()",
        "half = partial(lambda a, b: a * b * scale, 0.5)", "%%track\nr = half(random.random())",
    ),
    "await": (
        "import asyncio", "x = await asyncio.sleep(0, random.random())", "%%track\nr = x",
    ),
    "a cell magic": ("%%time\nx = random.random()", "%%track\nr = x"),
    "the last result": ("random.random()", "x = _ * 2", "%%track\nr = x"),
    "a cell that fails half-way": (
        "a = random.random()\nraise ValueError('on purpose')", "%%track\nr = a",
    ),
    "a clock that is only shown": (
        "import time\nbegan = time.time()",
        "%%track\nr = random.random()\nelapsed = time.time() - began",
    ),
    "a frame changed in place": (
        "import numpy as np, pandas as pd\ndf = pd.read_csv('houses.csv')",
        "df.fillna({'age': 0}, inplace=True)", "df['z'] = np.random.rand(len(df))",
        "df.loc[df.z < 0.5, 'z'] = 0",
        "df.head()", "%%track\nr = float(df.z.sum())",
    ),
    "lists in a table changed in a loop": (
        "table = {}", "table['a'], table['b'] = [1], [2]",
        "for each in table.values():\n    each.append(random.random())",
        "%%track\nr = sum(map(sum, table.values()))",
    ),
    "an instance of a class that is defined again": (
        "class A: k = random.random()", "a = A()", "class A: k = random.random()",
        "%%track\nr = a.k + 10 * A.k",
    ),
    "a constant of a module that is set": (
        "import math", "math.pi = 3 + random.random()", "%%track\nr = math.pi",
    ),
    "a module in a folder on the path": (
        "import os\nos.makedirs('lib', exist_ok=True)",
        "%%writefile lib/mine.py\nimport random\ndef draw(): return random.random()",
        "import sys\nsys.path.append('lib')", "import mine", "%%track\nr = mine.draw()",
    ),
    "an array changed through a slice of it": (
        "import numpy as np\na = np.zeros(4)", "b = a[1:]", "b += np.random.rand(3)",
        "%%track\nr = float(a.sum())",
    ),
    "a random generator of Python": (
        "rng = random.Random()", "rng.random()", "x = rng.gauss(0, 1)", "rng.random()",
        "%%track\nr = rng.random() + x",
    ),
    "a random state of NumPy": (
        "import numpy as np\nstate = np.random.RandomState()", "state.rand()",
        "%%track\nr = float(state.rand())",
    ),
    "a generator in an object": (
        "import numpy as np\nclass Sampler:\n    def __init__(self):\n"
        "        self.rng = np.random.default_rng()\n    def draw(self): return self.rng.random()",
        "s = Sampler()", "s.draw()", "%%track\nr = s.draw()",
    ),
    "another working folder": (
        "import os\nos.makedirs('sub', exist_ok=True)", "%cd sub",
        "with open('x.txt', 'w') as file:\n    file.write(str(random.random()))",
        "%%track\nr = float(open('x.txt').read())",
    ),
    "a shadowed builtin": (
        "sum = lambda xs: len(xs) + random.random()", "r0 = sum([1])", "%%track\nr = sum([1, 2])",
    ),
    "a tensor changed through a view": (
        "import torch", "w = torch.randn(3)", "v = w.view(3)", "v += torch.randn(3)",
        "%%track\nr = w.sum().item()",
    ),
    "requires_grad_": ("import torch\nw = torch.randn(3)", "w.requires_grad_()", LOOP),
    "inference mode": (
        "import torch\nw = torch.zeros(3, requires_grad=True)",
        "with torch.inference_mode():\n    base = torch.randn(3)", "base.sum()",
        LOOP.replace("torch.rand(3)", "base - torch.rand(3)"),
    ),
    "imports in an earlier training": (
        "import torch\nw = torch.randn(3, requires_grad=True)",
        LOOP.replace("%%track", "%%track\nimport torch.nn as nn"), "net = nn.Linear(3, 1)",
        "%%track\nw = net.weight[0]\n"
        "o = torch.optim.Adam(net.parameters())\nfor _ in range(3):\n"
        "    loss = net(torch.randn(2, 3)).pow(2).sum()\n    o.zero_grad()\n    loss.backward()\n"
        "    o.step()",
    ),
    "the same training again": (
        "import torch\nw = torch.randn(3, requires_grad=True)", LOOP, LOOP, LOOP,
    ),
    "a default dtype": (
        "import torch", "torch.set_default_dtype(torch.float64)",
        "w = torch.randn(3, requires_grad=True)", LOOP,
    ),
    "the iterator of a loader": (
        "import torch\nfrom torch.utils.data import DataLoader",
        "w = torch.randn(3, requires_grad=True)",
        "loader = DataLoader(torch.randn(20, 3), 5, True)",
        "it = iter(loader)", "next(it)", "batch = next(it)",
        LOOP.replace("torch.rand(3)", "next(it)").replace("range(4)", "range(2)"),
    ),
}  # fmt: skip


SCRIPTS = (
    *("await", "a cell magic", "%run -i of a file that a cell writes", "a closure with a state"),
    *("a star import of a module that a cell writes", "a file that a shell command writes"),
    *("two kinds of NumPy randomness", "a table beside the notebook", "a cell that fails half-way"),
)


@pytest.mark.parametrize("cells", [pytest.param(NOTEBOOKS[name], id=name) for name in NOTEBOOKS])
def test_a_small_notebook_is_replayed_bit_for_bit(cells, shell):
    failed = in_shell(shell, ["import random", *cells])
    assert failed[-1] == ""
    run = nbtrack.get(-1)
    assert run.replay["failed"] == []
    again = reproduce(run, say=lambda line: None)
    assert again.verdict == "identical", again
    assert again.reason is None
    # something was held against something
    assert again.num_weights or nbtrack.get(again.run.id).replay["variables"].keys() >= {"r"}
    assert again.run.info.reproduces == run.id


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_small_notebook_runs_as_a_script(name, shell, tmp_path):
    assert in_shell(shell, ["import random", *NOTEBOOKS[name]])[-1] == ""
    script = start_script(nbtrack.get(-1).script() + "\nprint(repr(r))\n", tmp_path / "script")
    printed, _ = script.communicate(timeout=120)
    assert printed.splitlines()[-1] == repr(shell.user_ns["r"])


def test_a_text_of_several_lines_stays_the_same_in_a_coroutine():
    text = "x = await f()\ny = '''a\n  b'''\n\nif x:\n    z = 1\n"
    assert "    y = '''a\n  b'''\n\n    if x:\n        z = 1\n" in plain_python(text)
