# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

w1 = (0.1 * torch.randn(6, 8)).requires_grad_()
w2 = (0.1 * torch.randn(8, 1)).requires_grad_()
for _ in range(20):
    loss = F.mse_loss(torch.relu(x @ w1) @ w2, z)
    loss.backward()
    with torch.no_grad():
        for p in (w1, w2):
            p -= 0.05 * p.grad
            p.grad = None
