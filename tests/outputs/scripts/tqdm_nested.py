"""Nested tqdm bars, the inner one leaving nothing behind (tqdm 4.70)."""

import time

from tiny import Regression, mean
from tqdm import tqdm
from truth import allow, expect

model = Regression()
epochs = tqdm(range(3), desc="epochs", unit="epoch")
for epoch in epochs:
    losses = []
    bar = tqdm(model.epoch(epoch), total=model.steps, desc="batches", leave=False)
    for batch in bar:
        time.sleep(0.04)
        losses.append(batch.loss)
        bar.set_postfix(loss=f"{batch.loss:.4f}")
        is_last = batch.step == model.steps - 1
        (expect if is_last else allow)({"loss": batch.loss}, step=None)
        allow({"loss": batch.loss})
    validation, accuracy = model.evaluate()
    epochs.set_postfix(train_loss=mean(losses), val_loss=validation, val_acc=accuracy)
    told = {"train_loss": mean(losses), "val_loss": validation, "val_acc": accuracy}
    (expect if epoch == 2 else allow)(told, epoch=None)
    allow(told)
