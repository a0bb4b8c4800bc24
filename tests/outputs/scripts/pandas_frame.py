"""A frame of all epochs, printed at the end (pandas 3)."""

import pandas as pd
from tiny import Regression, mean
from truth import expect

model = Regression()
rows = []
for epoch in range(1, 7):
    loss = mean([batch.loss for batch in model.epoch(epoch)])
    validation, accuracy = model.evaluate()
    rows.append({"epoch": epoch, "train_loss": loss, "val_loss": validation, "val_acc": accuracy})
frame = pd.DataFrame(rows)
print(frame)
print(frame.set_index("epoch"))
print(frame.to_string(index=False))
for _ in range(3):
    for row in rows:
        expect({k: v for k, v in row.items() if k != "epoch"}, epoch=row["epoch"])
