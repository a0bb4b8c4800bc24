"""As DeepSpeed's engine and its examples log."""

import resource
import time
from datetime import datetime

from tiny import BATCH, Regression
from truth import expect


def head(place: str) -> str:
    """As its logger begins a line."""
    return f"[{f'{datetime.now():%Y-%m-%d %H:%M:%S,%f}'[:-3]}] [INFO] [{place}] "


LOG_DIST = "logging.py:96:log_dist"
start = time.perf_counter()
model = Regression()
step = 0
for epoch in range(2):
    for batch in model.epoch(epoch):
        step += 1
        average = BATCH * step / (time.perf_counter() - start)
        memory = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
        if step % 4 == 0:
            print(f"{head(LOG_DIST)}[Rank 0] step={step}, skipped=0, lr=[{batch.lr}], mom=[0.0]")
            expect({"lr": batch.lr}, step=step)
            print(
                f"steps: {step} loss: {batch.loss:0.4f} iter time (s): {batch.seconds:0.6f} "
                f"samples/sec: {batch.speed:.3f}"
            )
            expect({"loss": batch.loss, "samples/sec": batch.speed}, step=step)
            begin = time.perf_counter()
            model.evaluate()
            taken = 1000 * (time.perf_counter() - begin)
            step_taken = 1000 * batch.seconds
            print(f"{head(LOG_DIST)}[Rank 0] time (ms) | fwd: {taken:.2f} | step: {step_taken:.2f}")
            print(
                f"{head('timer.py:260:stop')}epoch={epoch}/"
                f"micro_step={step}/global_step={step}, RunningAvgSamplesPerSec={average}, "
                f"CurrSamplesPerSec={batch.speed}, MemAllocated={memory}GB, MaxMemAllocated={memory}GB"
            )
            expect(
                {"RunningAvgSamplesPerSec": average, "CurrSamplesPerSec": batch.speed},
                epoch=epoch, step=step,
            )  # fmt: skip
