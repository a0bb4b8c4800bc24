"""A configuration in three ways, then training."""

import argparse
import pprint

from tiny import Regression, mean
from truth import expect, hyperparameters

options = argparse.Namespace(lr=0.5, batch_size=32, epochs=3, optimizer="sgd", dropout=0.1)
print(options)
hyperparameters(vars(options))
config = {"model": {"hidden_size": 64, "num_layers": 2}, "learning_rate": 0.5, "seed": 0}
pprint.pprint(config)
hyperparameters({"model/hidden_size": 64, "model/num_layers": 2, "learning_rate": 0.5, "seed": 0})
print("learning_rate: 0.5\nbatch_size: 32\nweight_decay: 0.01\nmodel: resnet\nresume: false")
hyperparameters(
    {"learning_rate": 0.5, "batch_size": 32, "weight_decay": 0.01, "model": "resnet",
     "resume": False}
)  # fmt: skip
model = Regression()
for epoch in range(1, 4):
    loss = mean([batch.loss for batch in model.epoch(epoch)])
    print(f"Epoch {epoch}: loss {loss:.4f}")
    expect({"loss": loss}, epoch=epoch)
