"""CatBoost: the format that the suffix stands for, out of those that it exports."""

from pathlib import Path

import catboost
from given import PATH, ROUND, finish, table

features, classes = table()
model = catboost.CatBoostClassifier(
    iterations=10 * ROUND, depth=4, random_seed=0, verbose=False, allow_writing_files=False
)
model.fit(features, classes)
model.save_model(PATH, format=Path(PATH).suffix.removeprefix("."))
finish(model.predict_proba(features)[:, 1])
