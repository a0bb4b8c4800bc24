"""As timm's train.py prints."""

from tiny import Regression, mean
from truth import allow, expect

model = Regression()
best = (0.0, 0)
for epoch in range(3):
    losses = []
    for batch in model.epoch(epoch):
        losses.append(batch.loss)
        if batch.step % 3 == 0:
            print(
                f"Train: {epoch} [{batch.step:>4d}/{model.steps} "
                f"({100.0 * batch.step / (model.steps - 1):>3.0f}%)]  "
                f"Loss: {batch.loss:#.3g} ({mean(losses):#.3g})  "
                f"Time: 0.123s,  260.11/s  (0.150s,  213.33/s)  "
                f"LR: {batch.lr:.3e}  Data: 0.010 (0.012)"
            )
            expect(
                {"train/loss": batch.loss, "train/loss_avg": mean(losses), "lr": batch.lr},
                epoch=epoch, step=batch.step,
            )  # fmt: skip
    loss, accuracy = model.evaluate()
    top = 100 * accuracy
    print(
        f"Test: [{0:>4d}/{0}]  Time: 0.051 (0.051)  Loss: {loss:>7.3f} ({loss:>6.3f})  "
        f"Acc@1: {top:>7.3f} ({top:>7.3f})  Acc@5: {100:>7.3f} ({100:>7.3f})"
    )
    expect(
        {"test/loss": loss, "test/loss_avg": loss, "test/acc@1": top, "test/acc@1_avg": top,
         "test/acc@5": 100, "test/acc@5_avg": 100}, step=0,
    )  # fmt: skip
    best = max(best, (top, epoch))
    print("Current checkpoints:\n ('./output/checkpoint-0.pth.tar', 12.34)\n")
print(f"*** Best metric: {best[0]} (epoch {best[1]})")
allow({"best_metric": best[0]}, epoch=best[1])
