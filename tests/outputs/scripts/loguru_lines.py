"""loguru, with its colours where there is a terminal (loguru 0.7)."""

import sys

from loguru import logger
from tiny import Regression
from truth import expect

logger.remove()
logger.add(sys.stdout)
model = Regression()
for epoch in range(1, 4):
    for batch in model.epoch(epoch):
        if batch.step % 4 == 0:
            logger.info(f"step={batch.step} loss={batch.loss:.4f} grad_norm={batch.norm:.3f}")
            expect({"loss": batch.loss, "grad_norm": batch.norm}, step=batch.step)
    loss, accuracy = model.evaluate()
    logger.success(f"Epoch {epoch}: val_loss={loss:.4f}, val_acc={accuracy:.4f}")
    expect({"val_loss": loss, "val_acc": accuracy}, epoch=epoch)
