"""Two lines that are drawn again in place."""

import sys
import time

from tiny import Regression
from truth import allow, expect

model = Regression()
print("\n")
step = 0
for epoch in range(1, 4):
    for batch in model.epoch(epoch):
        step += 1
        sys.stdout.write(
            f"\x1b[2A\x1b[2Kstep {step}/{3 * model.steps}\n\x1b[2Kloss: {batch.loss:.4f}  acc: "
            f"{batch.accuracy:.4f}\n"
        )
        sys.stdout.flush()
        time.sleep(0.01)
        last = step == 3 * model.steps
        (expect if last else allow)({"loss": batch.loss, "acc": batch.accuracy})
