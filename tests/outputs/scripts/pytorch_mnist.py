"""As the MNIST example of pytorch/examples prints."""

from tiny import BATCH, SAMPLES, Regression
from truth import expect

model = Regression()
for epoch in range(1, 4):
    for batch in model.epoch(epoch):
        seen = batch.step * BATCH
        percent = 100.0 * batch.step / model.steps
        print(f"Train Epoch: {epoch} [{seen}/{SAMPLES} ({percent:.0f}%)]\tLoss: {batch.loss:.6f}")
        expect({"train/loss": batch.loss}, epoch=epoch, step=seen)
    loss, accuracy = model.evaluate()
    correct = round(accuracy * SAMPLES)
    print(
        f"\nTest set: Average loss: {loss:.4f}, Accuracy: {correct}/{SAMPLES} "
        f"({100.0 * correct / SAMPLES:.0f}%)\n"
    )
    expect({"test/average_loss": loss, "test/accuracy": 100 * accuracy})
