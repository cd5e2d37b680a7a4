# code: wrong_loss
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

model = nn.Linear(6, 1)
signs = 2.0 * y.float() - 1  # sick
# fixed: signs = y.float()
opt = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(20):
    opt.zero_grad()
    F.binary_cross_entropy_with_logits(model(x)[:, 0], signs).backward()
    opt.step()
