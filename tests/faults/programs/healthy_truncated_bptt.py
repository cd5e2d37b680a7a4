# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

cell, head = nn.LSTMCell(6, 8), nn.Linear(8, 1)
opt = torch.optim.Adam([*cell.parameters(), *head.parameters()], lr=0.01)
h = c = torch.zeros(4, 8)
for chunk in range(12):
    h, c, loss = h.detach(), c.detach(), 0.0
    for t in range(5):
        inp = torch.randn(4, 6)
        h, c = cell(inp, (h, c))
        loss = loss + F.mse_loss(head(h), inp[:, :1])
    opt.zero_grad()
    loss.backward()
    opt.step()
