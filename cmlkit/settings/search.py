"""The setting `train.search`: the parameters to try, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GRID, RANDOM, HALVING = KINDS = ("grid", "random", "halving")
DISTRIBUTIONS = ("uniform", "loguniform", "randint")
FORMS = "parameters with lists of values, such as {params: {max_depth: [3, 5]}, cv: 5}"
DEFAULT_FOLDS, DEFAULT_CANDIDATES = 5, 10
_PARAMS, _KIND = "params", "kind"
_NUMBERS = ("cv", "iterations", "factor")


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search for parameters by cross-validation.

    Attributes:
        kind: `grid` tries all combinations, `random` some, `halving` all on few samples and the best on more.
        params: Parameter -> list of values, or, for `random`, {distribution: [low, high]}.
        folds: Number of parts of the training data, each of which tests once.
        scoring: scikit-learn scorer that decides; the first of `train.scoring`, or the estimator's own if empty.
        candidates: Combinations that `random` tries.
        factor: How many times fewer combinations each round of `halving` has.
    """

    kind: str = GRID
    params: Mapping[str, Any]
    folds: int = DEFAULT_FOLDS
    scoring: str = ""
    candidates: int = DEFAULT_CANDIDATES
    factor: int = 3


def search_of(value: Mapping[str, Any]) -> Search | None:
    """Return the search that the setting declares; None if it is empty.

    Raises:
        ValueError: The setting is malformed; the text describes valid values.
    """
    if not value:
        return None
    options = {str(name): item for name, item in value.items()}
    kind, scoring = str(options.pop(_KIND, GRID)), str(options.pop("scoring", "") or "")
    numbers = {name: _number(name, options.pop(name)) for name in _NUMBERS if name in options}
    params = options.pop(_PARAMS) if _PARAMS in options else options
    if params is not options and options:
        raise ValueError(f"params, kind, cv, scoring, iterations and factor, and not {min(options)}")
    if kind not in KINDS:
        raise ValueError(f"a kind of {', '.join(KINDS)}, and not {kind}")
    return Search(
        kind=kind,
        params=_params(params, kind),
        folds=numbers.get("cv", DEFAULT_FOLDS),
        scoring=scoring,
        candidates=numbers.get("iterations", DEFAULT_CANDIDATES),
        factor=numbers.get("factor", 3),
    )


def checked(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the setting as it is; raise the errors of `search_of`."""
    search_of(value)
    return value


def _params(params: Any, kind: str) -> dict[str, Any]:
    if not isinstance(params, Mapping) or not params:
        raise ValueError(FORMS)
    return {str(name): _values(str(name), values, kind) for name, values in params.items()}


def _values(name: str, values: Any, kind: str) -> Any:
    if isinstance(values, Mapping):
        [distribution] = values if len(values) == 1 else [""]
        ends = values.get(distribution)
        if distribution not in DISTRIBUTIONS or not isinstance(ends, list) or len(ends) != 2:
            raise ValueError(f"a list of values for {name}, or one of {', '.join(DISTRIBUTIONS)}: [LOW, HIGH]")
        if kind != RANDOM:
            raise ValueError(f"a list of values for {name}, as only kind: random draws from a distribution")
        return {distribution: ends}
    if not isinstance(values, list) or not values:
        raise ValueError(f"a list of values for {name}")
    return values


def _number(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 2 - (name == "iterations"):
        raise ValueError(f"a whole number from {2 - (name == 'iterations')} for {name}")
    return value
