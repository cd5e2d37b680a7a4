"""Parameters and optimizers are called what the user calls them."""

from __future__ import annotations

import torch
from torch import nn

X = torch.ones(2, 3)


def one_step(optimizer, *losses):
    for loss in losses:
        loss.backward()
    optimizer.step()


def norms_of(record):
    return [key[len("grad_norm/") :] for key in record.keys("grad_norm/") if key.count("/") == 1]


def test_one_module_gives_its_own_names(record):
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record.running():
        one_step(optimizer, model(X).sum())
    assert norms_of(record) == ["0.bias", "0.weight", "1.bias", "1.weight", "total"]


def test_several_modules_are_told_apart_by_their_variables(record):
    encoder, decoder = nn.Linear(3, 2), nn.Linear(2, 3)
    optimizer = torch.optim.SGD([*encoder.parameters(), *decoder.parameters()], lr=0.1)
    with record.running():
        one_step(optimizer, decoder(encoder(X)).sum())
    assert norms_of(record) == [
        "decoder.bias",
        "decoder.weight",
        "encoder.bias",
        "encoder.weight",
        "total",
    ]


def test_the_outermost_module_wins_over_its_parts(record):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(3, 2)
            self.head = nn.Linear(2, 1)

        def forward(self, x):
            return self.head(self.body(x))

    net = Net()
    body, head = net.body, net.head
    optimizer = torch.optim.SGD([*body.parameters(), *head.parameters()], lr=0.1)
    with record.running():
        one_step(optimizer, net(X).sum())
    assert norms_of(record) == ["body.bias", "body.weight", "head.bias", "head.weight", "total"]


def test_a_trainer_of_another_module_holds_the_model(record):
    class Inner:
        def __init__(self):
            self.model = nn.Linear(3, 1)

    class Trainer:
        def __init__(self):
            self.inner = Inner()
            self.optim = torch.optim.SGD(self.inner.model.parameters(), lr=0.1)

        def fit(self):
            one_step(self.optim, self.inner.model(X).sum())

    with record.running():
        Trainer().fit()
    assert norms_of(record) == ["bias", "total", "weight"]


def test_names_come_from_the_notebook_where_no_frame_holds_them(record):
    namespace = {"net": nn.Linear(3, 1)}
    optimizer = torch.optim.SGD(namespace["net"].parameters(), lr=0.1)
    losses = [namespace["net"](X).sum()]
    visible = {"net": namespace.pop("net"), "_hidden": 1}
    with record.running(namespace=lambda: visible):
        one_step(optimizer, *losses)
    assert norms_of(record) == ["bias", "total", "weight"]


def test_a_closure_shows_its_model(record):
    def make():
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def step():
            model(X).sum().backward()
            optimizer.step()

        return step

    step = make()
    with record.running():
        step()
    assert norms_of(record) == ["bias", "total", "weight"]


def test_wrappers_leave_no_trace_in_the_names(record):
    class DDP(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def forward(self, x):
            return self.module(x)

    wrapped = DDP(nn.Sequential(nn.Linear(3, 1)))
    compiled = torch.compile(wrapped, backend="eager")
    optimizer = torch.optim.SGD(compiled.parameters(), lr=0.1)
    loss = wrapped(X).sum()
    del wrapped
    with record.running():
        one_step(optimizer, loss)
    assert norms_of(record) == ["0.bias", "0.weight", "total"]


def test_plain_tensors_have_the_names_of_their_variables(record):
    w1, b1 = torch.randn(3, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    parameters = [w1, b1]
    with record.running():
        for _ in range(2):
            (X @ w1 + b1).sum().backward()
            with torch.no_grad():
                for p in parameters:
                    p -= 0.1 * p.grad
                    p.grad = None
    assert norms_of(record) == ["b1", "total", "w1"]


def test_tensors_in_a_list_are_called_after_the_list(record):
    params = [torch.randn(3, 1, requires_grad=True), torch.zeros(1, requires_grad=True)]
    with record.running():
        for _ in range(2):
            (X @ params[0] + params[1]).sum().backward()
            for p in params:
                p.data -= 0.1 * p.grad
                p.grad = None
    assert norms_of(record) == ["params.0", "params.1", "total"]


def test_tensors_in_a_dict_are_called_after_its_keys(record):
    theta = {"slope": torch.ones(3, 1, requires_grad=True), "bias": torch.zeros(1)}
    theta["bias"].requires_grad_()
    optimizer = torch.optim.SGD(list(theta.values()), lr=0.1)
    with record.running():
        one_step(optimizer, (X @ theta["slope"] + theta["bias"]).sum())
    assert norms_of(record) == ["theta.bias", "theta.slope", "total"]


def test_leaves_made_anew_keep_their_names(record):
    w = torch.randn(3, 1, requires_grad=True)
    with record.running():
        for _ in range(4):
            (X @ w).square().sum().backward()
            w = (w - 0.01 * w.grad).detach().requires_grad_()
    assert norms_of(record) == ["total", "w"]
    assert record.steps("grad_norm/w") == [0, 1, 2, 3]
    assert record.steps("update_ratio/w") == [0, 1, 2]


def test_an_optimizer_made_anew_goes_on_with_the_same_series(record):
    with record.running() as panel:
        for _fold in range(3):
            model = nn.Linear(3, 1)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            for _ in range(2):
                optimizer.zero_grad()
                model(X).sum().backward()
                optimizer.step()
        assert panel.num_steps == 6
    assert record.steps("grad_norm/total") == [0, 1, 2, 3, 4, 5]
    assert record.steps("grad_norm/weight") == [0, 1, 2, 3, 4, 5]
    assert record.keys("lr/") == ["lr/group0"]


def test_two_live_optimizers_of_one_name_are_told_apart(record):
    def train(model, optimizer):
        model(X).sum().backward()
        optimizer.step()

    models = [nn.Linear(3, 1) for _ in range(2)]
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in models]
    with record.running():
        for _ in range(3):
            for model, optimizer in zip(models, optimizers, strict=True):
                train(model, optimizer)
    # that one variable means two of them is known when the first steps again
    assert record.steps("lr/group0") == [0, 1]
    assert record.steps("lr/optimizers.0/group0") == [2, 4]
    assert record.steps("lr/optimizers.1/group0") == [3, 5]


def test_looking_for_names_runs_no_property_and_no_getattr(record):
    class Careful:
        @property
        def expensive(self):
            raise AssertionError("a property was run")

        def __getattr__(self, name):
            if name.startswith("__") or name == "grad_fn":
                raise AttributeError(name)
            raise AssertionError(f"{name} was asked for")

    careful = Careful()
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record.running():
        one_step(optimizer, model(X).sum())
    assert norms_of(record) == ["bias", "total", "weight"]
    assert careful is not None
