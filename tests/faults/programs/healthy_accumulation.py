# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

model = nn.Linear(6, 2)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
opt.zero_grad()
for epoch in range(3):
    for i, (xb, yb) in enumerate(zip(x.split(4), y.split(4))):
        (F.cross_entropy(model(xb), yb) / 4).backward()
        if (i + 1) % 4 == 0:
            opt.step()
            opt.zero_grad()
