"""Training written in many styles, and the hyper-parameters each of them has.

Of every style: its cells, what a person would call its hyper-parameters, and what of that the
code alone does not say (None: it says nothing).
"""

from __future__ import annotations

from typing import Any

STYLES: dict[str, tuple[list[str], dict[str, Any], dict[str, Any]]] = {}

STYLES["a raw loop"] = (
    [
        """\
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(96, 4); y = (x.sum(1) > 0).long()
n_points = 96
""",
        """\
lr = 0.05
epochs = 3
batch_size = 32
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.25), nn.Linear(16, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
losses = []
best = 1e9
for epoch in range(epochs):
    total = 0.0
    for i in range(0, len(x), batch_size):
        xb, yb = x[i:i+batch_size], y[i:i+batch_size]
        loss = nn.functional.cross_entropy(model(xb), yb)
        optimizer.zero_grad(); loss.backward(); optimizer.step()
        total += loss.item()
    acc = (model(x).argmax(1) == y).float().mean().item()
    if total < best:
        best = total
    losses.append(total)
    if epoch % 10 == 0:
        print(f"{epoch} {acc:.3f}")
""",
    ],
    {
        "seed": 0,
        "epochs": 3,
        "batch_size": 32,
        "dropout": 0.25,
        "lr": 0.05,
        "momentum": 0.9,
        "optimizer": "SGD",
        "model": "Sequential",
        "hidden": 16,
    },
    {"hidden": None},
)

STYLES["functions with defaults"] = (
    [
        """\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
x = torch.randn(64, 3); y = x.sum(1, keepdim=True)
def make_model(hidden=8, p=0.1):
    return nn.Sequential(nn.Linear(3, hidden), nn.Tanh(), nn.Dropout(p), nn.Linear(hidden, 1))
def fit(model, data, lr=0.1, epochs=5, verbose=False, title="run"):
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(epochs):
        for xb, yb in data:
            loss = ((model(xb) - yb) ** 2).mean()
            opt.zero_grad(); loss.backward(); opt.step()
        if verbose:
            print(title, loss.item())
    return loss.item()
""",
        """\
loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
model = make_model(hidden=12)
final_loss = fit(model, loader, epochs=2)
""",
    ],
    {
        "epochs": 2,
        "batch_size": 16,
        "shuffle": True,
        "hidden": 12,
        "p": 0.1,
        "lr": 0.1,
        "optimizer": "Adam",
        "model": "Sequential",
        "num_workers": 0,
        "drop_last": False,
        "dropout": 0.1,
    },
    {"num_workers": None, "drop_last": None, "dropout": None},
)

STYLES["a Trainer class"] = (
    [
        """\
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self, n_in, hidden, p_drop=0.3):
        super().__init__()
        self.a = nn.Linear(n_in, hidden)
        self.drop = nn.Dropout(p_drop)
        self.b = nn.Linear(hidden, 1)
    def forward(self, x):
        return self.b(self.drop(torch.relu(self.a(x))))
class Trainer:
    def __init__(self, model, lr, epochs=4, weight_decay=0.0):
        self.model = model
        self.epochs = epochs
        self.opt = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
        self.best_loss = float("inf")
        self.history = []
    def step(self, x, y):
        loss = ((self.model(x) - y) ** 2).mean()
        self.opt.zero_grad(); loss.backward(); self.opt.step()
        return loss
    def fit(self, x, y):
        for epoch in range(self.epochs):
            loss = self.step(x, y)
            self.best_loss = min(self.best_loss, loss.item())
            self.history.append(loss.item())
""",
        """\
X = torch.randn(32, 5); Y = X.sum(1, keepdim=True)
trainer = Trainer(Net(5, hidden=10), lr=0.02, weight_decay=0.1)
trainer.fit(X, Y)
""",
    ],
    {
        "epochs": 4,
        "n_in": 5,
        "hidden": 10,
        "p_drop": 0.3,
        "lr": 0.02,
        "weight_decay": 0.1,
        "optimizer": "AdamW",
        "model": "Net",
    },
    {},
)

STYLES["a dataclass as config"] = (
    [
        """\
from dataclasses import dataclass, field
import torch
from torch import nn
@dataclass
class Config:
    lr: float = 0.1
    epochs: int = 3
    betas: tuple = (0.9, 0.99)
    hidden: int = 6
    seed: int = 1
    sizes: list = field(default_factory=lambda: [4, 4])
config = Config(lr=0.03)
""",
        """\
torch.manual_seed(config.seed)
model = nn.Sequential(nn.Linear(2, config.hidden), nn.Linear(config.hidden, 1))
opt = torch.optim.Adam(model.parameters(), lr=config.lr, betas=config.betas)
for epoch in range(config.epochs):
    loss = model(torch.randn(8, 2)).pow(2).mean()
    opt.zero_grad(); loss.backward(); opt.step()
""",
    ],
    {
        "seed": 1,
        "lr": 0.03,
        "epochs": 3,
        "betas": [0.9, 0.99],
        "hidden": 6,
        "sizes": [4, 4],
        "optimizer": "Adam",
        "model": "Sequential",
    },
    {},
)

STYLES["argparse"] = (
    [
        """\
import argparse, torch
from torch import nn
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--batch-size", type=int, default=8)
parser.add_argument("-n", "--epochs", type=int, default=2)
parser.add_argument("--verbose", action="store_true")
args = parser.parse_args(["--lr", "0.25"])
""",
        """\
model = nn.Linear(2, 1)
opt = torch.optim.SGD(model.parameters(), lr=args.lr)
for epoch in range(args.epochs):
    loss = model(torch.randn(args.batch_size, 2)).pow(2).mean()
    opt.zero_grad(); loss.backward(); opt.step()
""",
    ],
    {"lr": 0.25, "batch_size": 8, "epochs": 2, "optimizer": "SGD", "model": "Linear"},
    {},
)

STYLES["a nested dict, unpacked"] = (
    [
        """\
import torch
from torch import nn
model_config = {"hidden": 7, "dropout": 0.2}
optim_config = {"lr": 0.01, "weight_decay": 0.05}
config = {"model": model_config, "optim": optim_config, "epochs": 2}
class Net(nn.Module):
    def __init__(self, hidden, dropout):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, hidden), nn.Dropout(dropout), nn.Linear(hidden, 1))
    def forward(self, x):
        return self.net(x)
""",
        """\
config["epochs"] = 3
net = Net(**config["model"])
opt = torch.optim.AdamW(net.parameters(), **config["optim"])
for epoch in range(config["epochs"]):
    l = net(torch.randn(4, 2)).pow(2).mean()
    opt.zero_grad(); l.backward(); opt.step()
""",
    ],
    {
        "epochs": 3,
        "hidden": 7,
        "dropout": 0.2,
        "lr": 0.01,
        "weight_decay": 0.05,
        "optimizer": "AdamW",
        "model": "Net",
    },
    {},
)

STYLES["plain tensors with SGD by hand"] = (
    [
        """\
import torch
g = torch.Generator().manual_seed(2147483647)
block_size = 3
n_embd = 4
n_hidden = 10
vocab_size = 5
X = torch.randint(0, vocab_size, (50, block_size), generator=g)
Y = torch.randint(0, vocab_size, (50,), generator=g)
C = torch.randn((vocab_size, n_embd), generator=g)
W1 = torch.randn((n_embd * block_size, n_hidden), generator=g)
W2 = torch.randn((n_hidden, vocab_size), generator=g) * 0.1
parameters = [C, W1, W2]
for p in parameters:
    p.requires_grad = True
""",
        """\
max_steps = 20
batch_size = 8
lossi = []
for i in range(max_steps):
    ix = torch.randint(0, X.shape[0], (batch_size,), generator=g)
    emb = C[X[ix]]
    h = torch.tanh(emb.view(emb.shape[0], -1) @ W1)
    logits = h @ W2
    loss = torch.nn.functional.cross_entropy(logits, Y[ix])
    for p in parameters:
        p.grad = None
    loss.backward()
    lr = 0.1 if i < 10 else 0.01
    for p in parameters:
        p.data += -lr * p.grad
    lossi.append(loss.log10().item())
""",
    ],
    {
        "seed": 2147483647,
        "steps": 20,
        "max_steps": 20,
        "block_size": 3,
        "batch_size": 8,
        "n_embd": 4,
        "n_hidden": 10,
        "vocab_size": 5,
        "lr": 0.1,
    },
    {},
)

STYLES["gradients derived by hand"] = (
    [
        """\
import numpy as np, torch
rng = np.random.default_rng(3)
x = torch.linspace(0, 1, 50)
y = 2 * x + 1
w = 0.0
b = 0.0
alpha = 0.5
n_iter = 30
""",
        """\
for step in range(n_iter):
    err = w * x + b - y
    dw = (err * x).mean(); db = err.mean()
    w -= alpha * dw
    b -= alpha * db
    mse = (err ** 2).mean()
""",
    ],
    {"seed": 3, "steps": 30, "n_iter": 30, "alpha": 0.5},
    {},
)

STYLES["two optimizers"] = (
    [
        """\
import torch
from torch import nn
latent_dim = 3
G = nn.Sequential(nn.Linear(latent_dim, 8), nn.ReLU(), nn.Linear(8, 2))
D = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-4, betas=(0.5, 0.999))
""",
        """\
bce = nn.BCEWithLogitsLoss()
for epoch in range(2):
    real = torch.randn(16, 2)
    fake = G(torch.randn(16, latent_dim))
    errD = bce(D(real), torch.ones(16, 1)) + bce(D(fake.detach()), torch.zeros(16, 1))
    opt_d.zero_grad(); errD.backward(); opt_d.step()
    errG = bce(D(fake), torch.ones(16, 1))
    opt_g.zero_grad(); errG.backward(); opt_g.step()
""",
    ],
    {
        "epochs": 2,
        "latent_dim": 3,
        "negative_slope": 0.2,
        "opt_d.lr": 0.0001,
        "opt_d.betas": [0.5, 0.999],
        "opt_g.lr": 0.0002,
        "opt_g.betas": [0.5, 0.999],
        "opt_d.optimizer": "Adam",
        "opt_g.optimizer": "Adam",
        "optimizer": "Adam",
        "model": "Sequential",
        "hidden": 8,
    },
    {"hidden": None},
)

STYLES["literals in calls"] = (
    [
        """\
import torch, random
import torch.optim as optim
from torch import nn
random.seed(7)
x = torch.randn(20, 3)
""",
        """\
torch.manual_seed(5)
net = nn.Linear(3, 1)
opt = optim.SGD(net.parameters(), 0.3, 0.8)
sched = optim.lr_scheduler.StepLR(opt, 2, gamma=0.5)
for _ in range(6):
    opt.zero_grad()
    net(x).pow(2).mean().backward()
    nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)
    opt.step()
    sched.step()
""",
    ],
    {
        "random.seed": 7,
        "seed": 5,
        "steps": 6,
        "lr": 0.3,
        "momentum": 0.8,
        "max_norm": 1.0,
        "step_size": 2,
        "gamma": 0.5,
        "optimizer": "SGD",
        "model": "Linear",
        "scheduler": "StepLR",
    },
    {},
)

STYLES["arguments through partial"] = (
    [
        """\
import torch, functools
from functools import partial
from torch import nn
def train(model, x, lr, steps=3, *, wd=0.0):
    opt = torch.optim.SGD(model.parameters(), lr=lr, weight_decay=wd)
    for step in range(steps):
        loss = model(x).abs().mean()
        opt.zero_grad(); loss.backward(); opt.step()
quick = partial(train, lr=0.4, wd=0.01)
""",
        """\
quick(nn.Linear(2, 1), torch.randn(5, 2), steps=4)
""",
    ],
    {
        "steps": 4,
        "lr": 0.4,
        "weight_decay": 0.01,
        "wd": 0.01,
        "optimizer": "SGD",
        "model": "Linear",
    },
    {},
)

STYLES["functions in functions"] = (
    [
        """\
import torch
from torch import nn
LR = 0.2
WARMUP = 2
def experiment(width=4):
    model = nn.Sequential(nn.Linear(2, width), nn.Linear(width, 1))
    opt = torch.optim.SGD(model.parameters(), lr=LR)
    def closure():
        opt.zero_grad()
        loss = model(torch.ones(3, 2)).pow(2).mean()
        loss.backward()
        return loss
    def run(turns):
        for it in range(turns):
            if it < WARMUP:
                opt.param_groups[0]["lr"] = LR * (it + 1) / WARMUP
            opt.step(closure)
    run(5)
""",
        """\
experiment()
""",
    ],
    {
        "steps": 5,
        "turns": 5,
        "WARMUP": 2,
        "LR": 0.2,
        "width": 4,
        "lr": 0.2,
        "optimizer": "SGD",
        "model": "Sequential",
    },
    {},
)

STYLES["a small language model"] = (
    [
        """\
import torch
from torch import nn
from torch.nn import functional as F
text = "hello world, this is a small text" * 4
chars = sorted(set(text))
vocab_size = len(chars)
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])
block_size = 4
batch_size = 6
n_embd = 8
n_head = 2
dropout = 0.1
learning_rate = 1e-2
max_iters = 4
eval_interval = 2
eval_iters = 2
device = "cpu"
def get_batch(split):
    ix = torch.randint(len(data) - block_size, (batch_size,))
    x = torch.stack([data[i:i+block_size] for i in ix])
    y = torch.stack([data[i+1:i+block_size+1] for i in ix])
    return x.to(device), y.to(device)
@torch.no_grad()
def estimate_loss():
    return sum(model(*get_batch("val"))[1].item() for _ in range(eval_iters)) / eval_iters
class Head(nn.Module):
    def __init__(self, head_size):
        super().__init__()
        self.key = nn.Linear(n_embd, head_size, bias=False)
        self.dropout = nn.Dropout(dropout)
    def forward(self, x):
        return self.dropout(self.key(x))
class LM(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(vocab_size, n_embd)
        self.heads = nn.ModuleList([Head(n_embd // n_head) for _ in range(n_head)])
        self.out = nn.Linear(n_embd, vocab_size)
    def forward(self, idx, targets=None):
        x = self.emb(idx)
        x = torch.cat([h(x) for h in self.heads], dim=-1)
        logits = self.out(x)
        return logits, F.cross_entropy(logits.view(-1, vocab_size), targets.view(-1))
""",
        """\
torch.manual_seed(1337)
model = LM().to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
for iter in range(max_iters):
    if iter % eval_interval == 0:
        losses = estimate_loss()
        print(f"step {iter}: {losses:.4f}")
    xb, yb = get_batch("train")
    logits, loss = model(xb, yb)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
""",
    ],
    {
        "seed": 1337,
        "steps": 4,
        "max_iters": 4,
        "block_size": 4,
        "batch_size": 6,
        "device": "cpu",
        "n_embd": 8,
        "head_size": 4,
        "n_head": 2,
        "dropout": 0.1,
        "lr": 0.01,
        "learning_rate": 0.01,
        "optimizer": "AdamW",
        "model": "LM",
    },
    {},
)

STYLES["a loader by hand, and a computed rate"] = (
    [
        """\
import torch
from torch import nn
x = torch.randn(30, 2)
def batches(data, size, shuffle=True):
    order = torch.randperm(len(data)) if shuffle else torch.arange(len(data))
    for start in range(0, len(data), size):
        yield data[order[start:start + size]]
""",
        """\
scale = 0.5
base = 0.2
lr = base * scale
net = nn.Linear(2, 2)
opt = torch.optim.RMSprop(net.parameters(), lr=lr)
for ep in range(3):
    for xb in batches(x, 10):
        loss = net(xb).pow(2).mean()
        opt.zero_grad(); loss.backward(); opt.step()
    lr *= 0.9
    for group in opt.param_groups:
        group["lr"] = lr
""",
    ],
    {
        "epochs": 3,
        "shuffle": True,
        "size": 10,
        "lr": 0.1,
        "base": 0.2,
        "scale": 0.5,
        "optimizer": "RMSprop",
        "model": "Linear",
    },
    {},
)

STYLES["a namespace passed to main"] = (
    [
        """\
from types import SimpleNamespace
import torch
from torch import nn
cfg = SimpleNamespace(lr=0.1, epochs=2, batch_size=4, api_token="abc", fig=None)
""",
        """\
def main(cfg):
    torch.manual_seed(3)
    model = nn.Linear(2, 1)
    opt = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=0.5)
    for epoch in range(cfg.epochs):
        loss = model(torch.randn(cfg.batch_size, 2)).mean()
        opt.zero_grad(); loss.backward(); opt.step()
main(cfg)
""",
    ],
    {
        "seed": 3,
        "epochs": 2,
        "lr": 0.1,
        "batch_size": 4,
        "momentum": 0.5,
        "optimizer": "SGD",
        "model": "Linear",
    },
    {},
)

STYLES["a held-out loader, and a rate set by an if"] = (
    [
        """\
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
ds = TensorDataset(torch.randn(40, 2), torch.randn(40, 1))
train_ds, val_ds = random_split(ds, [30, 10])
train_loader = DataLoader(train_ds, batch_size=5, shuffle=True, drop_last=True)
val_loader = DataLoader(val_ds, batch_size=10)
fast = True
if fast:
    lr = 0.5
else:
    lr = 0.05
""",
        """\
model = nn.Linear(2, 1)
criterion = nn.MSELoss()
opt = torch.optim.Adagrad(model.parameters(), lr)
patience = 3
bad = 0
for epoch in range(1, 4):
    model.train()
    for xb, yb in train_loader:
        loss = criterion(model(xb), yb)
        opt.zero_grad(); loss.backward(); opt.step()
    model.eval()
    val_loss = 0
    with torch.no_grad():
        for xb, yb in val_loader:
            val_loss += criterion(model(xb), yb).item()
    if bad > patience:
        break
""",
    ],
    {
        "epochs": 3,
        "batch_size": 5,
        "shuffle": True,
        "drop_last": True,
        "lr": 0.5,
        "fast": True,
        "optimizer": "Adagrad",
        "model": "Linear",
        "train_loader.batch_size": 5,
        "val_loader.batch_size": 10,
        "train_loader.shuffle": True,
        "val_loader.shuffle": False,
        "num_workers": 0,
        "train_loader.drop_last": True,
        "val_loader.drop_last": False,
    },
    {
        "lr": 0.05,
        "train_loader.batch_size": None,
        "val_loader.batch_size": None,
        "train_loader.shuffle": None,
        "val_loader.shuffle": None,
        "num_workers": None,
        "train_loader.drop_last": None,
        "val_loader.drop_last": None,
    },
)

STYLES["methods added later"] = (
    [
        """\
import torch
from torch import nn
def add_to_class(Class):
    def wrapper(f):
        setattr(Class, f.__name__, f)
    return wrapper
class Trainer:
    def __init__(self, max_epochs, clip=0.0):
        self.max_epochs = max_epochs
        self.clip = clip
class Model(nn.Module):
    def __init__(self, lr, num_hiddens=5):
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(nn.Linear(2, num_hiddens), nn.Linear(num_hiddens, 1))
    def forward(self, x):
        return self.net(x)
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr)
""",
        """\
@add_to_class(Trainer)
def fit(self, model, x):
    self.optim = model.configure_optimizers()
    self.epoch = 0
    for self.epoch in range(self.max_epochs):
        loss = model(x).pow(2).mean()
        self.optim.zero_grad()
        loss.backward()
        if self.clip > 0:
            nn.utils.clip_grad_norm_(model.parameters(), self.clip)
        self.optim.step()
""",
        """\
model = Model(lr=0.03)
trainer = Trainer(max_epochs=2, clip=1.5)
trainer.fit(model, torch.randn(6, 2))
""",
    ],
    {
        "epochs": 2,
        "max_epochs": 2,
        "lr": 0.03,
        "num_hiddens": 5,
        "clip": 1.5,
        "optimizer": "SGD",
        "model": "Model",
    },
    {},
)

STYLES["a plot's settings, and a rate inside an if expression"] = (
    [
        """\
import torch
from torch import nn
figsize = (9, 3)
alpha = 0.3
colors = ["red", "blue"]
n_samples = 30
noise = 0.1
x = torch.randn(n_samples, 2) * noise
""",
        """\
net = nn.Linear(2, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1 if torch.cuda.is_available() else 0.01)
l2 = 1e-3
while True:
    loss = net(x).pow(2).mean() + l2 * net.weight.pow(2).sum()
    opt.zero_grad(); loss.backward(); opt.step()
    if loss < 10:
        break
threshold = 0.5
accuracy = float((net(x) > threshold).float().mean())
""",
    ],
    {"l2": 0.001, "optimizer": "SGD", "model": "Linear", "lr": 0.01},
    {"lr": None},
)

STYLES["a plain class as config"] = (
    [
        """\
import torch
from torch import nn
class Config:
    lr = 0.07
    num_epochs = 2
    batch = 4
    plot_every = 5
def train_one_epoch(model, opt, batch_size):
    for _ in range(3):
        loss = model(torch.randn(batch_size, 2)).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        opt.step()
    return loss.item()
""",
        """\
net = nn.Linear(2, 1)
opt = torch.optim.SGD(net.parameters(), lr=Config.lr, nesterov=True, momentum=0.9)
for epoch in range(Config.num_epochs):
    train_loss = train_one_epoch(net, opt, Config.batch)
    val_loss = train_loss * 2
""",
    ],
    {
        "epochs": 2,
        "lr": 0.07,
        "num_epochs": 2,
        "batch": 4,
        "steps": 3,
        "nesterov": True,
        "momentum": 0.9,
        "max_norm": 0.5,
        "optimizer": "SGD",
        "model": "Linear",
    },
    {},
)

STYLES["a while loop with a decay"] = (
    [
        """\
import torch
w = torch.zeros(3, requires_grad=True)
x = torch.randn(10, 3); y = x @ torch.tensor([1.0, 2.0, 3.0])
eta, decay = 0.1, 0.99
""",
        """\
step = 0
while step < 12:
    loss = ((x @ w - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= eta * w.grad
    w.grad = None
    eta *= decay
    step += 1
""",
    ],
    {"steps": 12, "decay": 0.99, "eta": 0.1},
    {},
)

STYLES["a closure"] = (
    [
        """\
import torch
from torch import nn
x = torch.linspace(0, 1, 20).unsqueeze(1); y = x ** 2
model = nn.Sequential(nn.Linear(1, 5), nn.Tanh(), nn.Linear(5, 1))
opt = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=10, history_size=5)
""",
        """\
def closure():
    opt.zero_grad()
    l = ((model(x) - y) ** 2).mean()
    l.backward()
    return l
for i in range(3):
    opt.step(closure)
""",
    ],
    {
        "steps": 3,
        "lr": 0.5,
        "max_iter": 10,
        "history_size": 5,
        "optimizer": "LBFGS",
        "model": "Sequential",
        "hidden": 5,
    },
    {"hidden": None},
)

STYLES["a scheduler that sets the rate"] = (
    [
        """\
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
BATCH_SIZE = 8
EPOCHS = 2
MAX_LR = 0.1
ds = TensorDataset(torch.randn(32, 2), torch.randn(32, 1))
dl = DataLoader(ds, BATCH_SIZE, True)
""",
        """\
model = nn.Linear(2, 1)
opt = torch.optim.SGD(model.parameters(), lr=1e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=MAX_LR, total_steps=EPOCHS * len(dl))
for epoch in range(EPOCHS):
    for xb, yb in dl:
        loss = nn.functional.mse_loss(model(xb), yb)
        opt.zero_grad(); loss.backward(); opt.step(); sched.step()
""",
    ],
    {
        "epochs": 2,
        "EPOCHS": 2,
        "batch_size": 8,
        "BATCH_SIZE": 8,
        "shuffle": True,
        "lr": 0.004,
        "MAX_LR": 0.1,
        "optimizer": "SGD",
        "model": "Linear",
        "scheduler": "OneCycleLR",
        "num_workers": 0,
        "drop_last": False,
    },
    {"lr": 0.001, "num_workers": None, "drop_last": None},
)

STYLES["a grid"] = (
    [
        """\
import torch
from torch import nn
def train(lr, steps=3):
    m = nn.Linear(1, 1)
    o = torch.optim.SGD(m.parameters(), lr=lr)
    for _ in range(steps):
        l = m(torch.ones(1, 1)).pow(2).sum()
        o.zero_grad(); l.backward(); o.step()
    return l.item()
""",
        """\
results = {}
for lr in [0.1, 0.01]:
    results[lr] = train(lr, steps=2)
best = min(results, key=results.get)
""",
    ],
    {
        "steps": 2,
        "optimizer": "SGD",
        "model": "Linear",
        "optimizer1.optimizer": "SGD",
        "optimizer2.optimizer": "SGD",
        "optimizer1.lr": 0.1,
        "optimizer2.lr": 0.01,
    },
    {
        "optimizer1.optimizer": None,
        "optimizer2.optimizer": None,
        "optimizer1.lr": None,
        "optimizer2.lr": None,
    },
)

STYLES["keyword arguments passed on"] = (
    [
        """\
import torch
from torch import nn
def fit(model, **kw):
    opt = torch.optim.SGD(model.parameters(), lr=kw["lr"], weight_decay=kw.get("weight_decay", 0.0))
    for epoch in range(kw["epochs"]):
        loss = model(torch.ones(2, 2)).pow(2).mean()
        opt.zero_grad(); loss.backward(); opt.step()
hparams = dict(lr=0.2, weight_decay=0.3, epochs=2)
""",
        """\
fit(nn.Linear(2, 2), **hparams)
""",
    ],
    {"lr": 0.2, "weight_decay": 0.3, "epochs": 2, "optimizer": "SGD", "model": "Linear"},
    {},
)

STYLES["a line fit with known weights"] = (
    [
        """\
import torch
from torch import nn
weight = 0.7
bias = 0.3
start, end, spacing = 0, 1, 0.02
X = torch.arange(start, end, spacing).unsqueeze(dim=1)
y = weight * X + bias
train_split = int(0.8 * len(X))
X_train, y_train = X[:train_split], y[:train_split]
class LinearRegressionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(torch.randn(1))
        self.bias = nn.Parameter(torch.randn(1))
    def forward(self, x):
        return self.weights * x + self.bias
""",
        """\
torch.manual_seed(42)
model_0 = LinearRegressionModel()
loss_fn = nn.L1Loss()
optimizer = torch.optim.SGD(params=model_0.parameters(), lr=0.01)
epochs = 5
train_loss_values = []
for epoch in range(epochs):
    model_0.train()
    y_pred = model_0(X_train)
    loss = loss_fn(y_pred, y_train)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    model_0.eval()
    with torch.inference_mode():
        test_pred = model_0(X_train)
    if epoch % 10 == 0:
        train_loss_values.append(loss.detach().numpy())
        print(f"Epoch: {epoch} | MAE Train Loss: {loss} ")
""",
    ],
    {"seed": 42, "epochs": 5, "lr": 0.01, "optimizer": "SGD", "model": "LinearRegressionModel"},
    {},
)

STYLES["torch.func"] = (
    [
        """\
import torch
from torch.func import grad
def loss_fn(params, x):
    w, b = params
    return ((x * w + b) ** 2).mean()
""",
        """\
momentum = 0.9
lr = 0.3
w = torch.ones(()); b = torch.zeros(())
v = 0.0
x = torch.randn(10)
for t in range(1, 5):
    gw, gb = grad(loss_fn)((w, b), x)
    v = momentum * v + gw
    w = w - lr * v
    b = b - lr * gb
""",
    ],
    {"steps": 4, "lr": 0.3, "momentum": 0.9},
    {},
)

STYLES["functions from a textbook"] = (
    [
        """\
import torch
from torch import nn
from torch.utils.data import TensorDataset, DataLoader
batch_size, lr, num_epochs = 10, 0.03, 3
features = torch.randn(50, 2); labels = features.sum(1, keepdim=True)
def load_array(data_arrays, batch_size, is_train=True):
    dataset = TensorDataset(*data_arrays)
    return DataLoader(dataset, batch_size, shuffle=is_train)
data_iter = load_array((features, labels), batch_size)
def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            param -= lr * param.grad / batch_size
            param.grad.zero_()
def linreg(X, w, b):
    return torch.matmul(X, w) + b
w = torch.normal(0, 0.01, size=(2, 1), requires_grad=True)
b = torch.zeros(1, requires_grad=True)
""",
        """\
net = linreg
for epoch in range(num_epochs):
    for X, y in data_iter:
        l = (net(X, w, b) - y) ** 2
        l.sum().backward()
        sgd([w, b], lr, batch_size)
    with torch.no_grad():
        train_l = ((net(features, w, b) - labels) ** 2).mean()
        print(f'epoch {epoch + 1}, loss {float(train_l):f}')
""",
    ],
    {
        "epochs": 3,
        "num_epochs": 3,
        "batch_size": 10,
        "shuffle": True,
        "is_train": True,
        "lr": 0.03,
        "num_workers": 0,
        "drop_last": False,
    },
    {"num_workers": None, "drop_last": None},
)

STYLES["batches by split"] = (
    [
        """\
import torch
from sklearn.datasets import load_digits
from torch import nn
torch.set_num_threads(1)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
train_x, train_y = x[order[:1400]], y[order[:1400]]
""",
        """\
lr = 1.0

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)

for epoch in range(2):
    for batch in torch.randperm(len(train_x)).split(50):
        loss = nn.functional.cross_entropy(model(train_x[batch]), train_y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        val_accuracy = (model(x).argmax(1) == y).float().mean().item()
""",
    ],
    {
        "seed": 0,
        "epochs": 2,
        "batch_size": 50,
        "lr": 1.0,
        "momentum": 0.9,
        "optimizer": "SGD",
        "model": "Sequential",
        "hidden": 64,
    },
    {"hidden": None},
)
