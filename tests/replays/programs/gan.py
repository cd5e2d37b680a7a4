# ruff: noqa
# fmt: off
# order = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
# Two networks, two optimizers, one loop; latent noise is drawn in every step.
# %%
# %load_ext nbtrack
# %%
import math, torch
from torch import nn
import torch.optim as optim
# %%
def real(n):
    angle = torch.randint(8, (n,)) * (2 * math.pi / 8)
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(n, 2)
# %%
real(4)
# %%
latent = 4
G = nn.Sequential(nn.Linear(latent, 32), nn.LeakyReLU(0.2), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(32, 1))
# %%
def init(m):
    if isinstance(m, nn.Linear):
        nn.init.normal_(m.weight, 0.0, 0.2)
        nn.init.zeros_(m.bias)
_ = G.apply(init), D.apply(init)
# %%
fixed = torch.randn(16, latent)
with torch.no_grad():
    before = G(fixed).mean(0)
before
# %%
opt_g = optim.Adam(G.parameters(), lr=2e-3, betas=(0.5, 0.999))
opt_d = optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
# %%
n = 32
ones, zeros = torch.ones(n, 1), torch.zeros(n, 1)
# %%
# %%track gan
for step in range(40):
    fake = G(torch.randn(n, latent))
    d_loss = bce(D(real(n)), ones) + bce(D(fake.detach()), zeros)
    opt_d.zero_grad(); d_loss.backward(); opt_d.step()
    g_loss = bce(D(fake), ones)
    opt_g.zero_grad(); g_loss.backward(); opt_g.step()
    if step % 10 == 0:
        print(f"{step}: d={d_loss.item():.4f} g={g_loss.item():.4f}")
