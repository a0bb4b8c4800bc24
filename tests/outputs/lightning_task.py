"""The task of the two scripts about Lightning."""

import logging
import sys
import warnings

import lightning
import torch
from lightning.pytorch.callbacks import Callback, RichProgressBar, TQDMProgressBar
from torch.utils.data import DataLoader, TensorDataset
from truth import allow, expect

warnings.simplefilter("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Task(lightning.LightningModule):
    """A line through points."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, index):
        return self._measured(batch, "train_loss")

    def validation_step(self, batch, index):
        self._measured(batch, "val_loss")

    def test_step(self, batch, index):
        self._measured(batch, "test_loss")

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)

    def _measured(self, batch, name):
        x, y = batch
        loss = ((self.layer(x)[:, 0] - y) ** 2).mean()
        self.log(name, loss, prog_bar=True)
        return loss


class Told(Callback):
    """What the bar shows."""

    def __init__(self, epochs) -> None:
        self.epochs = epochs

    def on_train_batch_end(self, trainer, *_):
        _say(allow, trainer, None)

    def on_train_epoch_end(self, trainer, module):
        if trainer.current_epoch in self.epochs:
            _say(expect, trainer, None)


def _say(how, trainer, step) -> None:
    told = {k: v for k, v in trainer.progress_bar_metrics.items() if k != "v_num"}
    how(told, epoch=trainer.current_epoch, step=step)


def run(rich: bool) -> None:
    """Fit, and test."""
    lightning.seed_everything(0, verbose=False)
    x = torch.randn(64, 4)
    loader = DataLoader(TensorDataset(x, x.sum(dim=1)), batch_size=8)
    # Into a pipe rich draws only what stands at the end.
    shown = range(3) if sys.stdout.isatty() or not rich else [2]
    bar = RichProgressBar() if rich else TQDMProgressBar(refresh_rate=2)
    trainer = lightning.Trainer(
        max_epochs=3, callbacks=[bar, Told(shown)], logger=False, enable_checkpointing=False,
        accelerator="cpu", enable_model_summary=False, num_sanity_val_steps=0,
    )  # fmt: skip
    model = Task()
    trainer.fit(model, loader, loader)
    (told,) = trainer.test(model, loader)
    expect({"test_loss": told["test_loss"]})
