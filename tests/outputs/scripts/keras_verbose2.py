"""A line an epoch, a checkpoint's and a plateau's remarks between (Keras 3.15 on PyTorch)."""

import os

os.environ |= {"KERAS_BACKEND": "torch", "TF_CPP_MIN_LOG_LEVEL": "3"}
import keras
import numpy as np
from truth import expect

STEPS = 8


class Told(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        expect(logs, epoch=epoch + 1, step=STEPS)


keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
y = (x.sum(axis=1) > 0).astype("float32")
model = keras.Sequential([keras.layers.Dense(4, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile("adam", "binary_crossentropy", metrics=["accuracy", "auc"])
watchers = [
    keras.callbacks.ModelCheckpoint("best.keras", save_best_only=True, verbose=1),
    keras.callbacks.ReduceLROnPlateau(patience=0, min_delta=0.1, verbose=1),
    Told(),
]
model.fit(x, y, batch_size=8, epochs=4, validation_split=0.0, validation_data=(x, y),
          callbacks=watchers, verbose=2)  # fmt: skip
