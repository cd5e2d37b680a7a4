# code: numerical_instability
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

model = nn.Linear(6, 2)
opt = torch.optim.SGD(model.parameters(), lr=0.05)
for step in range(30):
    opt.zero_grad()
    p = F.softmax(model(x if step < 15 else 2000 * x), dim=1)
    # fixed: p = p.clamp_min(1e-7)
    loss = -torch.log(p[torch.arange(64), y]).mean()
    loss.backward()
    opt.step()
