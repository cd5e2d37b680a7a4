# code: step_order
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
opt = torch.optim.Adam(model.parameters())
accumulate = 64  # sick
# fixed: accumulate = 4
for i, (xb, yb) in enumerate(zip(x.split(4), y.split(4))):
    (F.cross_entropy(model(xb), yb) / accumulate).backward()
    if (i + 1) % accumulate == 0:
        opt.step()
        opt.zero_grad()
