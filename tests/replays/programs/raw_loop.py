# ruff: noqa
# fmt: off
# order = [1, 2, 3, 4, 5, 6, 7, 8, 6, 9, 10, 11, 12]
# Two moons by hand, a DataLoader, a loop that is written out; nothing is seeded.
# %%
# %load_ext nbtrack
# %%
import math
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset, random_split
# %%
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
# %%
def moons(n, noise=0.1):
    t = np.random.rand(n) * math.pi
    upper = np.stack([np.cos(t), np.sin(t)], 1)
    lower = np.stack([1 - np.cos(t), 0.5 - np.sin(t)], 1)
    x = np.concatenate([upper, lower]) + noise * np.random.randn(2 * n, 2)
    return x.astype("float32"), np.repeat([0, 1], n)
# %%
x, y = moons(200)
x.shape, y.mean()
# %%
plt.figure(figsize=(3, 3))
plt.scatter(x[:, 0], x[:, 1], c=y, s=4)
plt.title("what are we looking at")
plt.show()
# %%
dataset = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
train, held_out = random_split(dataset, [320, 80])
batch_size = 32
loader = DataLoader(train, batch_size=batch_size, shuffle=True)
# %%
xb, yb = next(iter(loader))
print(xb.shape, yb[:5])
# %%
net = nn.Sequential(nn.Linear(2, 24), nn.ReLU(), nn.Dropout(0.2), nn.Linear(24, 2))
sum(p.numel() for p in net.parameters())
# %%
scratch = [float(v) ** 2 for v in torch.randn(5)]
print("unrelated", scratch)
# %%
# %%track raw
optimizer = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()
for epoch in range(4):
    net.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        idx = held_out.indices
        val_acc = (net(dataset.tensors[0][idx]).argmax(1) == dataset.tensors[1][idx]).float().mean().item()
    print(f"epoch {epoch}: val_acc={val_acc:.3f}")
# %%
print("done", val_acc)
