"""Where epochs begin, in every style of loop, and how long a training is said to be."""

import linecache
import textwrap
import types

import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

X, Y = torch.randn(20, 3), torch.randn(20, 1)


def names(**more):
    """A model, its optimizer and its data: 20 samples, 5 batches of 4."""
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    data = TensorDataset(X, Y)

    def train(x, y):
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()

    return {
        "torch": torch,
        "model": model,
        "optimizer": optimizer,
        "x": X,
        "y": Y,
        "train": train,
        "DataLoader": DataLoader,
        "data": data,
        "loader": DataLoader(data, 4, shuffle=True),
        "val_loader": DataLoader(data, 10),
        **more,
    }


def execute(record, source, **more):
    """Execute a cell as IPython does, its lines where tracebacks look for them."""
    source = textwrap.dedent(source)
    name = f"<cell {abs(hash(source))}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    scope = names(**more)
    module = types.ModuleType("__main__")
    module.__dict__.update(scope)
    with record.running(namespace=lambda: module.__dict__):
        exec(compile(source, name, "exec"), module.__dict__)
    return record.points["mark/epoch"]


def every(n, epochs):
    return [(n * epoch, float(epoch)) for epoch in range(epochs)]


STYLES = {
    "a raw loop over a loader": (
        """
        for epoch in range(3):
            for bx, by in loader:
                train(bx, by)
        """,
        every(5, 3),
        {"steps": 15, "epochs": 3},
    ),
    "batches made by hand": (
        """
        for epoch in range(3):
            for rows in torch.randperm(len(x)).split(6):
                train(x[rows], y[rows])
        """,
        every(4, 3),
        {"steps": 12, "epochs": 3},
    ),
    "no variable called epoch": (
        """
        for i in range(3):
            for k in range(0, 20, 5):
                train(x[k:k + 5], y[k:k + 5])
        """,
        every(4, 3),
        {"steps": 12, "epochs": 3},
    ),
    "in functions": (
        """
        def one_epoch(batches):
            for bx, by in batches:
                train(bx, by)
        def fit(num_epochs, batches):
            for _ in range(num_epochs):
                one_epoch(batches)
        fit(num_epochs=4, batches=loader)
        """,
        every(5, 4),
        {"steps": 20, "epochs": 4},
    ),
    "in a class with a config": (
        """
        class Trainer:
            def __init__(self, epochs):
                self.epochs, self.rows = epochs, list(range(5))
            def fit(self):
                for epoch in range(self.epochs):
                    for i, row in enumerate(self.rows):
                        self.step(row)
            def step(self, row):
                train(x[row:row + 4], y[row:row + 4])
        Trainer(2).fit()
        """,
        every(5, 2),
        {"steps": 10, "epochs": 2},
    ),
    "a while loop": (
        """
        epoch = 0
        while epoch < 3:
            for rows in x.split(10):
                train(rows, y[:10])
            epoch += 1
        """,
        every(2, 3),
        {},
    ),
    "validation with a loader of its own": (
        """
        for _ in range(2):
            for bx, by in loader:
                train(bx, by)
            for bx, by in val_loader:
                model(bx)
        """,
        every(5, 2),
        {"steps": 10, "epochs": 2},
    ),
    "a loader for ever": (
        """
        steps, batches = 0, iter(loader)
        while steps < 12:
            try:
                bx, by = next(batches)
            except StopIteration:
                batches = iter(loader)
                continue
            train(bx, by)
            steps += 1
        """,
        every(5, 3),
        {},
    ),
    "gradient accumulation": (
        """
        for epoch in range(3):
            for i in range(6):
                loss = ((model(x) - y) ** 2).mean() / 3
                loss.backward()
                if (i + 1) % 3 == 0:
                    optimizer.step()
                    optimizer.zero_grad()
        """,
        every(2, 3),
        {"steps": 6, "epochs": 3},
    ),
    "two optimizers in turn": (
        """
        other = torch.optim.SGD(model.parameters(), lr=0.001)
        for epoch in range(3):
            for bx in x.split(10):
                for each in (optimizer, other):
                    each.zero_grad()
                    model(bx).mean().backward()
                    each.step()
        """,
        every(4, 3),
        {"steps": 12, "epochs": 3},
    ),
    "one name for two loops": (
        """
        for _ in range(3):
            for _ in range(4):
                train(x, y)
        """,
        every(4, 3),
        {"steps": 12, "epochs": 3},
    ),
    "a sweep": (
        """
        for lr in [0.1, 0.2]:
            for epoch in range(2):
                for bx, by in loader:
                    train(bx, by)
        """,
        every(5, 4),
        {"steps": 20, "epochs": 4},
    ),
    "steps by hand": (
        """
        w = torch.zeros(3, 1, requires_grad=True)
        for epoch in range(3):
            for k in range(4):
                loss = ((x @ w - y) ** 2).mean()
                loss.backward()
                with torch.no_grad():
                    w -= 0.1 * w.grad
                    w.grad.zero_()
        """,
        every(4, 3),
        {"steps": 12, "epochs": 3},
    ),
    "one loop of steps": (
        """
        for step in range(7):
            train(x, y)
        """,
        [],
        {"steps": 7},
    ),
    "an epoch is a step": (
        """
        for epoch in range(6):
            train(x, y)
        """,
        [],
        {"steps": 6},
    ),
    "several optimizers, one step": (
        """
        for i in range(6):
            model(x).mean().backward()
            for each in (optimizer,):
                each.step()
        """,
        [],
        {"steps": 6},
    ),
    "a generator": (
        """
        for step in (k for k in range(5)):
            train(x, y)
        """,
        [],
        {},
    ),
    "stopped early": (
        """
        for epoch in range(50):
            for bx, by in loader:
                train(bx, by)
            if epoch == 2:
                break
        """,
        every(5, 3),
        {"steps": 250, "epochs": 50},
    ),
    "a second training": (
        """
        def fit(epochs):
            for epoch in range(epochs):
                for bx, by in loader:
                    train(bx, by)
        fit(2)
        fit(3)
        """,
        every(5, 5),
        {"steps": 25, "epochs": 3},
    ),
}


@pytest.mark.parametrize(("source", "marks", "expected"), STYLES.values(), ids=STYLES)
def test_epochs_are_marked_and_the_length_is_known(record, source, marks, expected):
    assert execute(record, source) == marks
    assert record.panel.expected == expected


def test_an_iterable_is_neither_consumed_nor_asked(record):
    """A data set that counts: the length of a stream is not asked for, nothing is taken twice."""
    asked = []

    class Stream(IterableDataset):
        def __iter__(self):
            asked.append("iter")
            return iter(X)

        def __len__(self):
            asked.append("len")
            return 20

    source = """
    for epoch in range(2):
        for bx in loader:
            train(bx, bx[:, :1])
    """
    marks = execute(record, source, loader=DataLoader(Stream(), 4))
    assert marks == every(5, 2)
    assert asked == ["iter", "iter"]
    assert record.panel.expected == {"epochs": 2, "steps": 10}  # after the first epoch


def test_a_mark_has_the_time_of_its_step(record):
    execute(record, STYLES["a raw loop over a loader"][0])
    at = dict(zip(record.steps("loss"), record.times["loss"], strict=True))
    for (step, _), time_s in zip(
        record.points["mark/epoch"], record.times["mark/epoch"], strict=True
    ):
        assert abs(time_s - at[step]) < 0.5
    assert record.times["mark/epoch"] == sorted(record.times["mark/epoch"])
