"""Tracking changes nothing: final weights, gradients and random state, bit for bit."""

from __future__ import annotations

import contextlib
import io

import pytest
import torch
from torch import nn


def data(n=64, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 6, generator=generator)
    return x, x.sum(1, keepdim=True) + 0.1 * torch.randn(n, 1, generator=generator)


def mlp():
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))


def with_optimizer(make, steps=12):
    model = mlp()
    optimizer = make(model.parameters())
    x, y = data()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
    return list(model.parameters())


def lbfgs():
    model = nn.Linear(6, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5)
    x, y = data()

    def closure():
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        return loss

    for _ in range(5):
        optimizer.step(closure)
    return list(model.parameters())


def two_optimizers():
    generator, critic = nn.Linear(3, 6), nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 1))
    opt_g = torch.optim.Adam(generator.parameters(), lr=0.01)
    opt_c = torch.optim.SGD(critic.parameters(), lr=0.01)
    x, _ = data()
    for _ in range(8):
        opt_c.zero_grad()
        (critic(generator(torch.randn(64, 3)).detach()).mean() - critic(x).mean()).backward()
        opt_c.step()
        opt_g.zero_grad()
        (-critic(generator(torch.randn(64, 3))).mean()).backward()
        opt_g.step()
    return [*generator.parameters(), *critic.parameters()]


def accumulation_and_clipping():
    model = mlp()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    x, y = data()
    for _ in range(6):
        optimizer.zero_grad()
        for part in range(4):
            chosen = slice(16 * part, 16 * part + 16)
            (((model(x[chosen]) - y[chosen]) ** 2).mean() / 4).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
    return list(model.parameters())


def autocast_and_scaler(fused):
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3)
    x, y = data()
    for step in range(8):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = ((model(x) - y) ** 2).mean()
        if step == 3:
            loss = loss * float("inf")
        scaler.scale(loss).backward()
        if step % 2 and not fused:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
    return [*model.parameters(), torch.tensor(scaler.get_scale())]


def sparse():
    embedding = nn.Embedding(20, 4, sparse=True)
    head = nn.Linear(4, 1)
    optimizers = [
        torch.optim.SparseAdam(embedding.parameters(), lr=0.01),
        torch.optim.SGD(head.parameters(), lr=0.1),
    ]
    for _ in range(8):
        index = torch.randint(0, 20, (16, 3))
        for optimizer in optimizers:
            optimizer.zero_grad()
        head(embedding(index).mean(1)).square().mean().backward()
        for optimizer in optimizers:
            optimizer.step()
    return [*embedding.parameters(), *head.parameters()]


def complex_parameters():
    weight = nn.Parameter(torch.randn(4, 3, dtype=torch.complex64))
    optimizer = torch.optim.Adam([weight], lr=0.01)
    for _ in range(8):
        optimizer.zero_grad()
        (torch.randn(5, 4, dtype=torch.complex64) @ weight).abs().square().mean().backward()
        optimizer.step()
    return [weight]


def frozen_and_shared():
    first, last = nn.Linear(6, 6), nn.Linear(6, 6)
    last.weight = first.weight
    first.bias.requires_grad_(False)
    model = nn.Sequential(first, nn.ReLU(), last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, _ = data()
    for _ in range(8):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    return list(model.parameters())


def by_hand(update):
    parameters = [torch.randn(6, 4, requires_grad=True), torch.randn(4, 1, requires_grad=True)]
    x, y = data()
    for _ in range(8):
        loss = ((torch.tanh(x @ parameters[0]) @ parameters[1] - y) ** 2).mean()
        loss.backward()
        update(parameters)
    return parameters


def through_data(parameters):
    for p in parameters:
        p.data -= 0.05 * p.grad
        p.grad = None


def under_no_grad(parameters):
    with torch.no_grad():
        for p in parameters:
            p -= 0.05 * p.grad
            p.grad.zero_()


def made_anew():
    w = torch.randn(6, 1, requires_grad=True)
    x, y = data()
    for _ in range(8):
        loss = ((x @ w - y) ** 2).mean()
        loss.backward()
        w = (w - 0.05 * w.grad).detach().requires_grad_()
    return [w]


def with_autograd_grad():
    w, b = torch.randn(6, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    x, y = data()
    for _ in range(8):
        loss = ((x @ w + b - y) ** 2).mean()
        grads = torch.autograd.grad(loss, [w, b])
        with torch.no_grad():
            w -= 0.05 * grads[0]
            b -= 0.05 * grads[1]
    return [w, b]


def checkpointed(reentrant):
    from torch.utils.checkpoint import checkpoint

    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = data()
    x.requires_grad_()
    for _ in range(6):
        optimizer.zero_grad()
        ((checkpoint(model, x, use_reentrant=reentrant) - y) ** 2).mean().backward()
        optimizer.step()
    return list(model.parameters())


def double_precision_gradient_penalty():
    critic = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    optimizer = torch.optim.Adam(critic.parameters(), lr=0.01)
    x = data()[0].double()
    for _ in range(6):
        optimizer.zero_grad()
        x.requires_grad_()
        out = critic(x)
        (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        (out.mean() + slope.square().mean()).backward()
        optimizer.step()
    return list(critic.parameters())


CASES = {
    "sgd": lambda: with_optimizer(lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
    "sgd foreach": lambda: with_optimizer(lambda p: torch.optim.SGD(p, lr=0.05, foreach=True)),
    "sgd fused": lambda: with_optimizer(lambda p: torch.optim.SGD(p, lr=0.05, fused=True)),
    "adam": lambda: with_optimizer(lambda p: torch.optim.Adam(p, lr=0.01)),
    "adam foreach": lambda: with_optimizer(lambda p: torch.optim.Adam(p, lr=0.01, foreach=True)),
    "adam fused": lambda: with_optimizer(lambda p: torch.optim.Adam(p, lr=0.01, fused=True)),
    "adamw": lambda: with_optimizer(lambda p: torch.optim.AdamW(p, lr=0.01)),
    "adamw foreach": lambda: with_optimizer(lambda p: torch.optim.AdamW(p, foreach=True)),
    "adamw fused": lambda: with_optimizer(lambda p: torch.optim.AdamW(p, fused=True)),
    "adam, lr as a tensor": lambda: with_optimizer(
        lambda p: torch.optim.Adam(p, lr=torch.tensor(0.01))
    ),
    "lbfgs": lbfgs,
    "two optimizers": two_optimizers,
    "accumulation and clipping": accumulation_and_clipping,
    "scaler": lambda: autocast_and_scaler(False),
    "scaler, fused": lambda: autocast_and_scaler(True),
    "sparse": sparse,
    "complex": complex_parameters,
    "frozen and shared": frozen_and_shared,
    "by hand through .data": lambda: by_hand(through_data),
    "by hand under no_grad": lambda: by_hand(under_no_grad),
    "leaves made anew": made_anew,
    "autograd.grad": with_autograd_grad,
    "checkpoint, reentrant": lambda: checkpointed(True),
    "checkpoint": lambda: checkpointed(False),
    "gradient penalty": double_precision_gradient_penalty,
}


def outcome(case, tracking):
    """Final weights and gradients as bytes, and the state of the generator."""
    torch.manual_seed(7)
    with tracking, contextlib.redirect_stderr(io.StringIO()):
        weights = CASES[case]() if isinstance(case, str) else case()
    found = []
    for weight in weights:
        found.append(weight.detach().resolve_conj().numpy().tobytes())
        grad = weight.grad
        if grad is not None:
            grad = grad.to_dense() if grad.is_sparse else grad
            found.append(grad.detach().numpy().tobytes())
            assert not grad.requires_grad
    return found, torch.get_rng_state().numpy().tobytes()


@pytest.mark.parametrize("case", CASES)
def test_a_tracked_training_ends_with_the_same_bits(record, case):
    plain = outcome(case, contextlib.nullcontext())
    tracked = outcome(case, record.running(every=1))
    assert tracked == plain
    assert len(record.points["loss"]) >= 5  # it was tracked
    assert record.keys("grad_norm/")
    assert record.keys("update_ratio/")


def test_the_comparison_sees_one_changed_bit():
    """The opposite: a training that differs in one random draw is told apart."""
    torch.manual_seed(7)
    plain = outcome("sgd", contextlib.nullcontext())
    torch.manual_seed(7)

    def disturbed():
        torch.rand(1)
        return CASES["sgd"]()

    assert outcome(disturbed, contextlib.nullcontext()) != plain


def test_gradients_keep_their_version_and_weights_their_storage(record):
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record.running():
        model(torch.ones(1, 3)).sum().backward()
        grad, version = model.weight.grad, model.weight.grad._version
        weight_version, address = model.weight._version, model.weight.data_ptr()
        optimizer.step()
    assert model.weight.grad is grad
    assert grad._version == version
    assert model.weight.data_ptr() == address
    assert model.weight._version == weight_version + 1  # the optimizer's own update
