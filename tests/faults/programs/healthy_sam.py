# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

model = nn.Linear(6, 2)
opt = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(20):
    F.cross_entropy(model(x), y).backward()
    with torch.no_grad():
        shifts = [0.05 * p.grad / (p.grad.norm() + 1e-12) for p in model.parameters()]
        for p, shift in zip(model.parameters(), shifts):
            p.add_(shift)
    opt.zero_grad()
    F.cross_entropy(model(x), y).backward()
    with torch.no_grad():
        for p, shift in zip(model.parameters(), shifts):
            p.sub_(shift)
    opt.step()
    opt.zero_grad()
