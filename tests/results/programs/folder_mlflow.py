"""MLflow: a forest of scikit-learn, in the folder that `save_model` writes."""

import shutil

import mlflow.sklearn
from given import PATH, ROUND, finish, table
from sklearn.ensemble import RandomForestRegressor

features, classes = table()
forest = RandomForestRegressor(n_estimators=5 * ROUND, max_depth=4, random_state=0).fit(features, classes)
shutil.rmtree(PATH, ignore_errors=True)
mlflow.sklearn.save_model(forest, PATH, pip_requirements=["scikit-learn"], serialization_format="cloudpickle")
finish(forest.predict(features))
