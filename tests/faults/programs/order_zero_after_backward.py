# code: step_order
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

model = nn.Linear(6, 2)
opt = torch.optim.SGD(model.parameters(), lr=0.05)
for step in range(20):
    # fixed: opt.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    opt.zero_grad()  # sick
    opt.step()
