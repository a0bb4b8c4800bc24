"""As PyTorch's CIFAR10 tutorial prints."""

from tiny import SAMPLES, Regression, mean
from truth import allow, expect

model = Regression()
for epoch in range(2):
    running = []
    for batch in model.epoch(epoch):
        running.append(batch.loss)
        if batch.step % 5 == 4:
            print(f"[{epoch + 1}, {batch.step + 1:5d}] loss: {mean(running):.3f}")
            expect({"loss": mean(running)}, epoch=epoch + 1, step=batch.step + 1)
            running = []
print("Finished Training")
loss, accuracy = model.evaluate()
print(f"Accuracy of the network on the {SAMPLES} test images: {100 * accuracy:.0f} %")
expect({"test/accuracy": 100 * accuracy})
print(f"Accuracy for class: {'plane':5s} is {100 * accuracy:.1f} %")
allow({"accuracy": 100 * accuracy})
