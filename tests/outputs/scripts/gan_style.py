"""As collections of GANs print."""

from tiny import Regression
from truth import expect

model = Regression()
for epoch in range(3):
    for batch in model.epoch(epoch):
        if batch.step % 4 == 0:
            print(
                f"[Epoch {epoch}/{3}] [Batch {batch.step}/{model.steps}] "
                f"[D loss: {batch.loss:f}] [G loss: {batch.norm:f}]"
            )
            expect({"d_loss": batch.loss, "g_loss": batch.norm}, epoch=epoch, step=batch.step)
            print(
                f"[{epoch}/{3}][{batch.step}/{model.steps}]\tLoss_D: {batch.loss:.4f}\tLoss_G: "
                f"{batch.norm:.4f}\tD(x): {batch.accuracy:.4f}\tD(G(z)): {batch.loss / 3:.4f} / "
                f"{batch.loss / 4:.4f}"
            )
            expect(
                {"loss_d": batch.loss, "loss_g": batch.norm, "d(x)": batch.accuracy,
                 "d(g(z))": batch.loss / 3}, epoch=epoch, step=batch.step,
            )  # fmt: skip
