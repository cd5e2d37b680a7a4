# code: softmax_before_ce
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

emb, rnn, out = nn.Embedding(12, 8), nn.GRU(8, 16, batch_first=True), nn.Linear(16, 12)
tokens = torch.randint(0, 12, (8, 10))
opt = torch.optim.Adam([*emb.parameters(), *rnn.parameters(), *out.parameters()], lr=0.01)
for _ in range(12):
    h, _ = rnn(emb(tokens[:, :-1]))
    p = out(h)
    p = p.softmax(-1)  # sick
    loss = F.cross_entropy(p.transpose(1, 2), tokens[:, 1:])
    opt.zero_grad()
    loss.backward()
    opt.step()
