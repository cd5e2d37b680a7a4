# code: missing_zero_grad
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(64, 6)
y = (x[:, 0] + x[:, 1] > 0).long()
z = x @ torch.randn(6, 1)

model = nn.RNN(6, 8, batch_first=True)
head = nn.Linear(8, 2)
params = list(model.parameters()) + list(head.parameters())
opt = torch.optim.RMSprop(params, lr=0.003)
seq = torch.randn(16, 5, 6)
lab = (seq[:, -1, 0] > 0).long()


def one_step():
    out, _ = model(seq)
    loss = F.cross_entropy(head(out[:, -1]), lab)
    loss.backward()
    opt.step()
    # fixed: opt.zero_grad(set_to_none=False)
    return loss.item()


history = [one_step() for _ in range(20)]
