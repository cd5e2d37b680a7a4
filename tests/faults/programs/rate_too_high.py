# code: bad_lr
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
opt = torch.optim.SGD(model.parameters(), lr=500.0)  # sick
# fixed: opt = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(40):
    opt.zero_grad()
    F.cross_entropy(model(x), y).backward()
    opt.step()
