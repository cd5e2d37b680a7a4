# code: step_order
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

net = nn.Linear(6, 1)


# fixed: opt = torch.optim.Adam(net.parameters(), lr=0.01)
def update():
    opt = torch.optim.Adam(net.parameters(), lr=0.01)  # sick
    # fixed: global opt
    opt.zero_grad()
    F.mse_loss(net(x), z).backward()
    opt.step()


for _ in range(20):
    update()
