# code: detached_graph
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

model = nn.Linear(6, 1)
opt = torch.optim.Adam(model.parameters(), lr=0.05)


def loss_of(p):
    p = torch.from_numpy(p.detach().numpy()).requires_grad_()  # sick
    return (p - z).abs().mean()


for _ in range(15):
    opt.zero_grad()
    loss_of(model(x)).backward()
    opt.step()
