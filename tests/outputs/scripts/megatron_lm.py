"""As Megatron-LM's training log prints."""

from tiny import Regression
from truth import expect

model = Regression()
step = 0
for epoch in range(2):
    for batch in model.epoch(epoch):
        step += 1
        print(
            f" [2026-11-20 10:31:{step:02d}] iteration {step:8d}/     100 | consumed samples: "
            f"{step * 32:12d} | elapsed time per iteration (ms): {500.1:.1f} | throughput per GPU "
            f"(TFLOP/s/GPU): {batch.speed:.1f} | learning rate: {batch.lr:.6E} | global batch size: "
            f"{32:5d} | lm loss: {batch.loss:.6E} | loss scale: {1.0:.1f} | grad norm: "
            f"{batch.norm:.3f} | number of skipped iterations: {0:3d} | number of nan iterations: "
            f"{0:3d} |"
        )
        expect(
            {"learning_rate": batch.lr, "lm_loss": batch.loss, "loss_scale": 1.0,
             "grad_norm": batch.norm, "throughput_per_gpu": batch.speed}, step=step,
        )  # fmt: skip
    loss, _ = model.evaluate()
    print("-" * 80)
    print(
        f" validation loss at iteration {step} | lm loss value: {loss:.6E} | lm loss PPL: "
        f"{2.718281828**loss:.6E} | "
    )
    print("-" * 80)
    expect({"lm_loss_value": loss, "lm_loss_ppl": 2.718281828**loss}, step=step)
