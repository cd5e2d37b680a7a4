# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

backbone, head = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.BatchNorm1d(16)), nn.Linear(16, 2)
for p in backbone.parameters():
    p.requires_grad_(False)
backbone.eval()
opt = torch.optim.Adam(head.parameters(), lr=0.01)
for _ in range(25):
    opt.zero_grad()
    F.cross_entropy(head(backbone(x)), y).backward()
    opt.step()
