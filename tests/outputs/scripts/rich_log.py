"""Lines of rich's console.log and print, with its colours and its column of times (rich 15)."""

import time

from rich.console import Console
from tiny import Regression, mean
from truth import expect

console = Console(log_path=False)
model = Regression()
console.rule("[bold]Training")
for epoch in range(1, 7):
    batches = list(model.epoch(epoch))
    time.sleep(0.3)
    train = mean([batch.loss for batch in batches])
    console.log(f"epoch={epoch} loss={train:.4f} lr={batches[-1].lr:.3g}")
    expect({"loss": train, "lr": batches[-1].lr}, epoch=epoch)
    loss, accuracy = model.evaluate()
    console.log(f"[bold green]epoch={epoch}[/] val_loss={loss:.4f} val_acc={accuracy:.3f}")
    expect({"val_loss": loss, "val_acc": accuracy}, epoch=epoch)
    console.log(f"Saved checkpoint to ckpt/epoch_{epoch}.pt", style="dim")
console.print(f"[bold]Test accuracy:[/] {accuracy:.2%}")
expect({"test_accuracy": 100 * accuracy})
