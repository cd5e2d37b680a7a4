"""The slice of a run, as a real IPython shell saw its cells."""

from __future__ import annotations

import pytest

from nbtrack.capture.session import Session


@pytest.fixture
def shell(plain_shell):
    return plain_shell


@pytest.fixture
def session(shell):
    session = Session(shell)
    yield session
    session.close()


@pytest.fixture
def run_cells(shell, session):
    """Run cells one after the other; the slice of the last one, as execution counts."""

    def run(*cells: str) -> list[int | None]:
        for cell in cells:
            shell.run_cell(cell, store_history=True)
        return [each.cell.count for each in capture_of(session).cells]

    return run


def capture_of(session: Session):
    log = session.log
    return log.capture(log.executions[-1])


NOTEBOOKS = {
    "an unrelated cell is left out": (["a = 1", "b = 2", "c = a"], [1, 3]),
    "a list changed through another name": (
        ["a = []", "b = a", "b.append(1)", "x = 0", "print(a)"],
        [1, 2, 3, 5],
    ),
    "the last of several definitions": (["a = 1", "a = 2", "a = 3", "print(a)"], [3, 4]),
    "a cell that was run again": (["a = 1", "a += 1", "a += 1", "print(a)"], [1, 2, 3, 4]),
    "a cell that only looks": (["a = [1]", "print(a)", "len(a)", "b = a"], [1, 4]),
    "a global that a function reads": (
        ["scale = 2", "def f(x): return x * scale", "other = 1", "y = f(3)"],
        [1, 2, 4],
    ),
    "a global bound after the function": (
        ["def f(x): return x * scale", "scale = 2", "y = f(3)"],
        [1, 2, 3],
    ),
    "a method set later": (
        [
            "class A:\n    def one(self): return k",
            "def two(self): return 2",
            "k = 1",
            "A.two = two",
            "a = A()",
            "print(a.two() + a.one())",
        ],
        [1, 2, 3, 4, 5, 6],
    ),
    "names that exec binds": (["exec('a = 1')", "b = 2", "print(a)"], [1, 3]),
    "a generator that was drawn from": (
        ["it = iter(range(9))", "x = 0", "next(it)", "print(next(it))"],
        [1, 3, 4],
    ),
    "a cell that failed half-way": (["a = 1\nraise ValueError", "b = 2", "print(a)"], [1, 3]),
    "a name that was deleted": (["a = 1", "del a", "a = 2", "print(a)"], [3, 4]),
    "a file that a cell wrote": (
        ["open('data.txt', 'w').write('1')", "x = 0", "print(open('data.txt').read())"],
        [1, 3],
    ),
    "a module file that a cell wrote": (
        ["%%writefile part.py\nz = base + 1\n", "base = 1", "x = 0", "%run -i part.py", "print(z)"],
        [1, 2, 4, 5],
    ),
    "a file that the shell wrote": (
        ["!echo 5 > data.txt", "x = 0", "print(open('data.txt').read())"],
        [1, 3],
    ),
    "a setting of the process": (
        ["import os", "os.environ['NBT_X'] = '1'", "x = 0", "y = 1"],
        [1, 2, 4],
    ),
    "a closure": (
        [
            "def outer(k):\n    def inner(x): return x + k\n    return inner",
            "f = outer(1)",
            "x = 1",
            "f(2)",
        ],
        [1, 2, 4],
    ),
}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_slice_of_the_last_cell(name, run_cells):
    cells, expected = NOTEBOOKS[name]
    assert run_cells(*cells) == expected


TENSORS = {
    "a parameter moved through .data": (
        ["import torch", "w = torch.ones(3)", "x = 1", "w.data -= 0.5", "print(w)"],
        [1, 2, 4, 5],
    ),
    "requires_grad_ in another cell": (
        ["import torch", "w = torch.ones(3)", "w.requires_grad_()", "print(w)"],
        [1, 2, 3, 4],
    ),
    "tensors of inference mode": (
        [
            "import torch",
            "with torch.inference_mode():\n    a = torch.ones(2)",
            "b = 1",
            "print(a)",
        ],
        [1, 2, 4],
    ),
    "a default type": (
        ["import torch", "torch.set_default_dtype(torch.float64)", "x = 1", "a = torch.ones(2)"],
        [1, 2, 4],
    ),
    "training by an optimizer": (
        [
            "import torch",
            "model = torch.nn.Linear(2, 1)\nopt = torch.optim.SGD(model.parameters(), lr=0.1)",
            "model(torch.ones(1, 2)).sum().backward()\nopt.step()",
            "print('looking', model)",
            "out = model(torch.ones(1, 2))",
        ],
        [1, 2, 3, 5],
    ),
}


@pytest.mark.parametrize("name", TENSORS)
def test_the_slice_of_a_cell_that_uses_tensors(name, run_cells, shell):
    cells, expected = TENSORS[name]
    try:
        assert run_cells(*cells) == expected
    finally:
        import torch

        torch.set_default_dtype(torch.float32)


def test_an_import_inside_a_training_cell_is_lifted_out_of_it(run_cells, session):
    counts = run_cells("import math as m\nbig = [0] * 1000", "x = 1", "y = m.sqrt(x)")
    assert counts == [1, 2, 3]
    first = capture_of(session).cells[0]
    assert (first.cell.source, first.cell.is_part) == ("import math as m", True)


def test_cells_from_before_are_taken_from_the_history(shell):
    shell.run_cell("a = 1", store_history=True)
    shell.run_cell("b = 2", store_history=True)
    session = Session(shell)
    shell.run_cell("print(a)", store_history=True)
    capture = capture_of(session)
    assert [each.cell.count for each in capture.cells] == [1, 3]
    assert any("before nbtrack was loaded" in note for note in capture.notes)
    session.close()


def test_the_cell_that_loads_nbtrack_is_seen_as_far_as_it_can_be(shell, tmp_path):
    shell.user_ns["Session"] = Session
    shell.run_cell(
        "import random\nsession = Session(get_ipython())\na = random.random()", store_history=True
    )
    shell.run_cell("b = a", store_history=True)
    session = shell.user_ns["session"]
    capture = capture_of(session)
    assert [each.cell.count for each in capture.cells] == [1, 2]
    assert set(capture.cells[0].random) == {"python"}
    session.close()


def test_the_notebook_that_is_looked_at_for_hidden_state_is_no_data(shell, session, tmp_path):
    (tmp_path / "n.ipynb").write_text("{}")
    shell.user_ns["look"] = lambda: session.log.capture(session.log.running, "n.ipynb")
    shell.run_cell("look()", store_history=True)
    assert capture_of(session).files == ()


def test_a_name_that_no_cell_made_is_missing(shell, session, run_cells):
    shell.user_ns["ghost"] = 3
    run_cells("x = 1", "print(ghost)")
    assert capture_of(session).missing == ("ghost",)


def test_the_random_state_at_the_entry_of_a_cell_is_kept(run_cells, session, shell):
    run_cells("import random", "a = random.random()", "b = 1", "c = random.random()")
    cells = {each.cell.count: each for each in capture_of(session).cells}
    assert set(cells[4].random) == {"python"}
    assert "python" not in cells[1].random
    from nbtrack.capture.witnessing.randomness import restore_random

    restore_random(cells[4].random, shell.user_ns)
    import random

    assert random.random() == shell.user_ns["c"]


def test_a_state_that_the_slice_itself_leaves_is_told_from_one_that_it_does_not(run_cells, session):
    run_cells("import random\nrandom.seed(1)\na = random.random()", "b = a + random.random()")
    assert [set(each.continues) for each in capture_of(session).cells] == [set(), {"python"}]
    run_cells("junk = random.random()", "c = b + random.random()")
    assert set(capture_of(session).cells[-1].continues) == set()


def test_files_that_went_in_are_named_and_files_of_its_own_are_not(run_cells, session, tmp_path):
    (tmp_path / "in.txt").write_text("1")
    run_cells(
        "open('made.txt', 'w').write('2')",
        "total = int(open('in.txt').read()) + int(open('made.txt').read())",
    )
    assert capture_of(session).files == (str(tmp_path / "in.txt"),)


def test_a_cell_that_cannot_be_read_breaks_nothing(run_cells):
    assert run_cells("x = 1", "this is not python", "print(x)") == [1, 3]
