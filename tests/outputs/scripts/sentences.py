"""Figures within sentences. The rate is high, so that the loss does not always fall."""

from tiny import Regression, mean
from truth import allow, expect

PATIENCE = 3
model = Regression()
best, counter, epoch = float("inf"), 0, 0
while counter < PATIENCE:
    epoch += 1
    batches = list(model.epoch(-7))
    loss = mean([b.loss for b in batches])
    validation, accuracy = model.evaluate()
    print(f"The loss at epoch {epoch} is {loss:.4f}")
    expect({"loss": loss}, epoch=epoch)
    print(f"Epoch {epoch} finished with train loss of {loss:.4f} and accuracy of {accuracy:.3f}")
    expect({"train_loss": loss, "accuracy": accuracy}, epoch=epoch)
    print(f"Validation loss after epoch {epoch}: {validation:.5f}")
    expect({"validation_loss": validation}, epoch=epoch)
    if validation < best:
        print(f"Validation loss improved from {best:.4f} to {validation:.4f}. Saving model.")
        best, counter = validation, 0
        print(f"Saving best model with val_loss {best:.4f} to model_{epoch}.pt")
        allow({"val_loss": best}, epoch=epoch)
    else:
        counter += 1
        print(f"EarlyStopping counter: {counter} out of {PATIENCE}")
