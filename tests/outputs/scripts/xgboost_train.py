"""train with two sets to watch (XGBoost 3)."""

import numpy as np
import xgboost
from truth import expect

random = np.random.default_rng(0)
x = random.normal(size=(200, 4))
y = x.sum(axis=1) + random.normal(size=200)
train, test = xgboost.DMatrix(x[:100], y[:100]), xgboost.DMatrix(x[100:], y[100:])
told = {}
xgboost.train({"max_depth": 2, "eval_metric": ["rmse", "mae"]}, train, 12,
              evals=[(train, "train"), (test, "eval")], evals_result=told)  # fmt: skip
for step in range(12):
    expect({f"{part}-{name}": values[step] for part, names in told.items()
            for name, values in names.items()}, step=step)  # fmt: skip
