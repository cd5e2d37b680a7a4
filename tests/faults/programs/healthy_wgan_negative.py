# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

G, D = nn.Linear(3, 6), nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
g_opt = torch.optim.RMSprop(G.parameters(), lr=1e-3)
d_opt = torch.optim.RMSprop(D.parameters(), lr=1e-3)
for i in range(25):
    d_opt.zero_grad()
    loss = D(G(torch.randn(64, 3)).detach()).mean() - D(x).mean()
    loss.backward()
    d_opt.step()
    for p in D.parameters():
        p.data.clamp_(-0.1, 0.1)
    if i % 5 == 4:
        g_opt.zero_grad()
        (-D(G(torch.randn(64, 3))).mean()).backward()
        g_opt.step()
