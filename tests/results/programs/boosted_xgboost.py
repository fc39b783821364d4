"""XGBoost: its own file formats by the suffix, and a pickle of its scikit-learn estimator."""

import joblib
import xgboost
from given import FEATURES, PATH, ROUND, finish, table

features, classes = table()
if PATH.endswith(".joblib"):
    estimator = xgboost.XGBClassifier(n_estimators=10 * ROUND, max_depth=3, random_state=0).fit(features, classes)
    joblib.dump(estimator, PATH)
    finish(estimator.predict_proba(features)[:, 1])
else:
    data = xgboost.DMatrix(features, classes, feature_names=list(FEATURES))
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, data, num_boost_round=10 * ROUND)
    booster.save_model(PATH)
    finish(booster.predict(data))
