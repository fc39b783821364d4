"""The setting `train.estimator`: a class, or a pipeline of steps with their parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FORMS = "an import path, or a list of steps such as - sklearn.svm.SVC: {C: 1}"
CLASS, PARAMS, NAME, STEPS = "class", "params", "name", "steps"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a pipeline.

    Attributes:
        path: Import path of its class.
        params: Parameters of the class.
    """

    name: str
    path: str
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def steps_of(text: str) -> tuple[Step, ...]:
    """Return the steps that `canonical` has written; none if the text is an import path."""
    if not text.startswith("["):
        return ()
    return tuple(Step(name=item[NAME], path=item[CLASS], params=item[PARAMS]) for item in _yaml(text))


def paths_of(text: str) -> tuple[str, ...]:
    """Return the import paths in the setting, those of a pipeline in the order of its steps."""
    return tuple(step.path for step in steps_of(text)) or ((text,) if text else ())


def canonical(value: Any) -> str:
    """Return the setting as text: an import path, or a pipeline's steps as YAML on one line.

    Steps are a list, or a mapping of names. Each is an import path, a mapping of a path to its parameters, or a mapping
    with `class`, `params` and `name`.

    Raises:
        ValueError: The value is neither; the text describes valid values.
    """
    if value is None or isinstance(value, str):
        text = (value or "").strip()
        if not text.startswith(("[", "{")):
            return text
        value = _yaml(text)
    if isinstance(value, Mapping) and set(value) == {STEPS}:
        value = value[STEPS]
    if isinstance(value, Mapping):
        if CLASS in value or (len(value) == 1 and "." in str(next(iter(value)))):
            value = [value]
        else:
            value = [_named(str(name), step) for name, step in value.items()]
    if not isinstance(value, Sequence) or not value:
        raise ValueError(FORMS)
    steps = _with_names([_step(item) for item in value])
    items = [{NAME: step.name, CLASS: step.path, PARAMS: dict(step.params)} for step in steps]
    return _written(items)


def _named(name: str, item: Any) -> Mapping[str, Any]:
    step = _step(item)
    return {NAME: name, CLASS: step.path, PARAMS: step.params}


def _step(item: Any) -> Step:
    if isinstance(item, str):
        return Step(name="", path=item.strip())
    if not isinstance(item, Mapping) or not item:
        raise ValueError(FORMS)
    fields = {str(name): value for name, value in item.items()}
    params = fields.pop(PARAMS, None) or {}
    name, path = str(fields.pop(NAME, "")), fields.pop(CLASS, "")
    if not path and len(fields) == 1:
        first, second = fields.popitem()
        if "." in first:  # a path and its parameters
            path, params = first, second or {}
        else:  # a name, and a path or a step
            inner = _step(second)
            name, path, params = first, inner.path, {**inner.params, **params}
    if fields or not isinstance(path, str) or not path or not isinstance(params, Mapping):
        raise ValueError(FORMS)
    return Step(name=name, path=path.strip(), params={str(key): value for key, value in params.items()})


def _with_names(steps: Sequence[Step]) -> list[Step]:
    """Return the steps with names as scikit-learn's `make_pipeline` gives them; names must differ."""
    classes = [step.path.rpartition(".")[2].lower() for step in steps]
    names = [
        step.name or (name if classes.count(name) == 1 else f"{name}-{classes[: place + 1].count(name)}")
        for place, (step, name) in enumerate(zip(steps, classes, strict=True))
    ]
    if len(set(names)) < len(names):
        raise ValueError("steps with different names")
    return [dataclasses.replace(step, name=name) for step, name in zip(steps, names, strict=True)]


def _written(items: Sequence[Mapping[str, Any]]) -> str:
    import yaml

    from cmlkit.sinks.yaml_text import inline

    try:
        return inline(items)
    except yaml.YAMLError:
        raise ValueError(f"{FORMS}, with parameters of plain values") from None


def _yaml(text: str) -> Any:
    import yaml

    from cmlkit.bounds.yaml_text import yaml_value

    try:
        return yaml_value(text)
    except yaml.YAMLError as error:
        raise ValueError(f"valid YAML: {error}") from None
