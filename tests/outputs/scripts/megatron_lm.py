"""As Megatron-LM's training log prints."""

from datetime import datetime

from tiny import BATCH, FEATURES, Regression
from truth import expect

model = Regression()
step = 0
for epoch in range(2):
    for batch in model.epoch(epoch):
        step += 1
        speed = 4 * FEATURES * batch.speed / 1e12  # a product and a sum, forward and backward
        print(
            f" [{datetime.now():%Y-%m-%d %H:%M:%S}] iteration {step:8d}/{2 * model.steps:8d} | consumed samples: "
            f"{step * BATCH:12d} | elapsed time per iteration (ms): {1000 * batch.seconds:.3f} | throughput per GPU "
            f"(TFLOP/s/GPU): {speed:.7f} | learning rate: {batch.lr:.6E} | global batch size: "
            f"{BATCH:5d} | lm loss: {batch.loss:.6E} | loss scale: {1.0:.1f} | grad norm: "
            f"{batch.norm:.3f} | number of skipped iterations: {0:3d} | number of nan iterations: "
            f"{0:3d} |"
        )
        expect(
            {"learning_rate": batch.lr, "lm_loss": batch.loss, "loss_scale": 1.0,
             "grad_norm": batch.norm, "throughput_per_gpu": speed}, step=step,
        )  # fmt: skip
    loss, _ = model.evaluate()
    print("-" * 80)
    print(
        f" validation loss at iteration {step} | lm loss value: {loss:.6E} | lm loss PPL: "
        f"{2.718281828**loss:.6E} | "
    )
    print("-" * 80)
    expect({"lm_loss_value": loss, "lm_loss_ppl": 2.718281828**loss}, step=step)
