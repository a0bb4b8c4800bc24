"""As detectron2's CommonMetricPrinter prints. Two small models stand for its two heads."""

import resource
import time
from datetime import datetime, timedelta
from statistics import median

from tiny import Regression
from truth import expect

EPOCHS = 4
heads = Regression(0), Regression(1)
total = EPOCHS * heads[0].steps
step = 0
times, waits = [], []
end = time.perf_counter()
for epoch in range(EPOCHS):
    for classes, boxes in zip(*(head.epoch(epoch) for head in heads), strict=True):
        step += 1
        now = time.perf_counter()
        times.append(now - end)
        waits.append(now - end - classes.seconds - boxes.seconds)  # what was no computing
        end = now
    loss = classes.loss + boxes.loss
    eta = timedelta(seconds=int(median(times) * (total - step)))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"[{datetime.now():%m/%d %H:%M:%S} d2.utils.events]:  eta: {eta}  iter: {step - 1}  "
        f"total_loss: {loss:.4g}  loss_cls: {classes.loss:.4g}  loss_box_reg: {boxes.loss:.4g}    "
        f"time: {median(times):.4f}  last_time: {times[-1]:.4f}  data_time: {median(waits):.4f}  "
        f"last_data_time: {waits[-1]:.4f}   lr: {classes.lr:.5g}  max_mem: {memory:.0f}M"
    )
    expect(
        {"total_loss": loss, "loss_cls": classes.loss, "loss_box_reg": boxes.loss,
         "lr": classes.lr}, step=step - 1,
    )  # fmt: skip
