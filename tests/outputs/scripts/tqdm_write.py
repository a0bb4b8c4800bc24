"""Lines written past a bar that moves (tqdm 4.70)."""

import time

from tiny import Regression
from tqdm import tqdm
from truth import expect

model = Regression()
for epoch in tqdm(range(1, 6)):
    for _ in model.epoch(epoch):
        time.sleep(0.01)
    loss, accuracy = model.evaluate()
    tqdm.write(f"epoch {epoch}: val_loss {loss:.4f}, val_acc {accuracy:.2%}")
    expect({"val_loss": loss, "val_acc": 100 * accuracy}, epoch=epoch)
