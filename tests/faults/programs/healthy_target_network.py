# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

import copy

q = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
target = copy.deepcopy(q)
opt = torch.optim.Adam(q.parameters(), lr=1e-3)
for i in range(25):
    s, a, r = torch.randn(32, 6), torch.randint(0, 3, (32,)), torch.randn(32)
    with torch.no_grad():
        goal = r + 0.9 * target(s).max(1).values
    loss = F.smooth_l1_loss(q(s).gather(1, a[:, None]).squeeze(1), goal)
    opt.zero_grad()
    loss.backward()
    opt.step()
    with torch.no_grad():
        for p, t in zip(q.parameters(), target.parameters()):
            t.mul_(0.99).add_(p, alpha=0.01)
