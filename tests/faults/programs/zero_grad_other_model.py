# code: missing_zero_grad
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

enc, head = nn.Linear(6, 8), nn.Linear(8, 2)
opt = torch.optim.SGD([*enc.parameters(), *head.parameters()], lr=0.05)


def fit(n):
    for _ in range(n):
        head.zero_grad()  # sick
        # fixed: opt.zero_grad()
        F.cross_entropy(head(torch.tanh(enc(x))), y).backward()
        opt.step()


fit(20)
