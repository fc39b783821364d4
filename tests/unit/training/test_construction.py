"""The declared estimator: a class, or a pipeline of steps."""

from __future__ import annotations

from typing import Any

import pytest

from cmlkit.errors import SettingsError
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.construction import made, title_of
from cmlkit.training.estimator import default_model

STEPS = ["sklearn.preprocessing.StandardScaler", {"sklearn.decomposition.PCA": {"n_components": 2}}, "sklearn.svm.SVC"]


def spec_for(steps: Any, /, **params: object) -> TrainSpec:
    return TrainSpec(estimator=steps, params=params, seed=7)


def test_a_pipeline_has_its_steps_with_their_parameters_and_the_seed() -> None:
    spec = spec_for(STEPS, C=3, pca__whiten=True)
    pipeline = made(spec)
    assert [name for name, _ in pipeline.steps] == ["standardscaler", "pca", "svc"]
    assert (pipeline["pca"].n_components, pipeline["pca"].whiten, pipeline["pca"].random_state) == (2, True, 7)
    assert pipeline["svc"].C == 3
    assert (title_of(spec), default_model(spec)) == ("SVC", "model/svc.joblib")


def test_a_parameter_may_be_an_estimator_itself() -> None:
    inner = {"class": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 2}}
    boosted = made(spec_for("sklearn.ensemble.AdaBoostClassifier", estimator=inner))
    assert (boosted.estimator.max_depth, boosted.estimator.random_state) == (2, 7)


def test_a_search_has_the_cores_for_itself() -> None:
    path = "sklearn.ensemble.RandomForestClassifier"
    assert made(spec_for(path)).n_jobs == -1
    assert made(TrainSpec(estimator=path, search={"max_depth": [1, 2]})).n_jobs is None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (spec_for(["sklearn.svm.SVC", "sklearn.svm.SVC"]), "step svc-1 of train.estimator, before the last"),
        (spec_for(STEPS, pca__size=2), "The pipeline does not take these parameters"),
        (spec_for(STEPS, depth=2), "sklearn.svm.SVC does not take these parameters"),
        (spec_for(["sklearn.preprocessing.Scaler", "sklearn.svm.SVC"]), "cannot be imported"),
    ],
)
def test_a_wrong_pipeline_is_told(spec: TrainSpec, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        made(spec)
    assert message in caught.value.message
