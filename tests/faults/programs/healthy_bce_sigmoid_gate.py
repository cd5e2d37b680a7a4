# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(8, 1)

    def forward(self, h):
        return self.out(torch.sigmoid(self.a(h)) * self.b(h))


net = Gated()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(20):
    opt.zero_grad()
    F.binary_cross_entropy_with_logits(net(x), y.float()[:, None]).backward()
    opt.step()
