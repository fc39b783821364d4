"""Tell malignant tumours from benign ones with boosted trees; write the model and its metrics to model/."""

import json
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss, recall_score, roc_auc_score
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier

features, benign = load_breast_cancer(return_X_y=True)
malignant = 1 - benign
X_train, X_test, y_train, y_test = train_test_split(
    features, malignant, test_size=0.25, random_state=0, stratify=malignant
)

trees = XGBClassifier(n_estimators=60, max_depth=3, learning_rate=0.2, random_state=0, n_jobs=1)
trees.fit(X_train, y_train)
probability = trees.predict_proba(X_test)[:, 1]

Path("model").mkdir(exist_ok=True)
trees.save_model("model/trees.ubj")
metrics = {
    "auc": roc_auc_score(y_test, probability),
    "recall": recall_score(y_test, probability > 0.5),
    "log_loss": log_loss(y_test, probability),
}
Path("model/metrics.json").write_text(json.dumps(metrics))
