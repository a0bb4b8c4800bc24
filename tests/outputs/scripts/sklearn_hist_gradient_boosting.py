"""HistGradientBoostingClassifier, verbose (scikit-learn 1.9)."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from truth import expect

random = np.random.default_rng(0)
x = random.normal(size=(200, 4))
y = (x.sum(axis=1) + random.normal(size=200) > 0).astype(int)
boost = HistGradientBoostingClassifier(
    max_iter=6, verbose=2, early_stopping=True, scoring="loss", random_state=0, max_leaf_nodes=4
).fit(x, y)
for step in range(1, 7):
    train, validation = -boost.train_score_[step], -boost.validation_score_[step]
    expect({"train_loss": train, "val_loss": validation}, step=step)
