"""The training script of the guide to CML: four files read by genfromtxt, a forest on one core, one plot."""

import sys
import time
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import ConfusionMatrixDisplay

X_train = np.genfromtxt("data/train_features.csv")
y_train = np.genfromtxt("data/train_labels.csv")
X_test = np.genfromtxt("data/test_features.csv")
y_test = np.genfromtxt("data/test_labels.csv")

begun = time.perf_counter()
clf = RandomForestClassifier(max_depth=5, random_state=0)
clf.fit(X_train, y_train)
print(f"fit: {time.perf_counter() - begun:.3f}", file=sys.stderr)

Path("model").mkdir(exist_ok=True)
Path("model/metrics.txt").write_text(f"Accuracy: {clf.score(X_test, y_test)}\n")
ConfusionMatrixDisplay.from_estimator(clf, X_test, y_test, normalize="true", cmap=plt.cm.Blues)
plt.savefig("model/confusion_matrix.png")
joblib.dump(clf, "model/random_forest.joblib")
