"""The table of skorch (skorch 1)."""

import numpy as np
import torch
from skorch import NeuralNetClassifier
from truth import expect

torch.manual_seed(0)
x = np.random.default_rng(0).normal(size=(100, 4)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int64")
net = NeuralNetClassifier(
    torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Softmax(-1)), max_epochs=6, lr=0.1
)
net.fit(x, y)
for row in net.history:
    expect({k: row[k] for k in ("train_loss", "valid_acc", "valid_loss")}, epoch=row["epoch"])
