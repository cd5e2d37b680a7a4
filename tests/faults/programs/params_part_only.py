# code: params_not_optimized
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(6, 16)
        self.head = nn.Linear(16, 2)

    def forward(self, h):
        return self.head(torch.relu(self.body(h)))


net = Net()
opt = torch.optim.Adam(net.head.parameters(), lr=0.01)  # sick
# fixed: opt = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(20):
    opt.zero_grad()
    F.cross_entropy(net(x), y).backward()
    opt.step()
