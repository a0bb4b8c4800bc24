"""As accelerate's examples without a Trainer print (accelerate 1)."""

import logging
import time

from accelerate import Accelerator
from accelerate.logging import get_logger
from tiny import Regression
from tqdm.auto import tqdm
from truth import expect

logging.basicConfig(
    format="%(asctime)s - %(levelname)s - %(name)s - %(message)s",
    datefmt="%m/%d/%Y %H:%M:%S",
    level=logging.INFO,
)
accelerator = Accelerator(cpu=True)
logger = get_logger(__name__)
model = Regression()
logger.info("***** Running training *****")
logger.info(f"  Num examples = {320}")
logger.info(f"  Num Epochs = {3}")
logger.info(f"  Total optimization steps = {3 * model.steps}")
bar = tqdm(range(3 * model.steps))
for epoch in range(3):
    losses = []
    for batch in model.epoch(epoch):
        losses.append(batch.loss)
        bar.update(1)
        time.sleep(0.01)
    loss, accuracy = model.evaluate()
    logger.info(f"epoch {epoch}: { ({'accuracy': accuracy}) }")
    expect({"accuracy": accuracy}, epoch=epoch)
    accelerator.print(f"epoch {epoch}: perplexity: {2.718281828**loss} eval_loss: {loss}")
    expect({"perplexity": 2.718281828**loss, "eval_loss": loss}, epoch=epoch)
