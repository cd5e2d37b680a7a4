"""Sources of random numbers: a state put back gives the same numbers, to the last bit."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from watched import Watched

from nbtrack.capture.witnessing.randomness import pack, read_random, restore_random, unpack

DRAWS = {
    "python": "random.random(), random.gauss(0, 1)",
    "numpy": "np.random.rand(3).tolist(), np.random.randn(3).tolist()",
    "torch": "torch.rand(3).tolist(), torch.randn(17).tolist()",
    "generator:g": "torch.rand(3, generator=g).tolist()",
    "generator:rng": "rng.normal(size=3).tolist(), rng.integers(9)",
    "generator:philox": "philox.random(3).tolist()",
    "generator:old": "old.rand(3).tolist(), old.randn(3).tolist()",
    "generator:r": "r.gauss(0, 1), r.random()",
    "generator:t.gen": "torch.rand(3, generator=t.gen).tolist()",
    "generator:gens[1]": "torch.rand(3, generator=gens[1]).tolist()",
    "generator:by_name['a']": "by_name['a'].random()",
    "generator:loader.generator": "[x.tolist() for x in loader]",
}
SETUP = """
import random, numpy as np, torch
from torch.utils.data import DataLoader
g, rng, r = torch.Generator(), np.random.default_rng(), random.Random(6)
old = np.random.RandomState(5)
philox = np.random.Generator(np.random.Philox(3))
class T: pass
t = T(); t.gen = torch.Generator().manual_seed(3)
gens = [torch.Generator(), torch.Generator().manual_seed(8)]
by_name = {'a': np.random.default_rng(1)}
loader = DataLoader(torch.arange(20.0), batch_size=4, shuffle=True,
                    generator=torch.Generator().manual_seed(4))
"""


@pytest.fixture
def notebook():
    watched = Watched()
    watched.run(SETUP)
    return watched


def drawn(notebook, source):
    value = eval(DRAWS[source], notebook.names)
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("source", DRAWS)
def test_a_source_put_back_gives_the_same_numbers(notebook, source):
    drawn(notebook, source)  # begun, with half a pair of normal numbers kept where there is one
    states = unpack(pack(read_random(notebook.names)))
    first, second = drawn(notebook, source), drawn(notebook, source)
    assert first != second
    assert restore_random(states, notebook.names) == []
    assert [drawn(notebook, source), drawn(notebook, source)] == [first, second]


@pytest.mark.parametrize("source", DRAWS)
def test_a_cell_keeps_the_entry_states_of_what_it_drew_from(notebook, source):
    before = read_random(notebook.names)
    witness = notebook.run(f"value = {DRAWS[source]}")
    assert set(witness.random) >= {source}
    # a loader takes a base seed from its own generator; its sampler shares that generator
    assert set(witness.random) <= {source, "generator:loader.sampler.generator"} | (
        {"torch"} if source == "generator:loader.generator" else set()
    )
    assert witness.random[source] == before[source]
    assert notebook.run("x = 1").random == {}


def test_all_sources_are_there_while_the_cell_executes(notebook):
    from nbtrack.capture.slicing.names import names_of

    notebook.watch.before(names_of("x = 1"))
    assert set(notebook.watch.random()) >= set(DRAWS)


def test_reading_draws_nothing(notebook):
    for source in DRAWS:
        states = read_random(notebook.names)
        one = drawn(notebook, source)
        restore_random(states, notebook.names)
        read_random(notebook.names)
        assert drawn(notebook, source) == one


def test_a_packed_state_is_plain_small_and_the_same_every_time(notebook):
    states = read_random(notebook.names)
    assert unpack(pack(states)) == states
    assert pack(dict(reversed(states.items()))) == pack(states)
    assert len(pack({"torch": states["torch"]})) < 8_000
    assert b"pickle" not in pack(states)
    with pytest.raises(TypeError, match="plain values, not set"):
        pack({"python": {1}})


def test_a_generator_that_is_not_there_is_named(notebook):
    states = read_random(notebook.names)
    faults = restore_random({"generator:g": states["generator:g"]}, {})
    assert faults == ["generator:g: there is no such generator now"]


def test_a_state_for_another_kind_of_generator_is_named(notebook):
    states = read_random(notebook.names)
    faults = restore_random({"generator:g": states["generator:rng"], "odd": 1}, notebook.names)
    assert [fault.partition(":")[0] for fault in faults] == ["generator", "odd"]
    assert "generator:g" in faults[0]


def test_a_generator_known_by_another_name_needs_no_word():
    g = torch.Generator()
    states = read_random({"g": g, "alias": g})
    assert restore_random(states, {"g": g}) == []


def test_a_generator_made_without_a_seed_is_said_only_when_it_was():
    notebook = Watched()
    notebook.run("import numpy as np")
    said = notebook.run("a = np.random.default_rng()").skipped
    assert [words.partition(" ")[0] for words in said] == ["generator:a:"]
    assert notebook.run("b = np.random.default_rng(2 ** 60)").skipped == ()


def test_numpy_with_another_bit_generator():
    notebook = Watched()
    notebook.run("import numpy as np")
    old = np.random.get_bit_generator()
    try:
        np.random.set_bit_generator(np.random.PCG64(1))
        states = unpack(pack(read_random({})))
        first = np.random.rand(3).tolist()
        assert restore_random({"numpy": states["numpy"]}, {}) == []
        assert np.random.rand(3).tolist() == first
    finally:
        np.random.set_bit_generator(old)


def test_a_subclass_of_a_source_with_code_of_the_users_is_left_alone():
    class Mine(random.Random):
        def getstate(self):
            raise AssertionError("asked")

    assert [name for name in read_random({"mine": Mine()}) if "mine" in name] == []


@pytest.mark.gpu
def test_a_gpu_put_back_gives_the_same_numbers():
    torch.cuda.init()
    states = unpack(pack(read_random({})))
    first = torch.randn(1000, device="cuda").cpu()
    assert restore_random(states, {}) == []
    assert torch.equal(torch.randn(1000, device="cuda").cpu(), first)


FRESH = """
import json, sys
from nbtrack.capture.slicing.names import names_of
from nbtrack.capture.witnessing.randomness import pack, restore_random, unpack
from nbtrack.capture.witnessing.witness import Watch
names = {"__name__": "__main__"}
watch = Watch(lambda: names)
def run(source):
    watch.before(names_of(source)); exec(source, names); return watch.after()
witness = run(SOURCE)
first = names["drawn"]
states = unpack(pack(witness.random))
faults = restore_random(states, names)
run(SOURCE)
print(json.dumps([sorted(witness.random), faults, first == names["drawn"], list(witness.skipped)]))
"""


@pytest.mark.parametrize(
    ("source", "sources"),
    [
        ("import torch; drawn = torch.rand(3).tolist()", ["torch"]),
        ("import numpy as np; drawn = np.random.randn(3).tolist()", ["numpy"]),
        ("import numpy as np; np.random.seed(3); drawn = np.random.rand(3).tolist()", []),
        ("import numpy as np, torch; drawn = 1", []),
        ("import random; drawn = random.random()", ["python"]),
    ],
)
def test_a_source_first_imported_by_the_very_cell_can_be_put_back(source, sources):
    """Its state at the start of the cell is not to be seen; torch and NumPy still know the seed."""
    program = textwrap.dedent(FRESH).replace("SOURCE", repr(source))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout, done.stderr
    assert json.loads(done.stdout) == [sources, [], True, []]
