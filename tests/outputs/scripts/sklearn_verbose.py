"""The verbose output of scikit-learn's own optimisers (scikit-learn 1.9)."""

import warnings

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.neural_network import MLPClassifier
from truth import expect

warnings.simplefilter("ignore")
random = np.random.default_rng(0)
x = random.normal(size=(200, 4))
y = x.sum(axis=1) + random.normal(size=200)
labels = (y > 0).astype(int)
mlp = MLPClassifier((4,), max_iter=8, verbose=True, random_state=0).fit(x, labels)
for step, loss in enumerate(mlp.loss_curve_, 1):
    expect({"loss": loss}, step=step)
boost = GradientBoostingRegressor(n_estimators=10, verbose=2, random_state=0).fit(x, y)
for step, loss in enumerate(boost.train_score_, 1):
    expect({"train_loss": loss}, step=step)
stopped = MLPClassifier((4,), max_iter=4, verbose=True, random_state=0, early_stopping=True)
stopped.fit(x, labels)
for step, (loss, score) in enumerate(
    zip(stopped.loss_curve_, stopped.validation_scores_, strict=True), 1
):
    expect({"loss": loss}, step=step)
    expect({"validation_score": score})
