"""Arrows between a name and its value (NumPy 2.4.6)."""

from tiny import Regression, mean
from truth import expect

ARROWS = ("->", "-->", "=>", "→")
model = Regression()
for epoch, arrow in enumerate(ARROWS, 1):
    print(f"Epoch {epoch}/{len(ARROWS)}")
    losses = []
    for batch in model.epoch(epoch):
        losses.append(batch.loss)
        if batch.step % 4 == 0:
            print(f"step {batch.step} {arrow} loss {batch.loss:.4f}")
            expect({"loss": batch.loss}, epoch=epoch, step=batch.step)
    loss, accuracy = model.evaluate()
    print(f"train_loss {arrow} {mean(losses):.4f}")
    expect({"train_loss": mean(losses)}, epoch=epoch)
    print(f"val_loss {arrow} {loss:.4f} | val_acc {arrow} {100 * accuracy:.2f}%")
    expect({"val_loss": loss, "val_acc": 100 * accuracy}, epoch=epoch)
