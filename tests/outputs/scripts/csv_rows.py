"""A header and rows, parted by commas, then by tabs."""

import time

from tiny import Regression, mean
from truth import expect

model = Regression()
for mark in (",", "\t"):
    print(mark.join(("epoch", "train_loss", "val_loss", "val_acc", "time")))
    for epoch in range(1, 6):
        begin = time.perf_counter()
        loss = mean([batch.loss for batch in model.epoch(epoch)])
        validation, accuracy = model.evaluate()
        seconds = time.perf_counter() - begin
        figures = (f"{loss:.5f}", f"{validation:.5f}", f"{accuracy:.4f}", f"{seconds:.5f}")
        print(mark.join((str(epoch), *figures)))
        expect({"train_loss": loss, "val_loss": validation, "val_acc": accuracy}, epoch=epoch)
