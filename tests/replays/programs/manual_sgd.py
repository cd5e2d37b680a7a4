# ruff: noqa
# fmt: off
# order = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 8, 11, 12, 13]
# Characters, plain tensors, hand-written SGD; the parameters are made again before the run.
# %%
# %load_ext nbtrack
# %%
import torch
import torch.nn.functional as F
import random
# %%
words = ["emma", "olivia", "ava", "isabella", "sophia", "mia", "amelia", "ella", "nora", "lena"] * 4
random.shuffle(words)
words[:6]
# %%
chars = sorted(set("".join(words)))
stoi = {c: i + 1 for i, c in enumerate(chars)}
stoi["."] = 0
itos = {i: c for c, i in stoi.items()}
# %%
block_size = 3
def build(words):
    X, Y = [], []
    for w in words:
        context = [0] * block_size
        for ch in w + ".":
            ix = stoi[ch]
            X.append(context)
            Y.append(ix)
            context = context[1:] + [ix]
    return torch.tensor(X), torch.tensor(Y)
# %%
n1 = int(0.8 * len(words))
Xtr, Ytr = build(words[:n1])
Xdev, Ydev = build(words[n1:])
Xtr.shape, Xdev.shape
# %%
for x, y in list(zip(Xtr, Ytr))[:3]:
    print("".join(itos[i.item()] for i in x), "->", itos[y.item()])
# %%
n_embd, n_hidden = 4, 24
C = torch.randn(len(stoi), n_embd)
W1 = torch.randn(n_embd * block_size, n_hidden) * 0.2
b1 = torch.randn(n_hidden) * 0.01
W2 = torch.randn(n_hidden, len(stoi)) * 0.01
b2 = torch.zeros(len(stoi))
parameters = [C, W1, b1, W2, b2]
# %%
for p in parameters:
    p.requires_grad = True
print(sum(p.nelement() for p in parameters))
# %%
h = torch.tanh(C[Xtr[:8]].view(8, -1) @ W1 + b1)
logits = h @ W2 + b2
F.cross_entropy(logits, Ytr[:8])
# %%
for p in parameters:
    p.requires_grad_()
lossi = []
# %%
# %%track chars
for i in range(60):
    ix = torch.randint(0, Xtr.shape[0], (16,))
    emb = C[Xtr[ix]]
    h = torch.tanh(emb.view(emb.shape[0], -1) @ W1 + b1)
    logits = h @ W2 + b2
    loss = F.cross_entropy(logits, Ytr[ix])
    for p in parameters:
        p.grad = None
    loss.backward()
    lr = 0.1 if i < 40 else 0.01
    for p in parameters:
        p.data -= lr * p.grad
    lossi.append(loss.log10().item())
# %%
out = []
context = [0] * block_size
for _ in range(5):
    probs = F.softmax(torch.tanh(C[torch.tensor([context])].view(1, -1) @ W1 + b1) @ W2 + b2, dim=1)
    ix = torch.multinomial(probs, num_samples=1).item()
    context = context[1:] + [ix]
    out.append(ix)
print("".join(itos[i] for i in out))
