"""A table of rich at the end, one that is redrawn while it grows, and its log (rich 15)."""

import time

from rich.console import Console
from rich.live import Live
from rich.table import Table
from tiny import Regression, mean
from truth import allow, expect

console = Console(log_path=False)
model = Regression()


def table(rows):
    """All epochs so far."""
    made = Table(title="Training")
    for name in ("Epoch", "Train Loss", "Val Loss", "Val Acc"):
        made.add_column(name, justify="right")
    for row in rows:
        made.add_row(str(row[0]), *(f"{value:.4f}" for value in row[1:]))
    return made


rows = []
with Live(console=console, refresh_per_second=10) as live:
    for epoch in range(1, 5):
        loss = mean([batch.loss for batch in model.epoch(epoch)])
        rows.append((epoch, loss, *model.evaluate()))
        live.update(table(rows))
        time.sleep(0.15)
for way in (expect, allow):
    for epoch, *figures in rows:
        names = ("train_loss", "val_loss", "val_acc")
        way(dict(zip(names, figures, strict=True)), epoch=epoch)
loss, accuracy = model.evaluate()
console.log(f"test_loss={loss:.4f} test_acc={accuracy:.4f}")
expect({"test_loss": loss, "test_acc": accuracy})
