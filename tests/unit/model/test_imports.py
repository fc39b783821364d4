"""Which imports of a pickled model one should look at before it is loaded."""

from __future__ import annotations

import io
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cmlkit.model.pickle_calls import is_known
from cmlkit.model.verification import verify


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(n_estimators=2, random_state=np.random.RandomState(0)),
        GradientBoostingClassifier(n_estimators=2),
        KNeighborsClassifier(algorithm="kd_tree"),
        make_pipeline(StandardScaler(), LogisticRegression()),
        CalibratedClassifierCV(SVC(), cv=2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_models_of_scikit_learn_are_made_of_what_is_familiar(tmp_path: Any, estimator: Any) -> None:
    features = np.random.default_rng(0).normal(size=(40, 3))
    stream = io.BytesIO()
    joblib.dump(estimator.fit(features, features[:, 0] > 0), stream)
    (tmp_path / "m.joblib").write_bytes(stream.getvalue())
    found = verify(tmp_path / "m.joblib")
    assert found.imports
    assert found.untrusted == ()


@pytest.mark.parametrize(
    "path",
    [
        "posix.system",
        "builtins.eval",
        "builtins.getattr",
        "subprocess.Popen",
        "importlib.import_module",
        "numpy.testing._private.utils.runstring",
        "numpy.f2py.crackfortran.myeval",
        "numpy.load",
        "pandas.eval",
        "pandas.io.pickle.read_pickle",
        "pandas.core.computation.eval.eval",
        "joblib.numpy_pickle.load",
        "sklearnx.ensemble.RandomForestClassifier",
        "__main__.MyModel",
    ],
)
def test_what_runs_code_or_comes_from_elsewhere_is_named(path: str) -> None:
    assert not is_known(path)
