"""Columns of a fixed width under a header that comes again."""

from tiny import Regression, mean
from truth import expect

model = Regression()
for epoch in range(1, 9):
    if epoch % 4 == 1:
        print(f"{'epoch':>6} {'train loss':>12} {'val loss':>10} {'lr':>10} {'time':>8}")
    batches = list(model.epoch(epoch))
    loss = mean([batch.loss for batch in batches])
    validation, _ = model.evaluate()
    lr = batches[0].lr
    print(f"{epoch:>6} {loss:>12.4f} {validation:>10.4f} {lr:>10.6f} {'0.12s':>8}")
    expect({"train_loss": loss, "val_loss": validation, "lr": lr}, epoch=epoch)
