"""What callbacks say of the best so far and of patience, after the line that tells the loss.

NumPy 2.4.6; the wordings are those of Keras's ModelCheckpoint and of the EarlyStopping class that
is passed around for PyTorch. The rate is high, so that the loss does not always fall.
"""

from tiny import Regression, mean
from truth import allow, expect

PATIENCE = 4
model = Regression()
best, counter, epoch = float("inf"), 0, 0
while counter < PATIENCE:
    epoch += 1
    loss = mean([batch.loss for batch in model.epoch(-7)])
    val_loss, _ = model.evaluate()
    print(f"Epoch {epoch}: train_loss {loss:.5f} val_loss {val_loss:.5f}")
    expect({"train_loss": loss, "val_loss": val_loss}, epoch=epoch)
    if val_loss < best:
        print(f"Validation loss decreased ({best:.6f} --> {val_loss:.6f}).  Saving model ...")
        allow({"validation_loss": val_loss}, epoch=epoch)
        print(
            f"\nEpoch {epoch}: val_loss improved from {best:.5f} to {val_loss:.5f}, "
            "saving model to best.keras"
        )
        allow({"val_loss": val_loss}, epoch=epoch)
        print(f"Saving best model with val_loss {val_loss:.4f}")
        allow({"val_loss": val_loss}, epoch=epoch)
        best, counter = val_loss, 0
    else:
        counter += 1
        print(f"\nEpoch {epoch}: val_loss did not improve from {best:.5f}")
        print(f"EarlyStopping counter: {counter} out of {PATIENCE}")
print("Early stopping")
print(f"Best val_loss: {best:.5f}")
expect({"best_val_loss": best})
