"""The code that a report shows for each format of model files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from cmlkit.model.loaders import FILES, FOLDERS
from cmlkit.records.model_format import FORMATS, format_of, lines_for


@pytest.mark.parametrize("name", FORMATS)
def test_the_lines_are_python_that_loads_the_path_as_it_is_written(name: str) -> None:
    path = 'model/a "b" {x}.bin'
    lines = lines_for(name, path)
    constants = [node.value for node in ast.walk(ast.parse(lines)) if isinstance(node, ast.Constant)]
    assert not lines or path in constants


def test_a_format_is_loaded_if_it_has_a_loader() -> None:
    loaded = {name for name, item in FORMATS.items() if item.is_loaded}
    assert loaded == {*FILES, *FOLDERS, "skops"}


def test_no_line_trusts_code_that_a_model_brings() -> None:
    assert "weights_only=True" in lines_for("torch", "m")
    assert "safe_mode=True" in lines_for("keras", "m")
    assert all("trust_remote_code=True" not in item.lines for item in FORMATS.values())


def test_a_record_without_a_format_is_of_the_suffix() -> None:
    assert (format_of("", "m.joblib"), format_of("", "m.skops")) == ("joblib", "skops")
    assert format_of("of a later version", "m.joblib") == "other"


def test_the_reference_lists_each_format_and_whether_it_is_loaded() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "manifest.md").read_text(encoding="utf-8")
    rows = [
        line.split("|")
        for line in page.partition("## Formats")[2].splitlines()
        if line.startswith("| `") and "| `format`" not in line
    ]
    listed = {name: "not loaded" not in row[3] for row in rows for name in re.findall(r"`([\w-]+)`", row[1])}
    assert listed == {name: item.is_loaded for name, item in FORMATS.items()}
