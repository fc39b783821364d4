"""An estimator from a program: its parameters, its data as they are, and the split of the declared one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

from cmlkit.errors import SettingsError
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.given import Given, import_path
from cmlkit.training.tables.split import random_rows

FEATURES, LABELS = np.arange(80.0).reshape(40, 2), np.array([0, 1] * 20)
FRAME = pd.DataFrame({"age": range(40), "city": ["Bonn", "Ulm"] * 20, "since": pd.Timestamp("2026-01-01"), "new": True})


def given(**changed: Any) -> Given:
    return Given(**{"estimator": RandomForestClassifier(), "features": FEATURES, "labels": LABELS, **changed})


def test_the_record_names_the_public_class_and_the_parameters_that_are_not_defaults() -> None:
    spec = given(estimator=RandomForestClassifier(max_depth=3, n_estimators=100)).declared(TrainSpec())
    assert (spec.estimator, spec.params) == ("sklearn.ensemble.RandomForestClassifier", {"max_depth": 3})
    assert import_path(Given) == "cmlkit.training.given.Given"


def test_rows_are_held_out_as_of_a_table_of_numbers() -> None:
    data = given().dataset(TrainSpec(test_size=0.25, seed=7))
    train, test = random_rows(40, test_size=0.25, seed=7)
    assert (data.train_features == FEATURES[train]).all()
    assert (data.test_labels == LABELS[test]).all()
    assert data.is_plain


def test_a_frame_stays_one_with_the_types_of_its_columns_and_classes_in_their_shares() -> None:
    data = given(features=FRAME, labels=pd.Series(["x", "y"] * 20, name="bought")).dataset(TrainSpec())
    assert data.columns == {"age": "number", "city": "category", "since": "date", "new": "boolean"}
    assert (data.target, data.is_plain, list(data.test_features.columns)) == ("bought", True, list(FRAME.columns))
    assert sorted(data.test_labels) == ["x"] * 5 + ["y"] * 5


def test_lists_sparse_matrices_and_test_data_of_ones_own_are_taken() -> None:
    assert given(features=FEATURES.tolist(), labels=LABELS.tolist()).dataset(TrainSpec()).test_features.shape == (10, 2)
    assert given(features=csr_matrix(FEATURES)).dataset(TrainSpec()).train_features.shape == (30, 2)
    data = given(labels=LABELS.reshape(-1, 1), test=(FEATURES[:4], LABELS[:4])).dataset(TrainSpec())
    assert (data.train_labels.shape, data.test_features.shape) == ((40,), (4, 2))


@pytest.mark.parametrize(
    ("changed", "spec", "message"),
    [
        ({"estimator": "sklearn.svm.SVC"}, TrainSpec(), "str is not an estimator: it has no fit method"),
        ({"estimator": LinearRegression}, TrainSpec(), "LinearRegression is a class"),
        ({}, TrainSpec(run="python train.py"), "train.run does not go with an estimator from a program"),
        ({}, TrainSpec(groups="customer"), "train.groups does not go with"),
        ({}, TrainSpec(accelerator="intelex"), "cannot change an estimator that exists already"),
    ],
)
def test_what_does_not_go_together_is_refused(changed: dict[str, Any], spec: TrainSpec, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        given(**changed).declared(spec)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": LABELS[:39]}, "There are 40 rows of features and 39 labels"),
        ({"labels": None}, "There are 40 rows of features and no labels"),
        ({"features": None}, "There are no rows of features and 40 labels"),
        ({"test": (FEATURES[:3], LABELS[:2])}, "There are 3 rows of features to test with and 2 labels"),
        ({"test": (FEATURES[:1], np.array([9]))}, "No row to train on has the class 9"),
    ],
)
def test_data_that_do_not_fit_together_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        given(**changed).dataset(TrainSpec())
