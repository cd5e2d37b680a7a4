# ruff: noqa
# fmt: off
# order = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
# A Trainer in a module that the notebook writes, twice.
# %%
# %load_ext nbtrack
# %%
import torch
from torch import nn
# %%
# %%writefile trainer.py
class Trainer:
    def __init__(self, model, lr):
        self.model, self.lr = model, lr
# %%
import trainer
trainer.Trainer(None, 0.1).lr
# %%
# %%writefile trainer.py
import torch


class Trainer:
    """Trains a model on two tensors."""

    def __init__(self, model, lr=0.05, batch_size=20):
        self.model = model
        self.batch_size = batch_size
        self.optimizer = torch.optim.RMSprop(model.parameters(), lr=lr)
        self.history = []

    def step(self, x, y):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(self.model(x)[:, 0], y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def fit(self, x, y, epochs):
        for _ in range(epochs):
            order = torch.randperm(len(x))
            for start in range(0, len(x), self.batch_size):
                i = order[start : start + self.batch_size]
                self.history.append(self.step(x[i], y[i]).item())
        return self
# %%
import importlib
importlib.reload(trainer)
from trainer import Trainer
# %%
x = torch.randn(200, 6)
y = (x[:, 0] * x[:, 1] > 0).float()
y.mean()
# %%
model = nn.Sequential(nn.Linear(6, 20), nn.ReLU(), nn.Linear(20, 1))
trainer_ = Trainer(model, lr=0.01)
# %%
print(trainer_.history)
# %%
# %%track trainer
trainer_.fit(x, y, epochs=3)
final = trainer_.history[-1]
