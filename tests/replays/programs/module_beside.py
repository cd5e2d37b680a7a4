# ruff: noqa
# fmt: off
# order = [1, 2, 3, 4, 5, 6, 7, 8, 9]
# A module that lies beside the notebook, edited by hand; batch norm, a validation loss.
# %%
# %load_ext nbtrack
# %%
import torch
from torch import nn
from layers import Fourier
import layers as L
# %%
t = torch.linspace(0, 1, 250).unsqueeze(1)
signal = torch.sin(9 * t) + 0.3 * torch.sin(31 * t) + 0.05 * torch.randn_like(t)
# %%
signal.std(), L.Fourier(1, 2)(t[:2])
# %%
keep = torch.rand(len(t)) < 0.8
train_t, train_s = t[keep], signal[keep]
val_t, val_s = t[~keep], signal[~keep]
print(len(train_t), len(val_t))
# %%
class Net(nn.Module):
    def __init__(self, features=32):
        super().__init__()
        self.embed = Fourier(1, features)
        self.norm = nn.BatchNorm1d(features)
        self.head = nn.Linear(features, 1)
    def forward(self, t):
        return self.head(torch.relu(self.norm(self.embed(t))))
# %%
net = Net()
net
# %%
losses = []
# %%
# %%track fourier
optim = torch.optim.Adam([{"params": net.norm.parameters(), "lr": 1e-3}, {"params": net.head.parameters()}], lr=0.02)
for it in range(30):
    pick = torch.randint(len(train_t), (40,))
    l = (net(train_t[pick]) - train_s[pick]).pow(2).mean()
    optim.zero_grad(set_to_none=True)
    l.backward()
    optim.step()
    losses.append(l.item())
with torch.inference_mode():
    net.eval()
    val_loss = (net(val_t) - val_s).pow(2).mean()
