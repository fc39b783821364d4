"""LightGBM: its own text, and a pickle of its scikit-learn estimator."""

import joblib
import lightgbm
from given import PATH, ROUND, finish, table

features, classes = table()
if PATH.endswith(".pkl"):
    estimator = lightgbm.LGBMClassifier(n_estimators=10 * ROUND, verbose=-1).fit(features, classes)
    joblib.dump(estimator, PATH)
    finish(estimator.predict_proba(features)[:, 1])
else:
    settings = {"objective": "binary", "verbose": -1}
    booster = lightgbm.train(settings, lightgbm.Dataset(features, classes), num_boost_round=10 * ROUND)
    booster.save_model(PATH)
    finish(booster.predict(features))
