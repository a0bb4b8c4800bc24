"""trange with a postfix that is a text (tqdm 4.70)."""

import time

from tiny import Regression, mean
from tqdm import trange
from truth import allow, expect

STEPS = 30

model = Regression()
batches = (batch for epoch in range(3) for batch in model.epoch(epoch))
losses = []
with trange(STEPS, desc="fit", unit="batch") as bar:
    for step in bar:
        batch = next(batches)
        losses.append(batch.loss)
        time.sleep(0.03)
        bar.set_postfix_str(f"loss={mean(losses[-10:]):.4f}, acc={batch.accuracy:.2%}")
        told = {"loss": mean(losses[-10:]), "acc": 100 * batch.accuracy}
        # The postfix is drawn before the bar has moved on, and after.
        allow(told, step=step)
        (expect if step == STEPS - 1 else allow)(told, step=step + 1)
loss, accuracy = model.evaluate()
print(f"val_loss={loss:.4f}, val_acc={accuracy:.2%}")
expect({"val_loss": loss, "val_acc": 100 * accuracy})
