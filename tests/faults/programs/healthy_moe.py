# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)


class MoE(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(6, 4)
        self.experts = nn.ModuleList(nn.Linear(6, 2) for _ in range(4))

    def forward(self, h):
        g = self.gate(h).softmax(-1)
        top = g.argmax(-1)
        out = torch.zeros(len(h), 2)
        for k, expert in enumerate(self.experts):
            mine = top == k
            if mine.any():
                out[mine] = g[mine, k, None] * expert(h[mine])
        return out


net = MoE()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for xb, yb in zip(x.split(4), y.split(4)):
    opt.zero_grad()
    F.cross_entropy(net(xb), yb).backward()
    opt.step()
