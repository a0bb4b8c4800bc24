"""As the ImageNet example of pytorch/examples prints: meters, now and on average."""

import time

from tiny import Regression, mean
from truth import expect

model = Regression()
for epoch in range(2):
    times, waits, losses, tops = [], [], [], []
    end = time.perf_counter()
    for batch in model.epoch(epoch):
        losses.append(batch.loss)
        tops.append(100 * batch.accuracy)
        now = time.perf_counter()
        times.append(now - end)
        waits.append(now - end - batch.seconds)
        end = now
        print(
            f"Epoch: [{epoch}][{batch.step:2d}/{model.steps}]\t"
            f"Time {times[-1]:6.3f} ({mean(times):6.3f})\tData {waits[-1]:6.3f} ({mean(waits):6.3f})"
            f"\tLoss {losses[-1]:.4e} ({mean(losses):.4e})\tAcc@1 {tops[-1]:6.2f} ({mean(tops):6.2f})"
        )
        expect(
            {"loss": losses[-1], "loss_avg": mean(losses), "acc@1": tops[-1],
             "acc@1_avg": mean(tops)}, epoch=epoch, step=batch.step,
        )  # fmt: skip
    begin = time.perf_counter()
    loss, accuracy = model.evaluate()
    taken = time.perf_counter() - begin
    print(f"Test: [0/1]\tTime {taken:6.3f} ({taken:6.3f})\tLoss {loss:.4e} ({loss:.4e})")
    expect({"test/loss": loss, "test/loss_avg": loss}, step=0)
    print(f" *   Acc@1 {100 * accuracy:.3f} Acc@5 {100.0:.3f}")
    expect({"acc@1": 100 * accuracy, "acc@5": 100.0})
