"""A configuration as OmegaConf, YAML and a loop over argparse's options print it, then training.

omegaconf 2.3.1, PyYAML 6.0.4, NumPy 2.4.6.
"""

import argparse

import yaml
from omegaconf import OmegaConf
from tiny import Regression, mean
from truth import expect, hyperparameters

model = Regression()
epochs = 4
rate = next(iter(Regression().epoch(1))).lr

config = OmegaConf.create({"model": {"name": "logistic", "features": 8}, "optim": {"lr": rate}})
print("Config:")
print(OmegaConf.to_yaml(config), end="")
hyperparameters({"model/name": "logistic", "model/features": 8, "optim/lr": rate})
print("-" * 40)

data = {"batch_size": 32, "shuffle": True, "split": {"train": 320, "val": 320}}
print(yaml.safe_dump(data, sort_keys=False), end="")
hyperparameters({"batch_size": 32, "shuffle": True, "split/train": 320, "split/val": 320})
print("-" * 40)

options = argparse.Namespace(lr=rate, decay=0.8, epochs=epochs, optimizer="sgd")
for name, value in vars(options).items():
    print(f"{name}: {value}")
hyperparameters(vars(options))
print("-" * 40)

for epoch in range(1, epochs + 1):
    batches = list(model.epoch(epoch))
    loss, accuracy = model.evaluate()
    train = mean([batch.loss for batch in batches])
    print(f"Epoch {epoch}/{epochs} loss: {train:.4f} val_loss: {loss:.4f} val_acc: {accuracy:.4f}")
    expect({"loss": train, "val_loss": loss, "val_acc": accuracy}, epoch=epoch)
