# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

G = nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 6))
D = nn.Sequential(nn.Linear(6, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
g_opt = torch.optim.Adam(G.parameters(), lr=1e-3)
d_opt = torch.optim.Adam(D.parameters(), lr=1e-3)
bce, one, nil = nn.BCEWithLogitsLoss(), torch.ones(64, 1), torch.zeros(64, 1)
for _ in range(20):
    fake = G(torch.randn(64, 3))
    d_opt.zero_grad()
    (bce(D(x), one) + bce(D(fake.detach()), nil)).backward()
    d_opt.step()
    g_opt.zero_grad()
    bce(D(fake), one).backward()
    g_opt.step()
