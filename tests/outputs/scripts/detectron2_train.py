"""As detectron2's CommonMetricPrinter prints."""

from tiny import Regression
from truth import expect

model = Regression()
step = 0
for epoch in range(4):
    for batch in model.epoch(epoch):
        step += 1
    print(
        f"[11/20 10:31:{step:02d} d2.utils.events]:  eta: 0:02:{59 - step}  iter: {step - 1}  "
        f"total_loss: {batch.loss:.4g}  loss_cls: {batch.loss / 3:.4g}  loss_box_reg: "
        f"{batch.loss / 5:.4g}    time: 0.3012  last_time: 0.2987  data_time: 0.0123  "
        f"last_data_time: 0.0034   lr: {batch.lr:.5g}  max_mem: 2143M"
    )
    expect(
        {"total_loss": batch.loss, "loss_cls": batch.loss / 3, "loss_box_reg": batch.loss / 5,
         "lr": batch.lr}, step=step - 1,
    )  # fmt: skip
