# code: missing_zero_grad
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)


class Trainer:
    def __init__(self, net):
        self.net = net
        self.optim = torch.optim.Adam(net.parameters(), lr=0.01)

    def epoch(self):
        self.optim.zero_grad()  # sick
        for xb, yb in zip(x.split(8), y.split(8)):
            # fixed: self.optim.zero_grad()
            F.cross_entropy(self.net(xb), yb).backward()
            self.optim.step()


trainer = Trainer(nn.Linear(6, 2))
for _ in range(4):
    trainer.epoch()
