"""When an evaluation begins between steps, and when the training goes on."""

import pytest
import torch
from torch.utils.data import DataLoader

X = torch.randn(12, 3)


def trained():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    return model, torch.optim.SGD(model.parameters(), lr=0.01)


def in_eval_mode(model):
    model.eval()
    model(X)
    model.train()


@torch.no_grad()
def decorated(model):
    model(X)


def without_gradients(model):
    with torch.inference_mode():
        model(X)
        model(X)


def from_a_loader(model):
    with torch.no_grad():
        for _ in DataLoader(X, 4):
            pass


def averaged(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.0)


def another_model(model):
    torch.nn.Linear(3, 3).eval()
    with torch.no_grad():
        torch.nn.Linear(3, 3)(X)


def nothing(model):
    pass


def fit(record, evaluate, steps_each=3, epochs=3):
    model, optimizer = trained()
    with record.running(namespace=lambda: {"model": model, "optimizer": optimizer}):
        for _ in range(epochs):
            for _ in range(steps_each):
                optimizer.zero_grad()
                model(X).pow(2).mean().backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
            evaluate(model)
    assert not model._forward_pre_hooks
    return record.points["mark/eval"]


@pytest.mark.parametrize(
    "evaluate",
    [in_eval_mode, decorated, without_gradients, from_a_loader],
    ids=lambda f: f.__name__,
)
def test_an_evaluation_is_marked_where_it_begins_and_ends(record, evaluate):
    marks = fit(record, evaluate)
    assert marks == [(2, 1.0), (3, 0.0), (5, 1.0), (6, 0.0), (8, 1.0)]


@pytest.mark.parametrize("evaluate", [averaged, another_model, nothing], ids=lambda f: f.__name__)
def test_what_is_no_evaluation_is_not_marked(record, evaluate):
    assert fit(record, evaluate) == []


def test_an_evaluation_is_not_an_epoch(record):
    assert fit(record, from_a_loader)
    assert record.values("mark/epoch") == [0.0, 1.0, 2.0]


def test_what_follows_every_step_is_a_part_of_it_and_said_so(record):
    marks = fit(record, without_gradients, steps_each=1, epochs=60)
    assert len(marks) == 40
    assert "every single step" in record.panel.readings["mark/eval"]


def test_a_scripted_no_grad_is_as_it_was(record):
    """TorchScript compiles the source of ``no_grad.__enter__``."""

    def halved(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return x / 2

    with record.running():
        scripted = torch.jit.script(halved)
        assert scripted(X).equal(X / 2)
