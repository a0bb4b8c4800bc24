"""Tables between pipes: Markdown's, tabulate's grids and plain ones (tabulate 0.10)."""

from tabulate import tabulate
from tiny import Regression, mean
from truth import expect

model = Regression()
rows = []
print("| Epoch | Train Loss | Val Loss | Val Acc |\n|-------|------------|----------|---------|")
for epoch in range(1, 6):
    loss = mean([batch.loss for batch in model.epoch(epoch)])
    validation, accuracy = model.evaluate()
    print(f"| {epoch:5d} | {loss:10.4f} | {validation:8.4f} | {accuracy:6.2%} |")
    told = {"train_loss": loss, "val_loss": validation, "val_acc": 100 * accuracy}
    expect(told, epoch=epoch)
    rows.append({"epoch": epoch, **told})
for form in ("simple", "grid", "fancy_grid", "rounded_outline"):
    print(tabulate(rows, headers="keys", tablefmt=form, floatfmt=".5f"))
    for row in rows:
        expect({k: v for k, v in row.items() if k != "epoch"}, epoch=row["epoch"])
