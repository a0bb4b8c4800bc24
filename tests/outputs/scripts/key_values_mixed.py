"""Mixtures of signs between names, values and pairs."""

from tiny import Regression
from truth import expect

model = Regression()
step = 0
for epoch in range(1, 4):
    for batch in model.epoch(epoch):
        step += 1
        percent = 100 * batch.accuracy
        lines = (
            f"epoch={epoch}, loss: {batch.loss:.4f} | acc={percent:.1f}% lr {batch.lr:.1e}",
            f"[{epoch}/3] loss -> {batch.loss:.4f}; acc -> {percent:.2f} %; lr -> {batch.lr:.5f}",
            f"Ep {epoch} - loss {batch.loss:.4f} - acc {percent:.1f} - lr {batch.lr:g}",
        )
        print(lines[step % 3])
        told = {"loss": batch.loss, "acc": percent, "lr": batch.lr}
        if step % 3 == 0:
            expect(told, epoch=epoch)
        elif step % 3 == 1:
            expect(told, step=epoch)
        else:
            expect(told)
