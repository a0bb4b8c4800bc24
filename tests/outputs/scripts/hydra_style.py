"""A job of Hydra, under Hydra's own logging configuration (hydra-core 1.3.8, omegaconf 2.3.1)."""

import logging
from dataclasses import dataclass

import hydra
from hydra.core.config_store import ConfigStore
from tiny import Regression, mean
from truth import expect

log = logging.getLogger("train")
steps = logging.getLogger("src.engine.loop")


@dataclass
class Settings:
    """What the job is configured by."""

    epochs: int = 4
    log_every: int = 3


ConfigStore.instance().store("settings", Settings)


@hydra.main(version_base="1.3", config_path=None, config_name="settings")
def main(settings: Settings) -> None:
    """Train and tell."""
    model = Regression()
    log.info("Starting training")
    for epoch in range(1, settings.epochs + 1):
        losses = []
        for batch in model.epoch(epoch):
            losses.append(batch.loss)
            if batch.step % settings.log_every == 0:
                steps.info("epoch: %d step: %d loss: %.4f", epoch, batch.step, batch.loss)
                expect({"loss": batch.loss}, epoch=epoch, step=batch.step)
        loss, accuracy = model.evaluate()
        log.info("Epoch %d train_loss: %.4f val_loss: %.4f val_acc: %.2f%%", epoch, mean(losses),
                 loss, 100 * accuracy)  # fmt: skip
        told = {"train_loss": mean(losses), "val_loss": loss, "val_acc": 100 * accuracy}
        expect(told, epoch=epoch)
    log.warning("Training has ended after %d epochs", settings.epochs)


main()
