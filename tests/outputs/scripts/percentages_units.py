"""Percentages, units, thousands, NaN, decimal commas."""

import math

from tiny import Regression
from truth import expect

model = Regression()
for epoch in range(1, 5):
    for batch in model.epoch(epoch):
        pass
    percent = 100 * batch.accuracy
    speed = 12345.6 + epoch
    print(f"epoch {epoch}: accuracy: {percent:.2f}% ({speed:,.1f} tokens/s), took 1.5s")
    expect({"accuracy": percent, "tokens/s": speed}, epoch=epoch)
    print(f"epoch {epoch} loss={math.nan if epoch == 3 else batch.loss:.3e} aux_loss={-math.inf}")
    told = {"loss": math.nan if epoch == 3 else batch.loss, "aux_loss": -math.inf}
    expect(told, epoch=epoch)
    comma = f"{batch.loss:.3f}".replace(".", ","), f"{percent:.1f}".replace(".", ",")
    print(f"Epoch {epoch}: Loss: {comma[0]}; Acc: {comma[1]}%")
    expect({"loss": batch.loss, "acc": percent}, epoch=epoch)
    print(f"epoch {epoch} latency: {12.5 + epoch:.1f}ms, throughput: {speed:,.0f} samples/s")
    expect({"latency": 12.5 + epoch, "throughput": speed}, epoch=epoch)
