# code: softmax_before_ce
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
        self.a, self.b = nn.Linear(6, 16), nn.Linear(16, 2)

    def forward(self, h):
        h = self.b(torch.relu(self.a(h)))
        return F.softmax(h, dim=1)  # sick
        # fixed: return h


net, crit = Net(), nn.CrossEntropyLoss()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(20):
    opt.zero_grad()
    crit(net(x), y).backward()
    opt.step()
