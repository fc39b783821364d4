"""Predict how far diabetes has progressed after a year; write the model, its errors, and a plot to model/."""

import json
from pathlib import Path

import joblib
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.metrics import PredictionErrorDisplay, mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

features, progression = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(features, progression, test_size=0.25, random_state=0)

regression = make_pipeline(StandardScaler(), RidgeCV(alphas=[0.1, 1.0, 10.0, 100.0]))
regression.fit(X_train, y_train)
predicted = regression.predict(X_test)

Path("model").mkdir(exist_ok=True)
joblib.dump(regression, "model/regression.joblib")
metrics = {"mae": mean_absolute_error(y_test, predicted), "r2": r2_score(y_test, predicted)}
Path("model/metrics.json").write_text(json.dumps(metrics))

_, axes = plt.subplots(figsize=(4.5, 3.8), layout="constrained")
PredictionErrorDisplay.from_predictions(y_test, predicted, kind="actual_vs_predicted", ax=axes)
plt.savefig("model/predictions.png", dpi=120)
