"""Ignite's bar, and its examples' way to print results (pytorch-ignite 0.5)."""

import time

import torch
from ignite.engine import Engine, Events
from ignite.handlers import ProgressBar
from ignite.metrics import RunningAverage
from tiny import Regression
from truth import allow, expect

model = Regression()


def update(engine, _):
    batch = next(engine.state.batches)
    time.sleep(0.02)
    return batch.loss


trainer = Engine(update)
RunningAverage(output_transform=float).attach(trainer, "loss")
ProgressBar(persist=True).attach(trainer, ["loss"])


@trainer.on(Events.EPOCH_STARTED)
def begin(engine):
    engine.state.batches = model.epoch(engine.state.epoch)


@trainer.on(Events.ITERATION_COMPLETED)
def tell(engine):
    at = (engine.state.iteration - 1) % model.steps + 1
    told = {"loss": float(engine.state.metrics["loss"])}
    (expect if at == model.steps else allow)(told, epoch=engine.state.epoch, step=at)


@trainer.on(Events.EPOCH_COMPLETED)
def validate(engine):
    loss, accuracy = model.evaluate()
    print(
        f"Validation Results - Epoch: {engine.state.epoch}  Avg accuracy: {accuracy:.2f} "
        f"Avg loss: {loss:.2f}"
    )
    expect({"val/avg_accuracy": accuracy, "val/avg_loss": loss}, epoch=engine.state.epoch)


torch.manual_seed(0)
trainer.run(range(model.steps), max_epochs=3)
