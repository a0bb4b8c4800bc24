"""Columns of a fixed width under a header that comes again."""

import time

from tiny import Regression, mean
from truth import expect

model = Regression()
for epoch in range(1, 9):
    if epoch % 4 == 1:
        print(f"{'epoch':>6} {'train loss':>12} {'val loss':>10} {'lr':>10} {'time':>8}")
    begin = time.perf_counter()
    batches = list(model.epoch(epoch))
    loss = mean([batch.loss for batch in batches])
    validation, _ = model.evaluate()
    lr = batches[0].lr
    seconds = f"{time.perf_counter() - begin:.4f}s"
    print(f"{epoch:>6} {loss:>12.4f} {validation:>10.4f} {lr:>10.6f} {seconds:>8}")
    expect({"train_loss": loss, "val_loss": validation, "lr": lr}, epoch=epoch)
