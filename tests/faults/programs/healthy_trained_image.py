# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

vgg = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8))
image = torch.randn(4, 6, requires_grad=True)
opt = torch.optim.Adam([image], lr=0.1)
goal = vgg(x[:4]).detach()
for _ in range(20):
    opt.zero_grad()
    F.mse_loss(vgg(image), goal).backward()
    opt.step()
