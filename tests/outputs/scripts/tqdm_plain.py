"""A bar without figures, and a line with them after it (tqdm 4.70)."""

import time

from tiny import Regression, mean
from tqdm import tqdm
from truth import expect

model = Regression()
for epoch in range(1, 5):
    losses = []
    for batch in tqdm(model.epoch(epoch), total=model.steps):
        time.sleep(0.03)
        losses.append(batch.loss)
    loss, accuracy = model.evaluate()
    print(f"Epoch {epoch}: train loss {mean(losses):.4f}, val acc {accuracy:.4f}")
    expect({"train_loss": mean(losses), "val_acc": accuracy}, epoch=epoch)
for batch in tqdm(range(20), desc="Evaluating"):
    time.sleep(0.01)
print(f"Test loss: {loss:.4f}")
expect({"test_loss": loss})
