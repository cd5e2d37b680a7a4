# code: wrong_loss
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

model = nn.Linear(6, 1)  # sick
# fixed: model = nn.Linear(6, 2)
target = torch.zeros(64, dtype=torch.long)  # sick
# fixed: target = y
opt = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(20):
    opt.zero_grad()
    F.cross_entropy(model(x), target).backward()
    opt.step()
