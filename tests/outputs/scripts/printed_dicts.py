"""Dicts as Python prints them, on one line and on many, NumPy's and PyTorch's numbers in them."""

import json
import pprint

import numpy as np
import torch
from tiny import Regression
from truth import expect

model = Regression()
for epoch in range(1, 4):
    for batch in model.epoch(epoch):
        pass
    print({"epoch": epoch, "loss": batch.loss, "acc": batch.accuracy})
    expect({"loss": batch.loss, "acc": batch.accuracy}, epoch=epoch)
    print({"epoch": epoch, "loss": np.float64(batch.loss), "f1": torch.tensor(batch.accuracy)})
    expect({"loss": batch.loss, "f1": batch.accuracy}, epoch=epoch)
    loss, accuracy = model.evaluate()
    print(f"Epoch {epoch}: { {'val_loss': loss, 'val_acc': accuracy} }")
    expect({"val_loss": loss, "val_acc": accuracy}, epoch=epoch)
    told = {f"metric/{name}_precision_recall": loss / n for n, name in enumerate("abcdef", 1)}
    pprint.pprint(told | {"epoch": epoch})
    expect(told, epoch=epoch)
    print(json.dumps({"epoch": epoch, "eval": {"loss": loss, "accuracy": accuracy}}, indent=2))
    expect({"eval/loss": loss, "eval/accuracy": accuracy}, epoch=epoch)
    print("Loss:", torch.tensor(loss, requires_grad=True))
    expect({"loss": loss}, epoch=epoch)
