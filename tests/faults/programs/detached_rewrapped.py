# code: detached_graph
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

model = nn.Linear(6, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(15):
    opt.zero_grad()
    loss = F.mse_loss(model(x), z)
    loss = torch.tensor(loss.item(), requires_grad=True)  # sick
    loss.backward()
    opt.step()
