"""Two bars of rich with the loss beside them, and logged lines above (rich 15)."""

import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from tiny import Regression
from truth import allow, expect

model = Regression()
columns = (
    TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(),
    TextColumn("{task.fields[told]}"),
)  # fmt: skip
with Progress(*columns, refresh_per_second=20) as progress:
    epochs = progress.add_task("epochs", total=3, told="")
    steps = progress.add_task("steps", total=model.steps, told="")
    for epoch in range(1, 4):
        losses = []
        progress.reset(steps)
        for batch in model.epoch(epoch):
            losses.append(batch.loss)
            time.sleep(0.03)
            progress.update(steps, advance=1, told=f"loss={batch.loss:.4f}")
            last = epoch == 3 and batch.step == model.steps - 1
            (expect if last else allow)({"loss": batch.loss})
        loss, accuracy = model.evaluate()
        progress.console.print(f"epoch {epoch}: val_loss={loss:.4f} val_acc={accuracy:.3f}")
        expect({"val_loss": loss, "val_acc": accuracy}, epoch=epoch)
        progress.update(epochs, advance=1)
