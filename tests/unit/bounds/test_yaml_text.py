"""YAML that others wrote: its nesting and its aliases are bounded, and any fault is one of YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cmlkit import pipeline
from cmlkit.bounds.yaml_text import DEPTH_LIMIT, yaml_node, yaml_problem, yaml_value
from cmlkit.errors import SettingsError
from cmlkit.gate.metrics import find
from cmlkit.settings.schema import load
from cmlkit.training.parameters import in_file

# https://en.wikipedia.org/wiki/Billion_laughs_attack#Variations
LAUGHS = "a: &a [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{','.join([f'*{before}'] * 9)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
NESTED = "a: " + "[" * 500 + "]" * 500
CHAIN = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 3 * DEPTH_LIMIT))
CIRCLE = "a: &a [1, *a]\n"
BOMBS = pytest.mark.parametrize("text", [LAUGHS, MERGES, NESTED, CHAIN, CIRCLE], ids=["l", "m", "n", "c", "o"])


@BOMBS
def test_a_short_text_that_stands_for_a_huge_value_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError) as caught:
        yaml_value(text)
    assert "repeat" in str(caught.value) or "nests" in str(caught.value) or "leads to" in str(caught.value)


def test_the_line_of_the_fault_is_told() -> None:
    with pytest.raises(yaml.YAMLError) as caught:
        yaml_node(LAUGHS)
    assert yaml_problem("params.yaml", caught.value).startswith("params.yaml:7: this is not valid YAML: its aliases")


def test_aliases_as_people_write_them_are_read() -> None:
    text = "base: &base {lr: 0.1, layers: [64, 32]}\nsmall:\n  <<: *base\n  lr: 0.01\n"
    assert yaml_value(text)["small"] == {"lr": 0.01, "layers": [64, 32]}


@pytest.mark.parametrize("text", ["a: 2026-02-30", "a: !!int x", "a: !!bool x", "a: !!timestamp x", f"a: {'9' * 5000}"])
def test_a_value_that_is_none_of_its_type_is_a_fault_of_yaml(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        yaml_value(text)


@BOMBS
def test_settings_name_the_file_and_the_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "cmlkit.yaml"
    file.write_text(f"train:\n  params:\n    {text.replace(chr(10), chr(10) + '    ')}\n")
    with pytest.raises(SettingsError, match=r"cmlkit\.yaml"):
        load(file=file, environ={})


@BOMBS
def test_parameters_that_repeat_without_end_are_left_out(text: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(text)
    warnings: list[str] = []
    assert in_file(tmp_path, warnings.append) == {}
    assert len(warnings) == 1


@BOMBS
def test_metrics_that_repeat_without_end_are_read_as_lines_at_most(text: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.yaml").write_text(text)
    found = find(["metrics.yaml"], tmp_path)
    assert len(found.values) <= 1
    assert "not valid YAML" in found.warnings[0]


@BOMBS
def test_a_pipeline_that_repeats_without_end_is_none(text: str) -> None:
    assert pipeline.outputs(lambda path: text.encode()) == ()
