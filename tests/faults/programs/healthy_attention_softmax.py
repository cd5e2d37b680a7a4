# code: healthy
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

layer = nn.TransformerEncoderLayer(6, 2, 16, dropout=0.1, batch_first=True)
head = nn.Linear(6, 2)
seq, lab = torch.randn(16, 5, 6), torch.randint(0, 2, (16,))
opt = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=1e-3)
for _ in range(10):
    opt.zero_grad(set_to_none=False)
    F.cross_entropy(head(layer(seq).mean(1)), lab).backward()
    torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
    opt.step()
