"""A bar over epochs, its title set anew in each (tqdm 4.70)."""

import time

from tiny import Regression, mean
from tqdm import tqdm
from truth import allow, expect

EPOCHS = 12

model = Regression()
bar = tqdm(range(1, EPOCHS + 1), unit="epoch")
for epoch in bar:
    losses = []
    for batch in model.epoch(epoch):
        time.sleep(0.01)
        losses.append(batch.loss)
    loss, _ = model.evaluate()
    bar.set_description(f"loss {mean(losses):.4f} val_loss {loss:.4f}")
    told = {"loss": mean(losses), "val_loss": loss}
    # The title is drawn before the bar has moved on, and after.
    allow(told, epoch=epoch - 1)
    (expect if epoch == EPOCHS else allow)(told, epoch=epoch)
