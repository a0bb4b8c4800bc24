"""Tables of tabulate without any lines: one that grows by the epoch, one of models (tabulate 0.10)."""

from tabulate import tabulate
from tiny import Regression, mean
from truth import expect

rows = []
model = Regression()
for epoch in range(1, 5):
    loss = mean([batch.loss for batch in model.epoch(epoch)])
    validation, accuracy = model.evaluate()
    rows.append({"epoch": epoch, "train loss": loss, "val loss": validation, "val acc": accuracy})
    print(tabulate(rows, headers="keys", tablefmt="plain"))
    print()
    for row in rows:
        told = {name.replace(" ", "_"): value for name, value in row.items() if name != "epoch"}
        expect(told, epoch=row["epoch"])

scores = []
for seed in range(3):
    model = Regression(seed)
    for _ in model.epoch(0):
        pass
    loss, accuracy = model.evaluate()
    scores.append((f"regression {seed}", loss, 100 * accuracy))
    expect({f"regression_{seed}/loss": loss, f"regression_{seed}/accuracy": 100 * accuracy})
print(tabulate(scores, headers=("model", "loss", "accuracy"), tablefmt="plain", floatfmt=".4f"))
