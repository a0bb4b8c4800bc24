"""A bar that does not know its end (tqdm 4.70)."""

import time

from tiny import Regression
from tqdm import tqdm
from truth import allow, expect

model = Regression()
bar = tqdm((batch for epoch in range(4) for batch in model.epoch(epoch)), desc="train")
for count, batch in enumerate(bar, 1):
    time.sleep(0.03)
    bar.set_postfix_str(f"loss={batch.loss:.3f}")
    is_last = count == 4 * model.steps
    (expect if is_last else allow)({"train/loss": batch.loss})
    allow({"train/loss": batch.loss})
