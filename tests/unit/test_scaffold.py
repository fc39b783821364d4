"""The scaffold: what is guessed of a project, and the files that come of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cmlkit import scaffold
from cmlkit.settings import schema


def guessed(files: dict[str, str]) -> scaffold.Guess:
    return scaffold.guess(files, files.__getitem__)


def test_the_reference_project_is_understood_from_its_scripts_alone() -> None:
    folder = scaffold.example()
    files = {name: (folder / name).read_text() for name in ("train.py", "score.py", "get_data.py", "requirements.txt")}
    found = guessed(files)
    assert found.train == yaml.safe_load((folder / "cmlkit.yaml").read_text())["train"]
    assert found.missing == ()


@pytest.mark.parametrize(
    ("files", "key", "value"),
    [
        ({"src/train.py": ""}, "run", "python src/train.py"),
        ({"train.py": "", "old/train.py": ""}, "run", "python train.py"),
        ({"train.py": "", "uv.lock": "", "requirements.txt": ""}, "run", "uv run python train.py"),
        ({"train.py": "", "uv.lock": "", "requirements.txt": ""}, "setup", "pip install uv && uv sync --frozen"),
        ({"train.py": "", "pyproject.toml": ""}, "setup", "pip install ."),
        ({"train.py": "", "scripts/get_data.py": ""}, "setup", "python scripts/get_data.py"),
        ({"train.py": "open('out/scores.json', 'w')"}, "metrics", ["out/scores.json"]),
        ({"train.py": "", "models/m.pkl": ""}, "model", "models/m.pkl"),
        ({"train.py": "dump(m, 'model.skops')"}, "model", "model.skops"),
        ({"train.py": "", "data/a.csv": ""}, "data", ["data/"]),
        ({"train.py": "", "docs/logo.png": "", "plots/roc.svg": ""}, "plots", ["plots/roc.svg"]),
        ({"train.py": ""}, "plots", []),
        ({"train.py": ""}, "data", []),
    ],
)
def test_each_setting_is_guessed_from_what_is_there(files: dict[str, str], key: str, value: Any) -> None:
    assert guessed(files).train[key] == value


PIPELINE = """\
stages:
  prepare: {cmd: python src/prepare.py, deps: [src/prepare.py, data/raw, s3://bucket/a.csv], outs: [data/prepared]}
  train: {cmd: python src/train.py, deps: [src/train.py, data/prepared], params: [depth], outs: [out/forest.onnx]}
  evaluate:
    cmd: python src/evaluate.py
    deps: [out/forest.onnx]
    metrics: [out/metrics.json: {cache: false}]
    plots: [out/roc.png, out/predictions.csv]
metrics: [out/more.json]
plots: [{Loss: {y: {out/loss.csv: loss}}}, out/loss.svg]
"""


def test_a_pipeline_of_dvc_says_what_it_reads_and_writes() -> None:
    files = {
        "dvc.yaml": PIPELINE,
        "src/train.py": "dump(m, 'model.pkl')",
        "requirements.txt": "numpy\n",
        ".dvc/config": "[core]\n    remote = eu\n['remote \"eu\"']\n    url = s3://bucket/dvc\n",
    }
    assert guessed(files).train == {
        "setup": "pip install -r requirements.txt && pip install 'dvc[s3]' && dvc pull --allow-missing",
        "run": "dvc repro",
        "model": "out/forest.onnx",
        "metrics": ["out/metrics.json", "out/more.json"],
        "plots": ["out/roc.png", "out/loss.svg"],
        "data": ["data/raw", "s3://bucket/a.csv"],
    }


@pytest.mark.parametrize(
    ("outputs", "model"),
    [
        ("a: {outs: [features.csv]}, fit: {outs: [weights]}", "weights"),
        ("a: {outs: [features.csv]}, b: {outs: [best_model]}", "best_model"),
        ("train: {outs: [log.txt]}, b: {outs: [m.pkl]}", "m.pkl"),
    ],
)
def test_the_model_among_the_outputs_is_told_by_suffix_stage_and_name(outputs: str, model: str) -> None:
    assert guessed({"dvc.yaml": f"stages: {{{outputs}}}"}).train["model"] == model


def test_a_pipeline_without_a_model_leaves_it_missing_and_one_in_a_folder_is_named_in_the_command() -> None:
    found = guessed({"ml/dvc.yaml": "stages: {a: {cmd: x, outs: [b.csv]}}", "uv.lock": "dvc"})
    assert (found.train["run"], found.missing) == ("uv run dvc repro ml/dvc.yaml", ("model", "metrics"))


def test_what_is_not_found_is_named_and_not_made_up() -> None:
    found = guessed({"notebook.ipynb": ""})
    assert found.missing == ("run", "model", "metrics")
    assert not {"run", "model", "metrics"} & set(found.train)


def test_the_settings_file_loads_and_has_what_was_said(tmp_path: Path) -> None:
    sections: dict[str, dict[str, Any]] = {
        "runner": {"instance-type": ("c7i.xlarge",), "max-lifetime": 5400.0, "tags": {"team": "a: b"}, "count": 2},
        "train": {"run": "python train.py --name 'x: #1'", "plots": [], "data": ["data/"]},
    }
    file = tmp_path / "cmlkit.yaml"
    file.write_text(scaffold.settings_file(sections, gate={"gate": ("accuracy >= champion - 0.01",)}))
    loaded = schema.load(environ={}, file=file)
    assert loaded.runner.instance_type == ("c7i.xlarge",)
    assert (loaded.runner.max_lifetime, loaded.runner.tags, loaded.runner.count) == (5400, {"team": "a: b"}, 2)
    assert (loaded.train.run, loaded.train.plots) == ("python train.py --name 'x: #1'", ())
    assert loaded.gate.rules == ("accuracy >= champion - 0.01",)


AWKWARD = ("a: b #c", "on", "1e3", "a\nb: c", 'it\'s "so" \\1', "'", "- x", "*a", "a #b", "y")


@pytest.mark.parametrize("text", AWKWARD)
def test_any_text_of_a_setting_and_any_rule_comes_back(tmp_path: Path, text: str) -> None:
    rules = ('"val: loss" <= 1', "`a #b` >= 0.5", text)
    written = scaffold.settings_file(
        {"train": {"run": text, "params": {text: text}, "data": [text]}}, gate={"gate": rules}
    )
    read = yaml.safe_load(written)
    assert read == {"train": {"run": text, "params": {text: text}, "data": [text]}, "gate": list(rules)}
    assert max(map(len, written.splitlines())) < 500
    assert len(written.splitlines()) == 11, "each value is on one line"


@pytest.mark.parametrize("text", AWKWARD)
def test_region_schedule_and_action_stay_values_of_the_workflow(text: str) -> None:
    template = scaffold.workflow("train-on-ec2.yml")
    written = scaffold.workflow_file(template, action=text, region=text, schedule=text)
    assert len(written.splitlines()) == len(template.splitlines())
    workflow = yaml.safe_load(written)
    assert workflow["env"]["AWS_REGION"] == text
    assert workflow[True]["schedule"] == [{"cron": text}]  # PyYAML takes the key `on` for a boolean
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert text in [step.get("uses") for step in steps]


def test_without_rules_the_settings_file_suggests_some(tmp_path: Path) -> None:
    text = scaffold.settings_file({"train": {"run": "make"}})
    (tmp_path / "cmlkit.yaml").write_text(text.replace("# gate", "gate").replace("#   -", "  -"))
    assert len(schema.load(environ={}, file=tmp_path / "cmlkit.yaml").gate.rules) == 2


@pytest.mark.parametrize("name", scaffold.workflow_names())
def test_a_workflow_gets_action_region_and_schedule_and_nothing_else_changes(name: str) -> None:
    template = scaffold.workflow(name)
    text = scaffold.workflow_file(template, action="me/cmlkit@v9", region="eu-north-1", schedule="5 4 * * 1")
    assert scaffold.ACTION in template, "it works as it is copied"
    assert scaffold.ACTION not in text
    assert ("AWS_REGION: eu-north-1" in text) == ("AWS_REGION:" in template)
    assert ('cron: "5 4 * * 1"' in text) == ("cron:" in template)
    assert len(text.splitlines()) == len(template.splitlines())
    assert scaffold.workflow_file(template) == template
