"""A bar of alive-progress an epoch, with the loss as its text (alive-progress 3.3)."""

import time

from alive_progress import alive_bar
from tiny import Regression
from truth import allow, expect

model = Regression()
for epoch in range(1, 4):
    with alive_bar(model.steps, title=f"Epoch {epoch}", receipt_text=True) as bar:
        for batch in model.epoch(epoch):
            time.sleep(0.1)
            bar.text = f"loss={batch.loss:.4f} acc={batch.accuracy:.3f}"
            bar()
            told = {"loss": batch.loss, "acc": batch.accuracy}
            # A thread draws the bar, between the two lines as well.
            allow(told, epoch=epoch, step=batch.step)
            last = batch.step == model.steps - 1
            (expect if last else allow)(told, epoch=epoch, step=batch.step + 1)
    loss, accuracy = model.evaluate()
    print(f"val_loss={loss:.4f} val_acc={accuracy:.3f}")
    expect({"val_loss": loss, "val_acc": accuracy}, epoch=epoch)
