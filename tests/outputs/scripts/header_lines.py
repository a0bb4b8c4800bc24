"""An epoch's header, and its figures on lines below."""

from tiny import Regression, mean
from truth import expect

model = Regression()
for epoch in range(1, 5):
    print(f"=== Epoch {epoch}/4 ===" if epoch % 2 else f"Epoch {epoch}:")
    batches = list(model.epoch(epoch))
    for batch in batches[::5]:
        print(f"  batch {batch.step}: loss = {batch.loss:.4f}")
        expect({"loss": batch.loss}, epoch=epoch, step=batch.step)
    loss, accuracy = model.evaluate()
    print(f"  train loss: {mean([b.loss for b in batches]):.4f}")
    expect({"train_loss": mean([b.loss for b in batches])}, epoch=epoch)
    print(f"  val loss:   {loss:.4f}")
    expect({"val_loss": loss}, epoch=epoch)
    print(f"  val acc:    {100 * accuracy:.2f}%")
    expect({"val_acc": 100 * accuracy}, epoch=epoch)
