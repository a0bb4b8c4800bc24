"""classification_report and confusion_matrix (scikit-learn 1.9)."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix
from truth import expect

random = np.random.default_rng(0)
x = random.normal(size=(150, 4))
y = np.array(["cat", "dog", "red fox"])[np.digitize(x.sum(axis=1), [-1, 1])]
predicted = LogisticRegression().fit(x, y).predict(x)
print(classification_report(y, predicted))
print(confusion_matrix(y, predicted))
print("Accuracy:", accuracy_score(y, predicted))
told = classification_report(y, predicted, output_dict=True)
for label, row in told.items():
    if label == "accuracy":
        expect({"accuracy": row})
        continue
    name = label.replace(" ", "_")
    expect({f"{name}/{metric}": value for metric, value in row.items() if metric != "support"})
expect({"accuracy": told["accuracy"]})
