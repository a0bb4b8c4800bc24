"""The columns of Ultralytics: a table whose rows are bars, and a validation under each.

The figures are those of a small regression, named and placed as there.
"""

import sys
import time

from tiny import Regression, mean
from tqdm import tqdm
from truth import allow, expect

SHAPE = "{l_bar}{bar:10}{r_bar}"
model = Regression()
for epoch in range(1, 4):
    names = ("Epoch", "GPU_mem", "box_loss", "cls_loss", "dfl_loss", "Instances", "Size")
    print("\n" + "%11s" * 7 % names)
    losses = []
    bar = tqdm(model.epoch(epoch), total=model.steps, bar_format=SHAPE, file=sys.stdout)
    for batch in bar:
        time.sleep(0.02)
        losses.append(batch.loss)
        loss, norm, last = mean(losses), batch.norm, batch.loss
        figures = (f"{epoch}/3", "0.42G", loss, norm, last, 12, 640)
        bar.set_description(("%11s" * 2 + "%11.4g" * 5) % figures)
        told = {"box_loss": loss, "cls_loss": norm, "dfl_loss": last}
        (expect if batch.step == model.steps - 1 else allow)(told, epoch=epoch)
        allow(told, epoch=epoch)
    title = ("%22s" + "%11s" * 6) % (
        "Class", "Images", "Instances", "Box(P", "R", "mAP50", "mAP50-95)"
    )  # fmt: skip
    for _ in tqdm(range(2), desc=title, bar_format=SHAPE, file=sys.stdout):
        loss, accuracy = model.evaluate()
    figures = (accuracy, batch.accuracy, 1 - loss, 1 - batch.loss)
    print(("%22s" + "%11i" * 2 + "%11.3g" * 4) % ("all", 4, 17, *figures))
    expect(dict(zip(("p", "r", "mAP50", "mAP50-95"), figures, strict=True)), epoch=epoch)
