"""As torchvision's reference scripts print: MetricLogger's medians and averages."""

import resource
import statistics
import time
from datetime import timedelta

from tiny import Regression, mean
from truth import expect


def since(begin: float) -> timedelta:
    return timedelta(seconds=int(time.perf_counter() - begin))


model = Regression()
start = time.perf_counter()
for epoch in range(2):
    losses, tops, times, waits = [], [], [], []
    begin = end = time.perf_counter()
    for batch in model.epoch(epoch):
        now = time.perf_counter()
        times.append(now - end)
        waits.append(now - end - batch.seconds)
        end = now
        losses.append(batch.loss)
        tops.append(100 * batch.accuracy)
        if batch.step % 3 == 0:
            loss, top = statistics.median_low(losses), statistics.median_low(tops)
            speed = batch.speed
            eta = timedelta(seconds=int(mean(times) * (model.steps - batch.step)))
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"Epoch: [{epoch}]  [{batch.step:2d}/{model.steps}]  eta: {eta}  lr: {batch.lr}  "
                f"img/s: {speed}  loss: {loss:.4f} ({mean(losses):.4f})  acc1: {top:.4f} "
                f"({mean(tops):.4f})  time: {mean(times):.4f}  data: {mean(waits):.4f}  "
                f"max mem: {memory:.0f}"
            )
            expect(
                {"lr": batch.lr, "img/s": speed, "loss": loss, "loss_avg": mean(losses),
                 "acc1": top, "acc1_avg": mean(tops)}, epoch=epoch, step=batch.step,
            )  # fmt: skip
    print(f"Epoch: [{epoch}] Total time: {since(begin)}")
    begin = time.perf_counter()
    waited = time.perf_counter() - begin
    loss, accuracy = model.evaluate()
    taken = time.perf_counter() - begin
    print(
        f"Test:   [0/1]  eta: {timedelta(seconds=int(taken))}  loss: {loss:.4f} ({loss:.4f})  "
        f"time: {taken:.4f}  data: {waited:.4f}"
    )
    expect({"test/loss": loss, "test/loss_avg": loss}, step=0)
    print(f"Test:  Total time: {since(begin)}")
    top5 = 100.0  # of two classes the right one is always among the best five
    print(f"Test:  Acc@1 {100 * accuracy:.3f} Acc@5 {top5:.3f}")
    expect({"test/acc@1": 100 * accuracy, "test/acc@5": top5})
print(f"Training time {since(start)}")
