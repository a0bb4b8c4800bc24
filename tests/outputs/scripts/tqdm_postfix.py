"""A tqdm bar an epoch with a postfix (tqdm 4.70)."""

import time

from tiny import Regression
from tqdm import tqdm
from truth import allow, expect

model = Regression()
for epoch in range(1, 4):
    with tqdm(model.epoch(epoch), total=model.steps, desc=f"Epoch {epoch}") as bar:
        for batch in bar:
            time.sleep(0.05)
            bar.set_postfix(loss=batch.loss, acc=batch.accuracy)
            told = {"loss": batch.loss, "acc": batch.accuracy}
            is_last = batch.step == model.steps - 1
            if is_last:
                expect(told, epoch=epoch, step=model.steps)
            else:  # the postfix is drawn before and after the bar has moved
                allow(told, epoch=epoch, step=batch.step)
                allow(told, epoch=epoch, step=batch.step + 1)
