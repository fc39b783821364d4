"""The JSON schema of `cmlkit.yaml`: what an editor marks is what cmlkit refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from cmlkit.errors import SettingsError
from cmlkit.settings import schema
from cmlkit.settings.json_schema import json_schema

VALIDATOR = Draft7Validator(json_schema())


def is_marked(text: str) -> bool:
    return not VALIDATOR.is_valid(yaml.safe_load(text))


def is_refused(text: str, folder: Path) -> bool:
    file = folder / "cmlkit.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        schema.load(environ={}, file=file)
    except SettingsError:
        return True
    return False


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(json_schema())


def test_each_setting_is_there_with_its_help_and_nothing_else() -> None:
    sections = json_schema()["properties"]
    for name, declarations in schema.SCHEMA.items():
        section = sections[name]["anyOf"][1] if name == "gate" else sections[name]
        expected = {declaration.name.replace("_", "-"): declaration.help for declaration in declarations}
        assert {key: value["description"] for key, value in section["properties"].items()} == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "runner:\n",
        "runner: {cpus: '8', memory: 16, max-lifetime: 1h30m, disk-size: 100}",
        "runner: {instance-type: [t3.large, t3a.large], tags: {team: vision}, labels: [gpu, 24.04]}",
        "runner: {market: spot, max-price: 0.25, docker: yes, sudo: off, idle-timeout: 7m, capacity-timeout: 0s}",
        "train: {run: python train.py, model: model.pkl, metrics: metrics.json, split: '', seed: 42, target:}",
        "train: {estimator: [{class: sklearn.svm.SVC, params: {C: 2}}], search: {params: {C: [1, 2]}, kind: grid}}",
        "publish: {store: s3://models/forest, auto-merge: squash, draft: false, check: true, reviewers: [octo]}",
        "gate: accuracy >= 0.9",
        "gate:\n  - accuracy >= 0.9\n  - latency_ms <= champion * 1.1",
        "gate: {rules: [accuracy >= 0.9], directions: {churn: lower}, primary-metric: churn}",
    ],
)
def test_what_loads_is_not_marked(text: str, tmp_path: Path) -> None:
    assert (is_refused(text, tmp_path), is_marked(text)) == (False, False)


@pytest.mark.parametrize(
    "text",
    [
        "runer: {}",
        "runner: {instance-typ: t3.large}",
        "runner: {instance_type: t3.large}",
        "runner: [t3.large]",
        "runner: {market: cheap}",
        "runner: {cpus: 2.5}",
        "runner: {cpus: -1}",
        "runner: {memory: much}",
        "runner: {disk-size: 0}",
        "runner: {count: 257}",
        "runner: {docker: perhaps}",
        "runner: {idle-timeout: 5}",
        "runner: {idle-timeout: 5 minutes}",
        "runner: {idle-timeout: 0s}",
        "runner: {idle-timeout: ''}",
        "runner: {tags: [a, b]}",
        "train: {run: [python, train.py, {a: b}]}",
        "train: {split: by-hand}",
        "train: {search: {params: {C: [1]}, kind: bayes}}",
        "publish: {labels: [{a: b}]}",
        "gate: {directions: {churn: down}}",
        "gate: [{accuracy: 0.9}]",
    ],
)
def test_what_is_refused_is_marked(text: str, tmp_path: Path) -> None:
    assert (is_refused(text, tmp_path), is_marked(text)) == (True, True)
