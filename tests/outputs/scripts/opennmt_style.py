"""As OpenNMT-py prints. A token is a feature, and what comes out is one for each sample."""

import math
import time
from datetime import datetime

from tiny import BATCH, FEATURES, Regression
from truth import allow, expect

model = Regression()
step = 0
start = time.perf_counter()
for epoch in range(2):
    for batch in model.epoch(epoch):
        step += 1
        ppl, source = math.exp(batch.loss), FEATURES * batch.speed
        now = f"{datetime.now():%Y-%m-%d %H:%M:%S,%f}"[:-3]
        print(
            f"[{now} INFO] Step {step}/{2 * model.steps:5d}; acc: "
            f"{100 * batch.accuracy:2.1f}; ppl: {ppl:5.1f}; xent: {batch.loss:2.1f}; "
            f"lr: {batch.lr:7.5f}; sents: {BATCH:7d}; bsz: {BATCH * FEATURES:4d}/{BATCH:4d}/{1:2d}; "
            f"{source:.0f}/{batch.speed:.0f} tok/s; {time.perf_counter() - start:6.0f} sec;"
        )
        expect(
            {"acc": 100 * batch.accuracy, "ppl": ppl, "xent": batch.loss,
             "lr": batch.lr}, step=step,
        )  # fmt: skip
        allow({"tok/s": batch.speed}, step=step)
