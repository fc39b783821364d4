"""Which imports of a pickled model one should look at before it is loaded."""

from __future__ import annotations

from datetime import timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.stats import uniform
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
    "value",
    [
        Decimal("-1.50"),
        PurePosixPath("data/train.csv"),
        PureWindowsPath("data\\\\train.csv"),
        Path("/data"),
        UUID("12345678-1234-5678-1234-567812345678"),
        np.zeros(2, [("a", "i8"), ("b", "f8")]).view(np.recarray),
        pd.date_range("2026-11-30", periods=3, tz="UTC"),
        pd.date_range("2026-11-30", periods=3, tz=timezone(timedelta(hours=2))),
    ],
    ids=["number", "path", "path of Windows", "place", "identifier", "records", "times", "times of a zone"],
)
def test_plain_values_of_python_numpy_and_pandas_are_known(tmp_path: Path, value: Any) -> None:
    for protocol in (0, 1, 2, 4, 5):
        joblib.dump({"value": [value, value]}, tmp_path / "m.joblib", protocol=protocol)
        assert verify(tmp_path / "m.joblib").untrusted == ()


class Called:
    """Pickles as a call of a function with arguments."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    ("value", "subject"),
    [
        (Called(Decimal, np.zeros(2)), "decimal.Decimal"),
        (Called(PurePosixPath, np.zeros(2)), "pathlib.PurePosixPath"),
        (Called(PurePosixPath, UUID), "pathlib.PurePosixPath"),
        (Called(UUID, "12345678123456781234567812345678"), "uuid.UUID"),
        (Called(np.dtype, Decimal, False, True), "numpy.dtype"),
    ],
    ids=["number of an array", "path of an array", "path of a class", "identifier of a text", "type of a class"],
)
def test_plain_values_that_are_made_otherwise_are_told(tmp_path: Path, value: Any, subject: str) -> None:
    joblib.dump([value], tmp_path / "m.joblib")
    assert subject in [path.replace("_local.", "") for path in verify(tmp_path / "m.joblib").untrusted]


# Their own code runs with what the pickle brings, or a file is read that it names.
@pytest.mark.parametrize("value", [uniform(0, 1), pd.date_range("2026-11-30", periods=3, tz=ZoneInfo("Europe/Berlin"))])
def test_distributions_and_named_zones_stay_untrusted(tmp_path: Path, value: Any) -> None:
    joblib.dump([value], tmp_path / "m.joblib")
    assert verify(tmp_path / "m.joblib").untrusted


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
