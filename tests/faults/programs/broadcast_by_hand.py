# code: broadcast_loss
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
opt = torch.optim.Adam(net.parameters(), lr=0.01)


def rmse(p, t):
    return ((p - t) ** 2).mean().sqrt()


for xb, zb in zip(x.split(16), z.split(16)):
    opt.zero_grad()
    rmse(net(xb).squeeze(), zb).backward()  # sick
    # fixed: rmse(net(xb), zb).backward()
    opt.step()
