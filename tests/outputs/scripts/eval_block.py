"""The blocks in which transformers' example scripts tell their results."""

from tiny import Regression, mean
from truth import expect

model = Regression()
for epoch in range(3):
    loss = mean([batch.loss for batch in model.epoch(epoch)])
validation, accuracy = model.evaluate()
print("***** train metrics *****")
print(f"  epoch                    = {3.0:>10}")
print("  total_flos               =     1234GF")
print(f"  train_loss               = {loss:>10.4f}")
print("  train_runtime            = 0:00:12.34")
print("  train_samples            =        320")
print("  train_samples_per_second =     77.801")
expect(
    {
        "train_loss": loss,
    },
    epoch=3,
)
expect({"train_samples_per_second": 77.801}, epoch=3)
print("***** eval metrics *****")
print(f"  epoch                   = {3.0:>8}")
print(f"  eval_accuracy           = {accuracy:>8.4f}")
print(f"  eval_loss               = {validation:>8.4f}")
print("  eval_runtime            = 0:00:00.12")
expect({"eval_accuracy": accuracy}, epoch=3)
expect({"eval_loss": validation}, epoch=3)
