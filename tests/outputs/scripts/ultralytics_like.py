"""As Ultralytics trains: a table whose rows are bars, and a validation under each."""

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
        loss = mean(losses)
        figures = (f"{epoch}/3", "0.42G", loss, loss / 2, loss / 3, 12, 640)
        bar.set_description(("%11s" * 2 + "%11.4g" * 5) % figures)
        told = {"box_loss": loss, "cls_loss": loss / 2, "dfl_loss": loss / 3}
        (expect if batch.step == model.steps - 1 else allow)(told, epoch=epoch)
        allow(told, epoch=epoch)
    title = ("%22s" + "%11s" * 6) % (
        "Class", "Images", "Instances", "Box(P", "R", "mAP50", "mAP50-95)"
    )  # fmt: skip
    for _ in tqdm(range(2), desc=title, bar_format=SHAPE, file=sys.stdout):
        loss, accuracy = model.evaluate()
    print(("%22s" + "%11i" * 2 + "%11.3g" * 4) % ("all", 4, 17, accuracy, 0.512, loss, loss / 2))
    expect({"p": accuracy, "r": 0.512, "mAP50": loss, "mAP50-95": loss / 2}, epoch=epoch)
