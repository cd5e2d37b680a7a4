# ruff: noqa
# fmt: off
# order = [1, 2, 3, 4, 5, 6, 7, 8, 9]
# Two worker processes, each of which augments with random numbers of its own.
# %%
# %load_ext nbtrack
# %%
import random
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
# %%
points = np.random.uniform(-2, 2, size=(240, 3)).astype("float32")
targets = (points ** 2).sum(1)
# %%
targets[:4], points.min(), points.max()
# %%
class Jittered(Dataset):
    def __init__(self, points, targets, scale=0.05):
        self.points, self.targets, self.scale = points, targets, scale
    def __len__(self):
        return len(self.points)
    def __getitem__(self, i):
        p = torch.from_numpy(self.points[i]) + self.scale * torch.randn(3)
        if random.random() < 0.5:
            p = -p
        return p, torch.tensor(self.targets[i])
# %%
data = Jittered(points, targets)
data[0]
# %%
loader = DataLoader(data, batch_size=40, shuffle=True, num_workers=2, drop_last=True)
len(loader)
# %%
model = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 1))
# %%
# %%track workers
opt = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
for epoch in range(2):
    total = 0.0
    for p, t in loader:
        loss = ((model(p).squeeze(1) - t) ** 2).mean()
        opt.zero_grad(); loss.backward(); opt.step()
        total += loss.item() * len(p)
    epoch_loss = total / len(data)
