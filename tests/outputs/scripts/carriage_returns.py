"""A line of one's own that is written over."""

import sys
import time

from tiny import Regression, mean
from truth import allow, expect

model = Regression()
for epoch in range(1, 4):
    losses = []
    for batch in model.epoch(epoch):
        losses.append(batch.loss)
        step = batch.step + 1
        sys.stdout.write(
            f"\rEpoch {epoch} step {step}/{model.steps} loss {batch.loss:.4f} ({mean(losses):.4f})"
        )
        sys.stdout.flush()
        time.sleep(0.01)
        told = {"loss": batch.loss, "loss_avg": mean(losses)}
        (expect if step == model.steps else allow)(told, epoch=epoch, step=step)
    loss, accuracy = model.evaluate()
    print(f"\rEpoch {epoch} done: val_loss {loss:.4f} val_acc {accuracy:.4f}        ")
    expect({"val_loss": loss, "val_acc": accuracy}, epoch=epoch)
