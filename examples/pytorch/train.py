"""Read handwritten digits with a small network; write its weights, metrics and the course of its loss to model/."""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(0)
pixels, digits = load_digits(return_X_y=True)
split = train_test_split(pixels / 16, digits, test_size=0.25, random_state=0, stratify=digits)
X_train, X_test = (torch.tensor(part, dtype=torch.float32) for part in split[:2])
y_train, y_test = (torch.tensor(part) for part in split[2:])

network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
loss_of = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(network.parameters(), lr=0.003)

losses = []
for epoch in range(30):
    for batch in torch.randperm(len(X_train)).split(64):
        optimizer.zero_grad()
        loss = loss_of(network(X_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
    losses.append(loss.item())
    print(f"Epoch {epoch + 1}: loss {losses[-1]:.3f}")

network.eval()
with torch.no_grad():
    answers = network(X_test)

Path("model").mkdir(exist_ok=True)
# The weights alone: a network as an object could be loaded only where its class is.
torch.save(network.state_dict(), "model/network.pt")
metrics = {
    "accuracy": (answers.argmax(1) == y_test).float().mean().item(),
    "loss": loss_of(answers, y_test).item(),
}
Path("model/metrics.json").write_text(json.dumps(metrics))

_, axes = plt.subplots(figsize=(4.5, 3.8), layout="constrained")
axes.plot(range(1, len(losses) + 1), losses)
axes.set(xlabel="Epoch", ylabel="Loss in training")
plt.savefig("model/loss.png", dpi=120)
