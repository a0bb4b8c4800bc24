"""A grid search that tells every score (scikit-learn 1.9)."""

import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC
from truth import expect

random = np.random.default_rng(0)
x = random.normal(size=(60, 4))
y = (x.sum(axis=1) > 0).astype(int)
search = GridSearchCV(SVC(), {"C": [0.1, 1], "kernel": ["rbf", "linear"]}, cv=3, verbose=3)
search.fit(x, y)
for candidate in range(4):
    for split in range(3):
        expect({"score": search.cv_results_[f"split{split}_test_score"][candidate]})
print("Best parameters:", search.best_params_)
print(f"Best score: {search.best_score_:.4f}")
expect({"best_score": search.best_score_})
