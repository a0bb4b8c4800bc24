"""As MMEngine's LoggerHook prints."""

from tiny import Regression
from truth import expect

HEAD = "2026/11/20 10:31:{:02d} - mmengine - INFO - "
model = Regression()
for epoch in range(1, 4):
    for batch in model.epoch(epoch):
        if batch.step % 5 == 4:
            print(
                HEAD.format(batch.step) + f"Epoch(train)  [{epoch}][{batch.step + 1:2d}/"
                f"{model.steps}]  lr: {batch.lr:.4e}  eta: 0:00:12  time: 0.0213  data_time: 0.0011"
                f"  memory: 123  loss: {batch.loss:.4f}  grad_norm: {batch.norm:.4f}"
            )
            expect(
                {"lr": batch.lr, "train/loss": batch.loss, "train/grad_norm": batch.norm},
                epoch=epoch, step=batch.step + 1,
            )  # fmt: skip
    loss, accuracy = model.evaluate()
    print(HEAD.format(11) + f"Saving checkpoint at {epoch} epochs")
    print(
        HEAD.format(12) + f"Epoch(val) [{epoch}][10/10]    accuracy/top1: {100 * accuracy:.4f}  "
        "data_time: 0.0012  time: 0.0123"
    )
    expect({"val/accuracy/top1": 100 * accuracy}, epoch=epoch, step=10)
