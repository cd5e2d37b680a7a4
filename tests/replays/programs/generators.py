# ruff: noqa
# fmt: off
# order = [1, 2, 3, 4, 5, 6, 7, 6, 8, 9, 10]
# Generator objects that several cells draw from, one of them a few times.
# %%
# %load_ext nbtrack
# %%
import numpy as np, torch
from torch import nn
g = torch.Generator().manual_seed(torch.seed() % 1000)
rng = np.random.default_rng()
# %%
centres = rng.normal(size=(3, 5))
centres.round(2)
# %%
labels = rng.integers(0, 3, size=180)
features = centres[labels] + 0.6 * rng.standard_normal((180, 5))
X = torch.as_tensor(features, dtype=torch.float32)
Y = torch.as_tensor(labels)
# %%
W = torch.randn(5, 16, generator=g) / 5 ** 0.5
U = torch.randn(16, 3, generator=g) / 4
# %%
torch.randint(0, 10, (3,), generator=g)
# %%
rng.permutation(6)
# %%
perm = torch.randperm(len(X), generator=g)
X, Y = X[perm], Y[perm]
# %%
params = [W.requires_grad_(), U.requires_grad_()]
optimizer = torch.optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True)
# %%
# %%track generators
for k in range(35):
    ix = torch.randint(0, len(X), (24,), generator=g)
    xb = X[ix] + 0.1 * torch.as_tensor(rng.standard_normal((24, 5)), dtype=torch.float32)
    loss = nn.functional.cross_entropy(torch.relu(xb @ W) @ U, Y[ix])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
