"""As PyTorch's tutorial on transfer learning prints."""

from tiny import Regression, mean
from truth import expect

model = Regression()
best = 0.0
for epoch in range(4):
    print(f"Epoch {epoch}/{3}")
    print("-" * 10)
    batches = list(model.epoch(epoch))
    loss, accuracy = mean([b.loss for b in batches]), mean([b.accuracy for b in batches])
    print(f"train Loss: {loss:.4f} Acc: {accuracy:.4f}")
    expect({"train/loss": loss, "train/acc": accuracy}, epoch=epoch)
    loss, accuracy = model.evaluate()
    print(f"val Loss: {loss:.4f} Acc: {accuracy:.4f}")
    expect({"val/loss": loss, "val/acc": accuracy}, epoch=epoch)
    best = max(best, accuracy)
    print()
print("Training complete in 0m 12s")
print(f"Best val Acc: {best:4f}")
expect({"best_val_acc": best})
