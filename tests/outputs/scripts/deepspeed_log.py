"""As DeepSpeed's engine and its examples log."""

from tiny import Regression
from truth import expect

HEAD = "[2026-11-20 10:31:{:02d},123] [INFO] [logging.py:96:log_dist] [Rank 0] "
model = Regression()
step = 0
for epoch in range(2):
    for batch in model.epoch(epoch):
        step += 1
        if step % 4 == 0:
            print(
                HEAD.format(step) + f"step={step}, skipped=0, lr=[{batch.lr}], mom=[[0.9, 0.999]]"
            )
            expect({"lr": batch.lr}, step=step)
            print(
                f"steps: {step} loss: {batch.loss:0.4f} iter time (s): 0.312 samples/sec: {batch.speed:.3f}"
            )
            expect({"loss": batch.loss, "samples/sec": batch.speed}, step=step)
            print(HEAD.format(step) + "time (ms) | fwd_microstep: 10.21 | bwd_microstep: 20.32")
            print(
                f"[2026-11-20 10:31:{step:02d},125] [INFO] [timer.py:260:stop] epoch={epoch}/"
                f"micro_step={step}/global_step={step}, RunningAvgSamplesPerSec={batch.speed}, "
                f"CurrSamplesPerSec={batch.speed}, MemAllocated=1.2GB, MaxMemAllocated=2.3GB"
            )
            expect(
                {"RunningAvgSamplesPerSec": batch.speed, "CurrSamplesPerSec": batch.speed},
                epoch=epoch, step=step,
            )  # fmt: skip
