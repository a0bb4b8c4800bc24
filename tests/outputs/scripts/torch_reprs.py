"""Dicts and prints of PyTorch's tensors as they are, with and without a graph (torch 2.13.0)."""

import torch
from torch import nn
from truth import expect

torch.manual_seed(0)
torch.set_num_threads(1)
x = torch.randn(64, 4)
y = (x.sum(dim=1, keepdim=True) > 0).float()
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for epoch in range(1, 5):
    print(f"Epoch {epoch}")
    for step in range(1, 4):
        guess = model(x)
        loss = nn.functional.binary_cross_entropy_with_logits(guess, y)
        penalty = model.weight.norm()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"step {step} loss:", loss)
        expect({"loss": loss.item()}, epoch=epoch, step=step)
    accuracy = ((guess > 0) == y).double().mean()
    print({"epoch": epoch, "train_loss": loss, "penalty": penalty, "acc": accuracy})
    told = {"train_loss": loss.item(), "penalty": penalty.item(), "acc": accuracy.item()}
    expect(told, epoch=epoch)
    print(f"train_loss={loss.detach()}, acc={accuracy:.4f}")
    expect({"train_loss": loss.item(), "acc": accuracy.item()}, epoch=epoch)
