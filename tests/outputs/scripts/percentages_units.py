"""Percentages, units, thousands, NaN, decimal commas (NumPy 2.4.6)."""

import time

import numpy as np
from tiny import FEATURES, SAMPLES, Regression, mean
from truth import expect

model = Regression()
diverging = np.float32(50)  # under gradient descent on its fourth power, at far too high a rate
for epoch in range(1, 5):
    begin = time.perf_counter()
    for batch in model.epoch(epoch):
        pass
    seconds = time.perf_counter() - begin
    percent = 100 * batch.accuracy
    speed = SAMPLES * FEATURES / seconds  # a feature is what is read one by one
    print(f"epoch {epoch}: accuracy: {percent:.2f}% ({speed:,.1f} tokens/s), took {seconds:.4f}s")
    expect({"accuracy": percent, "tokens/s": speed}, epoch=epoch)
    with np.errstate(over="ignore", invalid="ignore"):
        diverging -= 4 * diverging**3
        loss = diverging**4
    print(f"epoch {epoch} loss={loss:.3e} objective={-loss}")
    expect({"loss": loss, "objective": -loss}, epoch=epoch)
    comma = f"{batch.loss:.3f}".replace(".", ","), f"{percent:.1f}".replace(".", ",")
    print(f"Epoch {epoch}: Loss: {comma[0]}; Acc: {comma[1]}%")
    expect({"loss": batch.loss, "acc": percent}, epoch=epoch)
    taken = []
    for _ in range(20):
        begin = time.perf_counter()
        model.evaluate()
        taken.append(time.perf_counter() - begin)
    latency, speed = 1000 * mean(taken), SAMPLES / mean(taken)
    print(f"epoch {epoch} latency: {latency:.3f}ms, throughput: {speed:,.0f} samples/s")
    expect({"latency": latency, "throughput": speed}, epoch=epoch)
