"""Train a random forest; write the model, its accuracy, and its confusion matrix to model/."""

from pathlib import Path

import joblib
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import ConfusionMatrixDisplay

X_train = np.genfromtxt("data/train_features.csv")
y_train = np.genfromtxt("data/train_labels.csv", dtype=int)
X_test = np.genfromtxt("data/test_features.csv")
y_test = np.genfromtxt("data/test_labels.csv", dtype=int)

forest = RandomForestClassifier(max_depth=5, random_state=0)
forest.fit(X_train, y_train)

folder = Path("model")
folder.mkdir(exist_ok=True)

accuracy = forest.score(X_test, y_test)
print(f"Accuracy: {accuracy}")
(folder / "metrics.txt").write_text(f"Accuracy: {accuracy}\n")

_, axes = plt.subplots(figsize=(4.5, 3.8), layout="constrained")
ConfusionMatrixDisplay.from_estimator(forest, X_test, y_test, normalize="true", cmap=plt.cm.Blues, ax=axes)
plt.savefig(folder / "confusion_matrix.png", dpi=120)

joblib.dump(forest, folder / "random_forest.joblib")
