# ruff: noqa
# fmt: off
# order = [1, 2, 3, 4, 5, 6, 7, 8, 9, 8]
# The training cell is executed twice: the second run goes on where the first has stopped.
# %%
# %load_ext nbtrack
# %%
import torch
from torch import nn
# %%
seq = torch.sin(torch.arange(0, 60, 0.3)) + 0.02 * torch.randn(200)
windows = seq.unfold(0, 11, 1)
inputs, targets = windows[:, :10].unsqueeze(-1), windows[:, 10]
# %%
inputs.shape, targets.shape
# %%
class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.rnn = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)
    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1]).squeeze(-1)
# %%
net = Net(hidden=12)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10, gamma=0.5)
history = []
# %%
net(inputs[:2])
# %%
# %%track gru
for _ in range(12):
    i = torch.randperm(len(inputs))[:50]
    loss = nn.functional.mse_loss(net(inputs[i]), targets[i])
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 0.5)
    optimizer.step()
    scheduler.step()
    history.append(loss.item())
# %%
print(len(history), history[-1])
