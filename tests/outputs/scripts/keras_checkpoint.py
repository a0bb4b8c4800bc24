"""A bar an epoch, with a checkpoint's, a plateau's and an early stop's remarks in between, and
an evaluation of one line (Keras 3.15 on PyTorch 2.13)."""

import os

os.environ |= {"KERAS_BACKEND": "torch", "TF_CPP_MIN_LOG_LEVEL": "3"}
import keras
import numpy as np
from truth import allow, expect

STEPS = 6


class Told(keras.callbacks.Callback):
    """What the bar shows after each batch, and at the epoch's end."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        allow(logs, epoch=self.epoch, step=batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        expect(logs, epoch=epoch + 1, step=STEPS)


keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(160, 8)).astype("float32")
y = (x.sum(axis=1) > 0).astype("float32")
model = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
watchers = [
    keras.callbacks.ModelCheckpoint(
        "{epoch:02d}-{val_loss:.2f}.keras", save_best_only=True, verbose=1
    ),
    keras.callbacks.ReduceLROnPlateau(factor=0.1, patience=1, min_delta=0.01, verbose=1),
    keras.callbacks.EarlyStopping(patience=3, verbose=1, restore_best_weights=True),
    Told(),
]
model.fit(
    x[:96],
    y[:96],
    batch_size=16,
    epochs=8,
    validation_data=(x[96:128], y[96:128]),
    callbacks=watchers,
)
loss, accuracy = model.evaluate(x[128:], y[128:], batch_size=16, verbose=2)
expect({"accuracy": accuracy, "loss": loss}, step=2)
