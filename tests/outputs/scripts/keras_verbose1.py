"""fit and evaluate with a bar an epoch (Keras 3.15 on PyTorch)."""

import os

os.environ |= {"KERAS_BACKEND": "torch", "TF_CPP_MIN_LOG_LEVEL": "3"}
import keras
import numpy as np
from truth import allow, expect

STEPS = 8


class Told(keras.callbacks.Callback):
    """What the bar shows after each batch, and at the epoch's end."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        allow(logs, epoch=self.epoch, step=batch + 1)

    def on_test_batch_end(self, batch, logs=None):
        allow(logs, step=batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        expect(logs, epoch=epoch + 1, step=STEPS)


keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
y = (x.sum(axis=1) > 0).astype("float32")
model = keras.Sequential([keras.layers.Dense(4, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, batch_size=8, epochs=3, validation_data=(x, y), callbacks=[Told()])
loss, accuracy = model.evaluate(x, y, batch_size=8, callbacks=[Told()])
expect({"accuracy": accuracy, "loss": loss}, step=STEPS)
print(f"Test loss: {loss:.4f}\nTest accuracy: {accuracy:.4f}")
expect({"test_loss": loss})
expect({"test_accuracy": accuracy})
