# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

body, head = nn.Linear(6, 8), nn.Linear(8, 2)
opt = torch.optim.Adam(head.parameters(), lr=0.01)
for p in body.parameters():
    p.requires_grad = False
for epoch in range(20):
    if epoch == 10:
        for p in body.parameters():
            p.requires_grad = True
        opt.add_param_group({"params": list(body.parameters()), "lr": 1e-3})
    opt.zero_grad()
    F.cross_entropy(head(body(x).relu()), y).backward()
    opt.step()
