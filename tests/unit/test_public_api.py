"""`import cmlkit`: the exported names, and what it does not load."""

from __future__ import annotations

import importlib
import inspect

import pytest

import cmlkit


def test_the_exported_names_are_these() -> None:
    assert cmlkit.__all__ == sorted(cmlkit.__all__)
    assert set(cmlkit.__all__) == set(cmlkit._HOMES)
    assert {"launch_runner", "train", "save_model", "load_model", "compare", "Report", "publish", "GitHub"} <= set(
        cmlkit.__all__
    )


@pytest.mark.parametrize("name", cmlkit.__all__)
def test_every_exported_name_is_there_and_documented(name: str) -> None:
    value = getattr(cmlkit, name)
    assert inspect.getdoc(value)
    assert getattr(importlib.import_module(cmlkit._HOMES[name]), name) is value


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lunch_runner'"):
        cmlkit.lunch_runner  # noqa: B018
