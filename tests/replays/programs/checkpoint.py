# ruff: noqa
# fmt: off
# order = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
# Trains a little, writes a checkpoint, breaks the model, loads it again, and trains on.
# %%
# %load_ext nbtrack
# %%
import os
from pathlib import Path
import torch
from torch import nn
# %%
x = torch.randn(128, 8)
teacher = nn.Linear(8, 2)
with torch.no_grad():
    y = teacher(x)
# %%
student = nn.Sequential(nn.Linear(8, 12), nn.SiLU(), nn.Linear(12, 2))
opt = torch.optim.Adam(student.parameters(), lr=0.01)
# %%
def train(n):
    for _ in range(n):
        i = torch.randint(len(x), (32,))
        loss = nn.functional.mse_loss(student(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss.item()
# %%
train(15)
# %%
os.makedirs("checkpoints", exist_ok=True)
torch.save({"model": student.state_dict(), "opt": opt.state_dict()}, "checkpoints/last.pt")
os.listdir("checkpoints")
# %%
for p in student.parameters():
    nn.init.uniform_(p, -10, 10)
print("oops", train(3))
# %%
kept = torch.load(Path("checkpoints") / "last.pt")
student.load_state_dict(kept["model"])
opt.load_state_dict(kept["opt"])
# %%
list(kept)
# %%
# %%track resumed
final = train(25)
