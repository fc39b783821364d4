"""`import cmlkit`: the exported names, what it does not load, and what all of them take and show."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pydoc
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cmlkit
from cmlkit import errors

NAMES = sorted(cmlkit._HOMES)


def test_the_exported_names_are_these() -> None:
    assert set(cmlkit.__all__) <= set(NAMES) <= set(dir(cmlkit))
    assert {"launch_runner", "train", "save_model", "load_model", "compare", "Report", "publish", "GitHub"} <= set(
        NAMES
    )
    assert {"from_env", "Project", "__version__"} <= set(dir(cmlkit))


@pytest.mark.parametrize("name", NAMES)
def test_every_exported_name_is_there_and_documented(name: str) -> None:
    value = getattr(cmlkit, name)
    assert inspect.getdoc(value)
    assert getattr(importlib.import_module(cmlkit._HOMES[name]), name) is value


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lunch_runner'"):
        cmlkit.lunch_runner  # noqa: B018


def test_every_error_that_a_command_ends_with_can_be_caught_by_its_name() -> None:
    there = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.CmlkitError) and value.__module__ == errors.__name__
    }
    assert there <= set(NAMES)


def test_the_version_is_that_of_the_distribution() -> None:
    file = Path(__file__).parents[2] / "pyproject.toml"
    assert cmlkit.__version__ == tomllib.loads(file.read_text(encoding="utf-8"))["project"]["version"]


def test_help_is_short_and_names_the_ways_in() -> None:
    text = pydoc.plain(pydoc.render_doc(cmlkit))
    assert len(text.splitlines()) < 300
    assert "cml = cmlkit.from_env()" in text


def parameters() -> Iterator[tuple[str, str, str]]:
    """Function or method, parameter, and its annotation as text, of everything that is exported."""
    for name in NAMES:
        value = getattr(cmlkit, name)
        callables: dict[str, Any] = {name: value} if inspect.isfunction(value) else {}
        if inspect.isclass(value) and name != "GitHub":  # whose methods publish calls
            own = vars(value).items()
            callables = {f"{name}.{key}": item for key, item in own if inspect.isfunction(item) and key[0] != "_"}
        for called, function in callables.items():
            for parameter in inspect.signature(function).parameters.values():
                yield called, parameter.name, str(parameter.annotation)


def test_a_path_may_be_text_or_a_path_everywhere() -> None:
    """Parameters that name files or folders; paths on a forge are text, as they are on every system."""
    only_paths = [item for item in parameters() if "Path" in item[2] and "str" not in item[2]]
    files = {"directory", "path", "output", "cache", "config", "folder"}
    # The output of a training is a file descriptor.
    only_text = [
        item for item in parameters() if item[1] in files and "PathLike" not in item[2] and "int" not in item[2]
    ]
    assert (only_paths, only_text) == ([], [])


@pytest.mark.parametrize("given", [Path("model/m.pkl"), "model/m.pkl"])
def test_a_setting_takes_a_path_as_it_takes_text(given: Any) -> None:
    spec = cmlkit.TrainSpec(model=given, metrics=(given,), data=given)
    assert (spec.model, spec.metrics, spec.data) == ("model/m.pkl", ("model/m.pkl",), ("model/m.pkl",))


@pytest.mark.parametrize("name", ["compare", "from_env", "load_model", "paired_interval", "save_model", "workflow_run"])
def test_the_example_in_a_docstring_is_true(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [example] = doctest.DocTestFinder().find(getattr(cmlkit, name), globs={"cmlkit": cmlkit})
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0
