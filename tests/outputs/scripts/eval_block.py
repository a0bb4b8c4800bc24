"""The blocks in which transformers' example scripts tell their results."""

import time
from datetime import timedelta

from tiny import FEATURES, SAMPLES, Regression, mean
from truth import expect

EPOCHS = 3


def runtime(seconds: float) -> str:
    """As transformers prints it."""
    whole = timedelta(seconds=int(seconds))
    return f"{whole}.{int(100 * (seconds - whole.seconds)):02d}"


model = Regression()
begin = time.perf_counter()
for epoch in range(EPOCHS):
    loss = mean([batch.loss for batch in model.epoch(epoch)])
seconds = time.perf_counter() - begin
speed = EPOCHS * SAMPLES / seconds
operations = EPOCHS * SAMPLES * FEATURES * 4  # a product and a sum, forward and backward
begin = time.perf_counter()
validation, accuracy = model.evaluate()
taken = time.perf_counter() - begin
print("***** train metrics *****")
print(f"  epoch                    = {float(EPOCHS):>10}")
print(f"  total_flos               = {operations >> 30:>8}GF")
print(f"  train_loss               = {loss:>10.4f}")
print(f"  train_runtime            = {runtime(seconds)}")
print(f"  train_samples            = {SAMPLES:>10}")
print(f"  train_samples_per_second = {speed:>10.3f}")
expect({"train_loss": loss}, epoch=EPOCHS)
expect({"train_samples_per_second": speed}, epoch=EPOCHS)
print("***** eval metrics *****")
print(f"  epoch                   = {float(EPOCHS):>8}")
print(f"  eval_accuracy           = {accuracy:>8.4f}")
print(f"  eval_loss               = {validation:>8.4f}")
print(f"  eval_runtime            = {runtime(taken)}")
expect({"eval_accuracy": accuracy}, epoch=EPOCHS)
expect({"eval_loss": validation}, epoch=EPOCHS)
