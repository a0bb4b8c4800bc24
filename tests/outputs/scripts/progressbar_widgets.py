"""progressbar2 with a variable in it (progressbar2 4)."""

import time

import progressbar
from tiny import Regression
from truth import allow, expect

model = Regression()
widgets = [
    progressbar.Percentage(), " ", progressbar.Bar(), " ", progressbar.Counter(), "/10 ",
    progressbar.Variable("loss", precision=5), " ", progressbar.ETA(),
]  # fmt: skip
for epoch in range(2):
    print(f"Epoch {epoch}")
    with progressbar.ProgressBar(max_value=model.steps, widgets=widgets) as bar:
        for batch in model.epoch(epoch):
            time.sleep(0.05)
            bar.update(batch.step + 1, loss=batch.loss)
            last = batch.step == model.steps - 1
            (expect if last else allow)({"loss": batch.loss}, epoch=epoch)
