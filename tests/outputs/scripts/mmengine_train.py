"""MMEngine's runner, with its hooks and their words (mmengine 0.10)."""

import logging
import warnings

warnings.simplefilter("ignore")
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from truth import expect

STEPS = 8


class Line(BaseModel):
    """A line through points."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, x, y, mode):
        guess = self.layer(x)[:, 0]
        if mode == "loss":
            return {"loss": ((guess - y) ** 2).mean()}
        return guess, y


class Error(BaseMetric):
    """The mean absolute error."""

    def process(self, batch, samples):
        guess, y = samples
        self.results.append(float((guess - y).abs().mean()))

    def compute_metrics(self, results):
        return {"mae": sum(results) / len(results)}


class Told(Hook):
    """What is logged: the mean of the last losses, and the validation's figures."""

    losses = ()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses = [*self.losses, float(outputs["loss"])][-4:]
        if batch_idx % 4 == 3:
            expect(
                {"train/loss": sum(self.losses) / 4, "lr": 0.05},
                epoch=runner.epoch + 1, step=batch_idx + 1,
            )  # fmt: skip

    def after_val_epoch(self, runner, metrics=None):
        expect({"val/mae": metrics["mae"]}, epoch=runner.epoch, step=STEPS)


torch.manual_seed(0)
x = torch.randn(64, 4)
rows = list(zip(x, x.sum(dim=1), strict=True))
loader = {
    "batch_size": 8, "dataset": rows, "sampler": {"type": "DefaultSampler", "shuffle": False},
    "collate_fn": {"type": "default_collate"},
}  # fmt: skip
runner = Runner(
    model=Line(), work_dir="work", train_dataloader=loader, val_dataloader=loader,
    train_cfg={"by_epoch": True, "max_epochs": 3}, val_cfg={}, val_evaluator=[Error()],
    optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.05}}, custom_hooks=[Told()],
    default_hooks={"logger": {"type": "LoggerHook", "interval": 4}, "checkpoint": None},
    log_level=logging.INFO, log_processor={"window_size": 4},
)  # fmt: skip
runner.train()
