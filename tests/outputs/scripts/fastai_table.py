"""The table of fastai's fit, its bars between the rows (fastai 2.8)."""

import warnings

warnings.simplefilter("ignore")
import numpy as np
import torch
from fastai.basics import DataLoaders, Learner, accuracy
from fastai.callback.progress import Callback
from truth import expect


class Told(Callback):
    order = 65

    def after_epoch(self):
        names = ("train_loss", "valid_loss", "accuracy")
        values = self.learn.recorder.values[-1]
        expect(dict(zip(names, values, strict=True)), epoch=self.epoch)


torch.manual_seed(0)
x = torch.tensor(np.random.default_rng(0).normal(size=(128, 4)), dtype=torch.float32)
rows = list(zip(x, (x.sum(dim=1) > 0).long(), strict=True))
loaders = DataLoaders(
    torch.utils.data.DataLoader(rows[:96], 16), torch.utils.data.DataLoader(rows[96:], 16)
)
learner = Learner(
    loaders, torch.nn.Linear(4, 2), loss_func=torch.nn.CrossEntropyLoss(), metrics=accuracy,
    cbs=Told(),
)  # fmt: skip
learner.fit(4, 0.01)
