"""A JSON object a line."""

import json

from tiny import Regression
from truth import expect

model = Regression()
for epoch in range(1, 4):
    for batch in model.epoch(epoch):
        if batch.step % 2 == 0:
            told = {"epoch": epoch, "step": batch.step, "loss": batch.loss, "lr": batch.lr}
            print(json.dumps(told))
            expect({"loss": batch.loss, "lr": batch.lr}, epoch=epoch, step=batch.step)
    loss, accuracy = model.evaluate()
    print(json.dumps({"epoch": epoch, "val": {"loss": loss, "acc": accuracy}, "seconds": 1.25}))
    expect({"val/loss": loss, "val/acc": accuracy}, epoch=epoch)
