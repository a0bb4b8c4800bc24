"""As the notebooks of a well-known course print."""

from tiny import Regression
from truth import expect

model = Regression()
step = 0
for epoch in range(3):
    for batch in model.epoch(epoch):
        if step % 5 == 0:
            print(f"Cost after iteration {step}: {batch.loss:f}")
            expect({"cost": batch.loss}, step=step)
        step += 1
loss, accuracy = model.evaluate()
print(f"train accuracy: {batch.accuracy * 100} %\ntest accuracy: {accuracy * 100} %")
expect({"train_accuracy": batch.accuracy * 100})
expect({"test_accuracy": accuracy * 100})
