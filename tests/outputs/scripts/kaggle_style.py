"""As notebooks of competitions print."""

import statistics

from tiny import Regression, mean
from truth import expect

scores = []
for fold in range(3):
    model = Regression(fold)
    for epoch in range(1, 3):
        loss = mean([batch.loss for batch in model.epoch(epoch)])
        validation, accuracy = model.evaluate()
        print(
            f"Fold {fold} | Epoch {epoch} | train_loss: {loss:.4f} | valid_loss: {validation:.4f} | "
            f"valid_acc: {accuracy:.4f}"
        )
        expect({"train_loss": loss, "valid_loss": validation, "valid_acc": accuracy}, epoch=epoch)
    scores.append(accuracy)
print(f"CV accuracy: {mean(scores):.4f} +/- {statistics.pstdev(scores):.4f}")
expect({"cv_accuracy": mean(scores)})
