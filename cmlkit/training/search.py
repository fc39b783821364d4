"""A search for parameters: scikit-learn's, by cross-validation on the rows to train on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from cmlkit.errors import SettingsError
from cmlkit.formats import number
from cmlkit.records.training_run import PlotTable
from cmlkit.settings.pipeline import steps_of
from cmlkit.settings.schema import TrainSpec
from cmlkit.settings.search import HALVING, RANDOM, Search
from cmlkit.settings.setting import nearest
from cmlkit.training.construction import NESTED
from cmlkit.training.tables.dataset import Dataset

MOST_ROWS = 50


def searching(estimator: Any, search: Search, data: Dataset, *, prefix: str, scoring: str, seed: int) -> Any:
    """Return the search, ready to be fitted with `groups_of(data)`.

    Args:
        prefix: The estimator's name as a step of the pipeline that `estimator` is, if it is one, with `__` behind.
        scoring: scikit-learn scorer that decides, unless the search names its own; the estimator's own if empty.

    Raises:
        SettingsError: The estimator has no such parameter.
    """
    from sklearn import model_selection

    params = {f"{prefix}{name}": _drawn(values) for name, values in search.params.items()}
    takes = estimator.get_params(deep=True)
    if unknown := [name.removeprefix(prefix) for name in params if name not in takes]:
        known = [name.removeprefix(prefix) for name in takes if name.startswith(prefix)]
        raise SettingsError(
            f"train.search names {unknown[0]!r}, which is no parameter.", next_step=nearest(unknown[0], known)
        )
    options: dict[str, Any] = {"scoring": search.scoring or scoring or None, "cv": _folds(search, data), "n_jobs": -1}
    if search.kind == RANDOM:
        return model_selection.RandomizedSearchCV(
            estimator, params, n_iter=_most(params, search), random_state=seed, **options
        )
    if search.kind == HALVING:
        from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - makes the class importable

        return model_selection.HalvingGridSearchCV(
            estimator, params, factor=search.factor, random_state=seed, **options
        )
    return model_selection.GridSearchCV(estimator, params, **options)


def of_steps(search: Search, spec: TrainSpec) -> Search:
    """Return the search with full names: in a pipeline, a parameter that names no step is one of the last."""
    steps = steps_of(spec.estimator)
    if not steps:
        return search
    params = {(name if NESTED in name else f"{steps[-1].name}{NESTED}{name}"): v for name, v in search.params.items()}
    return dataclasses.replace(search, params=params)


def found_params(searched: Any, prefix: str) -> dict[str, Any]:
    """Return the parameters of the best combination, under the names that the setting has for them."""
    return {name.removeprefix(prefix): value for name, value in searched.best_params_.items()}


def table_of(searched: Any, prefix: str) -> PlotTable:
    """Return the combinations with their scores, the best first, at most `MOST_ROWS`."""
    results = searched.cv_results_
    names = [name.removeprefix("param_") for name in results if name.startswith("param_")]
    rounds = results.get("iter")
    best = int(searched.best_index_)
    order = sorted(range(len(results["params"])), key=lambda place: (place != best, results["rank_test_score"][place]))
    rows = [
        (
            *(str(results["params"][place].get(name, "")) for name in names),
            number(float(results["mean_test_score"][place])),
            number(float(results["std_test_score"][place])),
            f"{float(results['mean_fit_time'][place]):.2f}",
            *([] if rounds is None else [f"{int(results['n_resources'][place]):,}"]),
        )
        for place in order[:MOST_ROWS]
    ]
    extra = () if rounds is None else ("Samples",)
    header = (*(name.removeprefix(prefix) for name in names), "Score", "± between folds", "Fit, s", *extra)
    return PlotTable(header=header, rows=tuple(rows))


def groups_of(data: Dataset) -> Mapping[str, Any]:
    """Return the further arguments of `fit`: the groups, if there are any."""
    return {} if data.groups is None else {"groups": data.groups}


def _folds(search: Search, data: Dataset) -> Any:
    """Return the number of folds, which scikit-learn stratifies for classes, or folds by group or in time."""
    from sklearn.model_selection import GroupKFold, TimeSeriesSplit

    if data.groups is not None:
        return GroupKFold(n_splits=search.folds)
    return TimeSeriesSplit(n_splits=search.folds) if data.in_time else search.folds


def _most(params: Mapping[str, Any], search: Search) -> int:
    """Return how many combinations to draw: not more than there are, of which scikit-learn would warn."""
    combinations = 1
    for values in params.values():
        if not isinstance(values, list):
            return search.candidates
        combinations *= len(values)
    return min(search.candidates, combinations)


def _drawn(values: Any) -> Any:
    """Return a list as it is, and a distribution as one of SciPy's."""
    if not isinstance(values, Mapping):
        return values
    from scipy import stats

    [(name, (low, high))] = values.items()
    # SciPy's uniform takes a width.
    return stats.uniform(low, high - low) if name == "uniform" else getattr(stats, name)(low, high)
