"""train with evaluation logged, and early stopping (LightGBM 4)."""

import lightgbm
import numpy as np
from truth import allow, expect

random = np.random.default_rng(0)
x = random.normal(size=(200, 4))
y = x.sum(axis=1) + random.normal(size=200)
train = lightgbm.Dataset(x[:100], y[:100])
test = lightgbm.Dataset(x[100:], y[100:], reference=train)
told = {}
booster = lightgbm.train(
    {"num_leaves": 7, "metric": ["l2", "l1"], "verbosity": 1, "learning_rate": 0.4}, train, 40,
    valid_sets=[train, test],
    callbacks=[lightgbm.log_evaluation(1), lightgbm.record_evaluation(told),
               lightgbm.early_stopping(3)],
)  # fmt: skip
names = {"training": "training's", "valid_1": "valid_1's"}
for step in range(len(told["training"]["l2"])):
    values = {
        f"{names[part]}_{name}": figures[step]
        for part, metrics in told.items()
        for name, figures in metrics.items()
    }
    expect(values, step=step + 1)
    if step + 1 == booster.best_iteration:
        allow(values, step=step + 1)  # it is told again at the end
