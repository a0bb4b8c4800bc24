"""A study's trials (Optuna 5)."""

import optuna
from truth import expect

study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
study.optimize(lambda trial: (trial.suggest_float("x", -5, 5) - 2) ** 2, n_trials=8)
for trial in study.trials:
    expect({"value": trial.value}, step=trial.number)
print(f"Best value: {study.best_value} (params: {study.best_params})")
expect({"best_value": study.best_value})
