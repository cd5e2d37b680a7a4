# ruff: noqa
# fmt: off
# order = [1, 2, 3, 4, 5, 6, 5, 7, 8, 9, 10, 11, 12, 13]
# A table read by a relative path, cleaned step by step; a frame is changed in place.
# %%
# %load_ext nbtrack
# %%
import pandas as pd
import numpy as np
# %%
df = pd.read_csv("houses.csv")
df.head()
# %%
df.isna().sum()
# %%
df["age"] = df["age"].fillna(df["age"].median())
df.describe()
# %%
by_district = df.groupby("district").price.mean()
print(by_district)
# %%
df = df.sample(frac=1).reset_index(drop=True)
# %%
onehot = pd.get_dummies(df.district, dtype=float)
table = pd.concat([df[["area", "rooms", "age"]], onehot], axis=1)
table -= table.mean()
table /= table.std()
# %%
import torch
from torch import nn
X = torch.tensor(table.to_numpy(), dtype=torch.float32)
y = torch.tensor(df.price.to_numpy(), dtype=torch.float32) / 100
n_train = 120
# %%
class Regressor(nn.Module):
    def __init__(self, n_in, hidden=20, p=0.1):
        super().__init__()
        self.a = nn.Linear(n_in, hidden)
        self.b = nn.Linear(hidden, 1)
        self.drop = nn.Dropout(p)
    def forward(self, x):
        return self.b(self.drop(torch.relu(self.a(x)))).squeeze(-1)
reg = Regressor(X.shape[1])
# %%
baseline = (y[n_train:] - y[:n_train].mean()).pow(2).mean().item()
print("baseline", baseline)
# %%
# %%track houses
opt = torch.optim.Adam(reg.parameters(), lr=0.02)
for epoch in range(6):
    reg.train()
    for idx in torch.randperm(n_train).split(30):
        loss = (reg(X[idx]) - y[idx]).abs().mean()
        opt.zero_grad(); loss.backward(); opt.step()
    reg.eval()
    val_mae = (reg(X[n_train:]) - y[n_train:]).abs().mean().item()
# %%
pd.Series({"val": val_mae, "baseline": baseline})
