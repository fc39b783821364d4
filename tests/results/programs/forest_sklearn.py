"""A forest of scikit-learn, as ONNX, as skops, or as joblib with one of its compressions."""

from pathlib import Path

import joblib
from given import FEATURES, PATH, ROUND, finish, table
from sklearn.ensemble import RandomForestClassifier

features, classes = table()
forest = RandomForestClassifier(n_estimators=5 * ROUND, max_depth=4, random_state=0).fit(features, classes)
if PATH.endswith(".onnx"):
    from skl2onnx import to_onnx

    made = to_onnx(forest, features[:1], options={"zipmap": False})
    Path(PATH).write_bytes(made.SerializeToString())
elif PATH.endswith(".skops"):
    import skops.io

    skops.io.dump(forest, PATH)
else:
    joblib.dump({"forest": forest, "features": FEATURES}, PATH, compress=(Path(PATH).suffix.removeprefix("."), 3))
finish(forest.predict_proba(features)[:, 1])
