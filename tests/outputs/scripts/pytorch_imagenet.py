"""As the ImageNet example of pytorch/examples prints: meters, now and on average."""

import time

from tiny import Regression, mean
from truth import expect

model = Regression()
for epoch in range(2):
    times, losses, tops = [], [], []
    for batch in model.epoch(epoch):
        begin = time.perf_counter()
        losses.append(batch.loss)
        tops.append(100 * batch.accuracy)
        times.append(time.perf_counter() - begin)
        print(
            f"Epoch: [{epoch}][{batch.step:2d}/{model.steps}]\t"
            f"Time {times[-1]:6.3f} ({mean(times):6.3f})\tData {times[-1]:6.3f} ({mean(times):6.3f})"
            f"\tLoss {losses[-1]:.4e} ({mean(losses):.4e})\tAcc@1 {tops[-1]:6.2f} ({mean(tops):6.2f})"
        )
        expect(
            {"loss": losses[-1], "loss_avg": mean(losses), "acc@1": tops[-1],
             "acc@1_avg": mean(tops)}, epoch=epoch, step=batch.step,
        )  # fmt: skip
    loss, accuracy = model.evaluate()
    print(f"Test: [0/1]\tTime  0.010 ( 0.010)\tLoss {loss:.4e} ({loss:.4e})")
    expect({"test/loss": loss, "test/loss_avg": loss}, step=0)
    print(f" *   Acc@1 {100 * accuracy:.3f} Acc@5 {100.0:.3f}")
    expect({"acc@1": 100 * accuracy, "acc@5": 100.0})
