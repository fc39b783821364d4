"""The text of a project's first `cmlkit.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cmlkit.scaffold import templates
from cmlkit.scaffold.settings_text import SCHEMA_FILE, schema_address, settings_file
from cmlkit.settings import schema
from tests import documented
from tests.unit.scaffold.awkward import AWKWARD


def test_the_settings_file_loads_and_has_what_was_said(tmp_path: Path) -> None:
    sections: dict[str, dict[str, Any]] = {
        "runner": {"instance-type": ("c7i.xlarge",), "max-lifetime": 5400.0, "tags": {"team": "a: b"}, "count": 2},
        "train": {"run": "python train.py --name 'x: #1'", "plots": [], "data": ["data/"]},
    }
    file = tmp_path / "cmlkit.yaml"
    file.write_text(settings_file(sections, gate={"gate": ("accuracy >= champion - 0.01",)}))
    loaded = schema.load(environ={}, file=file)
    assert loaded.runner.instance_type == ("c7i.xlarge",)
    assert (loaded.runner.max_lifetime, loaded.runner.tags, loaded.runner.count) == (5400, {"team": "a: b"}, 2)
    assert (loaded.train.run, loaded.train.plots) == ("python train.py --name 'x: #1'", ())
    assert loaded.gate.rules == ("accuracy >= champion - 0.01",)


@pytest.mark.parametrize("text", AWKWARD)
def test_any_text_of_a_setting_and_any_rule_comes_back(tmp_path: Path, text: str) -> None:
    rules = ('"val: loss" <= 1', "`a #b` >= 0.5", text)
    written = settings_file({"train": {"run": text, "params": {text: text}, "data": [text]}}, gate={"gate": rules})
    read = yaml.safe_load(written)
    assert read == {"train": {"run": text, "params": {text: text}, "data": [text]}, "gate": list(rules)}
    assert max(map(len, written.splitlines())) < 500
    assert len(written.splitlines()) == 11, "each value is on one line"


def test_without_rules_the_settings_file_suggests_some(tmp_path: Path) -> None:
    text = settings_file({"train": {"run": "make"}})
    (tmp_path / "cmlkit.yaml").write_text(text.replace("# gate", "gate").replace("#   -", "  -"))
    assert len(schema.load(environ={}, file=tmp_path / "cmlkit.yaml").gate.rules) == 2


@pytest.mark.parametrize(
    ("action", "place"),
    [
        (templates.ACTION, "cmlkit/cmlkit/v1"),
        ("octo/cmlkit@main", "octo/cmlkit/main"),
        ("octo/cmlkit@releases/v1", "octo/cmlkit/releases/v1"),
    ],
)
def test_the_first_line_names_the_schema_of_the_version_that_the_workflow_uses(action: str, place: str) -> None:
    first, *_ = settings_file({}, schema=schema_address(action)).splitlines()
    assert first == f"# yaml-language-server: $schema=https://raw.githubusercontent.com/{place}/{SCHEMA_FILE}"
    assert (documented.ROOT / SCHEMA_FILE).is_file()


@pytest.mark.parametrize("action", ["./", "octo/cmlkit", "octo/tools/cmlkit@v1", "docker://octo/cmlkit", "o/c@a b"])
def test_an_action_without_a_place_of_a_schema_gets_no_such_line(action: str) -> None:
    assert "yaml-language-server" not in settings_file({}, schema=schema_address(action))
