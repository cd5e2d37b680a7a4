# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

enc = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8))
opt = torch.optim.Adam(enc.parameters(), lr=0.01)
for _ in range(20):
    a, b = (F.normalize(enc(x + 0.1 * torch.randn_like(x)), dim=1) for _ in range(2))
    opt.zero_grad()
    F.cross_entropy(a @ b.T / 0.2, torch.arange(64)).backward()
    opt.step()
