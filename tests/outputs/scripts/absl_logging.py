"""absl's logging, as JAX examples use it (absl-py 2)."""

from absl import logging
from tiny import Regression
from truth import expect

logging.set_verbosity(logging.INFO)
logging.use_absl_handler()
model = Regression()
for epoch in range(1, 4):
    for batch in model.epoch(epoch):
        if batch.step % 5 == 0:
            logging.info("[%d] loss=%f, norm=%f", batch.step, batch.loss, batch.norm)
            expect({"loss": batch.loss, "norm": batch.norm}, step=batch.step)
    loss, accuracy = model.evaluate()
    logging.info("eval epoch: %d, loss: %.4f, accuracy: %.2f", epoch, loss, accuracy * 100)
    expect({"eval/loss": loss, "eval/accuracy": accuracy * 100}, epoch=epoch)
