"""As timm's train.py prints."""

import time

from tiny import BATCH, Regression, mean
from truth import allow, expect

model = Regression()
best = (0.0, 0)
tops = {}
for epoch in range(3):
    losses, times, waits = [], [], []
    end = time.perf_counter()
    for batch in model.epoch(epoch):
        now = time.perf_counter()
        times.append(now - end)
        waits.append(now - end - batch.seconds)
        end = now
        losses.append(batch.loss)
        if batch.step % 3 == 0:
            print(
                f"Train: {epoch} [{batch.step:>4d}/{model.steps} "
                f"({100.0 * batch.step / (model.steps - 1):>3.0f}%)]  "
                f"Loss: {batch.loss:#.3g} ({mean(losses):#.3g})  "
                f"Time: {times[-1]:.3f}s, {BATCH / times[-1]:>7.2f}/s  "
                f"({mean(times):.3f}s, {BATCH / mean(times):>7.2f}/s)  "
                f"LR: {batch.lr:.3e}  Data: {waits[-1]:.3f} ({mean(waits):.3f})"
            )
            expect(
                {"train/loss": batch.loss, "train/loss_avg": mean(losses), "lr": batch.lr},
                epoch=epoch, step=batch.step,
            )  # fmt: skip
    begin = time.perf_counter()
    loss, accuracy = model.evaluate()
    taken = time.perf_counter() - begin
    top = 100 * accuracy
    print(
        f"Test: [{0:>4d}/{0}]  Time: {taken:.3f} ({taken:.3f})  Loss: {loss:>7.3f} ({loss:>6.3f})  "
        f"Acc@1: {top:>7.3f} ({top:>7.3f})  Acc@5: {100:>7.3f} ({100:>7.3f})"
    )
    expect(
        {"test/loss": loss, "test/loss_avg": loss, "test/acc@1": top, "test/acc@1_avg": top,
         "test/acc@5": 100, "test/acc@5_avg": 100}, step=0,
    )  # fmt: skip
    best = max(best, (top, epoch))
    tops[f"./output/checkpoint-{epoch}.pth.tar"] = top
    print("Current checkpoints:")
    for pair in sorted(tops.items(), key=lambda pair: -pair[1]):
        print(f" {pair}")
    print()
print(f"*** Best metric: {best[0]} (epoch {best[1]})")
allow({"best_metric": best[0]}, epoch=best[1])
