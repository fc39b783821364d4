"""Which imports of a pickled model one should look at before it is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from cmlkit.model.pickle_calls import is_known
from cmlkit.model.verification import verify

ROWS = 40
COLUMNS = ColumnTransformer(
    [
        ("number", make_pipeline(FunctionTransformer(np.log1p), StandardScaler()), ["b"]),
        ("kind", OneHotEncoder(handle_unknown="ignore"), ["kind"]),
        ("text", TfidfVectorizer(), "text"),
    ]
)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    numbers = np.random.default_rng(0).normal(size=(ROWS, 2))
    kinds = pd.Categorical(["x", "y"] * (ROWS // 2))
    texts = ["good text", "bad words"] * (ROWS // 2)
    return pd.DataFrame({"a": numbers[:, 0], "b": np.abs(numbers[:, 1]), "kind": kinds, "text": texts})


@pytest.mark.parametrize(
    ("estimator", "columns"),
    [
        (RandomForestClassifier(n_estimators=2, random_state=np.random.RandomState(0)), ["a", "b"]),
        (GradientBoostingClassifier(n_estimators=2), ["a", "b"]),
        (HistGradientBoostingClassifier(max_iter=2, categorical_features="from_dtype"), ["a", "kind"]),
        (KNeighborsClassifier(algorithm="kd_tree"), ["a", "b"]),
        (MLPClassifier(max_iter=1), ["a", "b"]),
        (CalibratedClassifierCV(SVC(), cv=2), ["a", "b"]),
        (make_pipeline(COLUMNS, LogisticRegression()), ["b", "kind", "text"]),
        (GridSearchCV(SVC(), {"C": [1, 2], "kernel": ["rbf", "linear"]}, scoring=make_scorer(f1_score), cv=2), ["a"]),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.filterwarnings("ignore")
def test_models_of_scikit_learn_are_made_of_what_is_known(
    tmp_path: Path, table: pd.DataFrame, estimator: Any, columns: list[str]
) -> None:
    joblib.dump(estimator.fit(table[columns], table["a"] > 0), tmp_path / "m.joblib")
    found = verify(tmp_path / "m.joblib")
    assert found.imports
    assert found.untrusted == ()


FIELDS = [("number", "f8"), ("pair", "i4", (2,)), ("text", "U3"), ("day", "M8[D]")]


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(2, np.dtype(FIELDS)),
        np.zeros(2, np.dtype(FIELDS, align=True)),
        np.asfortranarray(np.ones((3, 2))),
        np.array(["text", 1, None], dtype=object),
        np.array(["a", "bcd"]),
        np.array([b"a", b"bcd"]),
        np.array(["2020-01-01"], dtype="M8[ns]"),
        np.zeros(3, ">f4"),
        np.array(3.0),
        np.zeros((0, 5)),
        np.ma.array([1, 2], mask=[False, True]),
        np.random.default_rng(0),
        np.float64(1.5),
    ],
    ids=range(13),
)
def test_arrays_are_known_however_they_are_written(tmp_path: Path, value: Any) -> None:
    for protocol in (2, 4, 5):
        for compress in (0, ("zlib", 3), ("xz", 3)):
            joblib.dump([value, value], tmp_path / "m.joblib", protocol=protocol, compress=compress)
            assert verify(tmp_path / "m.joblib").untrusted == ()


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
