"""A table of rich that is redrawn in place each epoch (rich 15)."""

import time

from rich.live import Live
from rich.table import Table
from tiny import Regression, mean
from truth import allow, expect

EPOCHS = 5


def table(epoch, rows):
    """An epoch's figures, a row a split."""
    made = Table("Split", "Loss", "Accuracy", title=f"Epoch {epoch}/{EPOCHS}")
    for name, loss, accuracy in rows:
        made.add_row(name, f"{loss:.4f}", f"{accuracy:.2%}")
    return made


model = Regression()
with Live(auto_refresh=False) as live:
    for epoch in range(1, EPOCHS + 1):
        batches = list(model.epoch(epoch))
        train = (mean([b.loss for b in batches]), mean([b.accuracy for b in batches]))
        rows = [("train", *train), ("val", *model.evaluate())]
        live.update(table(epoch, rows), refresh=True)
        time.sleep(0.1)
        for name, loss, accuracy in rows:
            told = {f"{name}/loss": loss, f"{name}/accuracy": 100 * accuracy}
            (expect if epoch == EPOCHS else allow)(told, epoch=epoch)
for name, loss, accuracy in rows:  # the last state is drawn once more at the end
    allow({f"{name}/loss": loss, f"{name}/accuracy": 100 * accuracy}, epoch=EPOCHS)
