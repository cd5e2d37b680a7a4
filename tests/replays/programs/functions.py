# ruff: noqa
# fmt: off
# order = [1, 2, 3, 4, 5, 6, 7, 6, 9, 8, 10, 11]
# Functions with keyword hyper-parameters; a helper is edited; helpers stand below their use.
# %%
# %load_ext nbtrack
# %%
import torch, torch.nn.functional as F
from torch import nn
from dataclasses import dataclass
# %%
@dataclass
class Config:
    width: int = 16
    depth: int = 2
    lr: float = 3e-3
    epochs: int = 3
cfg = Config()
cfg
# %%
X = torch.rand(300, 4) * 2 - 1
noise = torch.randn(300) * 0.05
y = torch.sin(3 * X[:, 0]) + X[:, 1] * X[:, 2] + noise
# %% [split]
def split(X, y, part=0.8):
    n = int(len(X) * part)
    return (X[:n], y[:n]), (X[n:], y[n:])
# %%
(train_x, train_y), (test_x, test_y) = split(X, y)
train_x.shape
# %% [split]
def split(X, y, part=0.75):
    order = torch.randperm(len(X))
    n = int(len(X) * part)
    return (X[order[:n]], y[order[:n]]), (X[order[n:]], y[order[n:]])
# %%
def batches(x, y, size):
    for i in torch.randperm(len(x)).split(size):
        yield x[i], y[i]

def fit(model, *, lr, epochs, batch_size=25, clip=None):
    opt = torch.optim.AdamW(model.parameters(), lr=lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for epoch in range(epochs):
        for xb, yb in batches(train_x, train_y, batch_size):
            loss = loss_of(model, xb, yb)
            opt.zero_grad()
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            opt.step()
        sched.step()
    return model
# %%
def loss_of(model, x, y, beta=0.5):
    return F.smooth_l1_loss(model(x)[:, 0], y, beta=beta)
# %%
def mlp(width, depth, drop=0.1):
    layers = [nn.Linear(4, width)]
    for _ in range(depth):
        layers += [nn.GELU(), nn.Dropout(drop), nn.Linear(width, width)]
    return nn.Sequential(*layers, nn.Linear(width, 1))
# %%
# %%track fit
model = fit(mlp(cfg.width, cfg.depth), lr=cfg.lr, epochs=cfg.epochs, clip=1.0)
test_loss = loss_of(model.eval(), test_x, test_y).item()
print("test", test_loss)
