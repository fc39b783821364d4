"""A search for parameters, by scikit-learn's own classes."""

from __future__ import annotations

from collections.abc import Iterator

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, TimeSeriesSplit
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from cmlkit.errors import SettingsError
from cmlkit.settings.schema import TrainSpec
from cmlkit.settings.search import search_of
from cmlkit.training.search import found_params, groups_of, of_steps, searching, table_of
from cmlkit.training.tables.dataset import Dataset

FEATURES = np.random.default_rng(0).normal(size=(120, 2))
LABELS = (FEATURES[:, 0] > 0).astype(int)
GROUPS = np.arange(120) % 12


def data(groups: np.ndarray | None = None, in_time: bool = False) -> Dataset:
    return Dataset(
        train_features=FEATURES,
        train_labels=LABELS,
        test_features=FEATURES,
        test_labels=LABELS,
        groups=groups,
        in_time=in_time,
    )


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    with joblib.parallel_config(backend="threading", n_jobs=1):
        yield


@pytest.mark.parametrize(("kind", "tried"), [("grid", 4), ("random", 3), ("halving", 6)])
def test_each_kind_of_search_finds_the_better_tree_and_shows_what_it_tried(kind: str, tried: int) -> None:
    search = search_of(
        {"kind": kind, "params": {"max_features": [1, 2], "max_depth": [1, 6]}, "cv": 3, "iterations": 3}
    )
    assert search is not None
    found = searching(DecisionTreeClassifier(random_state=0), search, data(), prefix="", scoring="accuracy", seed=0)
    found.fit(FEATURES, LABELS)
    table = table_of(found, "")
    assert set(found_params(found, "")) == {"max_features", "max_depth"}
    assert table.header[:3] == ("max_features", "max_depth", "Score") or table.header[:3] == (
        "max_depth",
        "max_features",
        "Score",
    )
    assert len(table.rows) == tried
    assert table.rows[0][:2] == tuple(str(found.best_params_[name]) for name in table.header[:2])


def test_behind_the_preparation_of_columns_parameters_keep_their_names() -> None:
    search = search_of({"max_depth": [1, 2]})
    assert search is not None
    pipeline = Pipeline([("model", DecisionTreeClassifier())])
    found = searching(pipeline, search, data(), prefix="model__", scoring="", seed=0).fit(FEATURES, LABELS)
    assert list(found_params(found, "model__")) == ["max_depth"]
    assert table_of(found, "model__").header[0] == "max_depth"
    with pytest.raises(SettingsError, match="train.search names 'max_deep'") as caught:
        searching(pipeline, search_of({"max_deep": [1]}), data(), prefix="model__", scoring="", seed=0)  # type: ignore[arg-type]
    assert "max_depth" in caught.value.next_step


def test_folds_follow_the_split_by_groups_or_by_time() -> None:
    search = search_of({"max_depth": [1, 2]})
    assert search is not None
    grouped = searching(DecisionTreeClassifier(), search, data(GROUPS), prefix="", scoring="", seed=0)
    assert isinstance(grouped.cv, GroupKFold)
    grouped.fit(FEATURES, LABELS, **groups_of(data(GROUPS)))
    timed = searching(DecisionTreeClassifier(), search, data(in_time=True), prefix="", scoring="", seed=0)
    assert isinstance(timed.cv, TimeSeriesSplit)


def test_in_a_pipeline_a_parameter_without_a_step_is_one_of_the_last() -> None:
    steps = "[sklearn.decomposition.PCA, sklearn.svm.SVC]"
    spec = TrainSpec(estimator=steps, search={"C": [1], "pca__whiten": [True]})
    search = search_of(spec.search)
    assert search is not None
    assert set(of_steps(search, spec).params) == {"svc__C", "pca__whiten"}
