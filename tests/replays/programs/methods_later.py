# ruff: noqa
# fmt: off
# order = [1, 2, 4, 3, 6, 5, 7, 8, 10, 9, 11]
# A class that gets its methods one cell after the other, some of them above its definition.
# %%
# %load_ext nbtrack
# %%
import torch
from torch import nn
import numpy as np
# %%
def add_to(cls):
    def wrap(function):
        setattr(cls, function.__name__, function)
        return function
    return wrap
# %%
class Regression(nn.Module):
    def __init__(self, num_inputs, lr, sigma=0.1):
        super().__init__()
        self.w = nn.Parameter(torch.normal(0, sigma, (num_inputs, 1)))
        self.b = nn.Parameter(torch.zeros(1))
        self.lr = lr
# %%
@add_to(Regression)
def forward(self, X):
    return X @ self.w + self.b
# %%
@add_to(Regression)
def loss(self, y_hat, y):
    return ((y_hat - y) ** 2 / 2).mean()
# %%
class Data:
    pass
data = Data()
data.w, data.b, data.n = torch.tensor([2.0, -3.4]), 4.2, 200
data.X = torch.randn(data.n, 2)
data.y = (data.X @ data.w + data.b).reshape(-1, 1) + torch.randn(data.n, 1) * 0.01
# %%
def batches(self, size):
    order = np.random.permutation(self.n)
    for i in range(0, self.n, size):
        yield self.X[order[i:i + size]], self.y[order[i:i + size]]
Data.batches = batches
# %%
model = Regression(2, lr=0.03)
model(data.X[:3])
# %%
def configure(self):
    return torch.optim.SGD(self.parameters(), self.lr)
Regression.configure = configure
# %%
# %%track later
optim = model.configure()
for epoch in range(2):
    for X, y in data.batches(20):
        l = model.loss(model(X), y)
        optim.zero_grad()
        l.backward()
        optim.step()
