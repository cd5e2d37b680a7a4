# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

net = nn.Linear(6, 5)
taus = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for xb, zb in zip(x.split(5), z.split(5)):
    e = zb - net(xb)
    opt.zero_grad()
    torch.maximum(taus * e, (taus - 1) * e).mean().backward()
    opt.step()
