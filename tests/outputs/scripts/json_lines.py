"""A JSON object a line."""

import json
import time

from tiny import Regression
from truth import expect

model = Regression()
for epoch in range(1, 4):
    begin = time.perf_counter()
    for batch in model.epoch(epoch):
        if batch.step % 2 == 0:
            told = {"epoch": epoch, "step": batch.step, "loss": batch.loss, "lr": batch.lr}
            print(json.dumps(told))
            expect({"loss": batch.loss, "lr": batch.lr}, epoch=epoch, step=batch.step)
    loss, accuracy = model.evaluate()
    seconds = time.perf_counter() - begin
    told = {"epoch": epoch, "val": {"loss": loss, "acc": accuracy}, "seconds": seconds}
    print(json.dumps(told))
    expect({"val/loss": loss, "val/acc": accuracy}, epoch=epoch)
