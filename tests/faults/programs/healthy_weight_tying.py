# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

emb = nn.Embedding(12, 16)
out = nn.Linear(16, 12, bias=False)
out.weight = emb.weight
tokens = torch.randint(0, 12, (8, 10))
opt = torch.optim.SGD([{"params": list(emb.parameters())}], lr=0.01)
for _ in range(15):
    opt.zero_grad()
    F.cross_entropy(out(emb(tokens[:, :-1])).flatten(0, 1), tokens[:, 1:].flatten()).backward()
    opt.step()
