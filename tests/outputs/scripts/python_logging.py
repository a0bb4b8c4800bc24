"""logging, with three ways to begin a line."""

import logging
import sys

from tiny import Regression
from truth import expect

FORMATS = (
    "%(asctime)s - %(name)s - %(levelname)s - %(message)s",
    "%(levelname)s:%(name)s:%(message)s",
    "[%(asctime)s][%(filename)s:%(lineno)d][%(levelname)-8s] %(message)s",
)
log = logging.getLogger("trainer")
log.setLevel(logging.INFO)
handler = logging.StreamHandler(sys.stdout)
log.addHandler(handler)
model = Regression()
for epoch, form in enumerate(FORMATS, 1):
    handler.setFormatter(logging.Formatter(form))
    for batch in model.epoch(epoch):
        if batch.step % 3 == 0:
            log.info("Epoch %d | Step %d | loss: %.4f | lr: %.2e", epoch, batch.step, batch.loss,
                     batch.lr)  # fmt: skip
            expect({"loss": batch.loss, "lr": batch.lr}, epoch=epoch, step=batch.step)
    loss, accuracy = model.evaluate()
    log.info("Validation loss %.4f, accuracy %.2f%%", loss, 100 * accuracy)
    expect({"val/loss": loss, "val/accuracy": 100 * accuracy})
    log.warning("Learning rate is low; 3 checkpoints kept in 12.5 MB")
