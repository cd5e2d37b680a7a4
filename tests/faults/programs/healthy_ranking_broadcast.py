# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

net = nn.Linear(6, 1)
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(20):
    s = net(x).squeeze(1)
    margin = s[:, None] - s[None, :]
    wins = (z > z.T).float()
    opt.zero_grad()
    (F.softplus(-margin) * wins).mean().backward()
    opt.step()
