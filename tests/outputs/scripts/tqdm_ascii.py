"""An ASCII bar whose title holds the loss (tqdm 4.70)."""

import time

from tiny import Regression, mean
from tqdm import trange
from truth import allow, expect

model = Regression()
bar = trange(1, 9, ascii=True, unit="epoch")
for epoch in bar:
    losses = []
    for batch in model.epoch(epoch):
        time.sleep(0.005)
        losses.append(batch.loss)
    bar.set_description(f"loss {mean(losses):.4f}")
    (expect if epoch == 8 else allow)({"loss": mean(losses)})
    allow({"loss": mean(losses)})
