"""fit with a set to watch (CatBoost 1.2)."""

import catboost
import numpy as np
from truth import allow, expect

random = np.random.default_rng(0)
x = random.normal(size=(200, 4))
y = x.sum(axis=1) + random.normal(size=200)
model = catboost.CatBoostRegressor(iterations=20, depth=2, learning_rate=0.3, verbose=1)
model.fit(x[:100], y[:100], eval_set=(x[100:], y[100:]))
told = model.get_evals_result()
best = float("inf")
for step in range(20):
    test = told["validation"]["RMSE"][step]
    best = min(best, test)
    expect({"learn": told["learn"]["RMSE"][step], "test": test}, step=step)
    allow({"best": best}, step=step)
allow({"besttest": best})
