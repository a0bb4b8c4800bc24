"""As torchvision's reference scripts print: MetricLogger's medians and averages."""

import statistics

from tiny import Regression, mean
from truth import expect

model = Regression()
for epoch in range(2):
    losses, tops = [], []
    for batch in model.epoch(epoch):
        losses.append(batch.loss)
        tops.append(100 * batch.accuracy)
        if batch.step % 3 == 0:
            loss, top = statistics.median_low(losses), statistics.median_low(tops)
            speed = batch.speed
            print(
                f"Epoch: [{epoch}]  [{batch.step:2d}/{model.steps}]  eta: 0:00:12  lr: {batch.lr}  "
                f"img/s: {speed}  loss: {loss:.4f} ({mean(losses):.4f})  acc1: {top:.4f} "
                f"({mean(tops):.4f})  time: 0.0123  data: 0.0045  max mem: 1234"
            )
            expect(
                {"lr": batch.lr, "img/s": speed, "loss": loss, "loss_avg": mean(losses),
                 "acc1": top, "acc1_avg": mean(tops)}, epoch=epoch, step=batch.step,
            )  # fmt: skip
    print(f"Epoch: [{epoch}] Total time: 0:00:03")
    loss, accuracy = model.evaluate()
    print(f"Test:   [ 0/10]  eta: 0:00:01  loss: {loss:.4f} ({loss:.4f})  time: 0.0110  data: 0.01")
    expect({"test/loss": loss, "test/loss_avg": loss}, step=0)
    print("Test:  Total time: 0:00:01")
    print(f"Test:  Acc@1 {100 * accuracy:.3f} Acc@5 {100.0:.3f}")
    expect({"test/acc@1": 100 * accuracy, "test/acc@5": 100.0})
print("Training time 0:00:08")
