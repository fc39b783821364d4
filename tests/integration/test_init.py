"""`cmlkit init` in real repositories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cmlkit import scaffold
from cmlkit.__main__ import run

WORKFLOW = Path(".github/workflows/train-on-ec2.yml")
ACTIONLINT = Path(sys.prefix) / "bin" / "actionlint"


@pytest.fixture
def project(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example's scripts in a repository of their own."""
    monkeypatch.delenv("AWS_REGION", raising=False)
    for name in ("train.py", "get_data.py", "requirements.txt"):
        (checkout / name).write_text((scaffold.example() / name).read_text())
    subprocess.run(["git", "remote", "add", "origin", "https://github.com/octo/forest.git"], cwd=checkout, check=True)
    return checkout


def init(*arguments: str) -> int:
    return run(["init", *arguments], environ=os.environ)


def files(project: Path) -> set[str]:
    found = (path.relative_to(project) for path in project.rglob("*") if path.is_file())
    return {str(path) for path in found if path.parts[0] != ".git"}


def test_two_files_are_written_and_the_rest_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(project)
    assert init() == 0
    assert files(project) - before == {"cmlkit.yaml", str(WORKFLOW)}
    said = capsys.readouterr().out
    assert "CMLKIT_RUNNER_TOKEN: https://github.com/octo/forest/settings/secrets/actions" in said
    assert "AWS_ROLE_ARN: https://github.com/octo/forest/settings/variables/actions" in said
    assert run(["config", "show", "--json"], environ=os.environ) == 0
    assert json.loads(capsys.readouterr().out)["train.run"] == {"value": "python train.py", "source": "cmlkit.yaml:5"}


def test_what_was_not_found_is_told_with_the_default_that_stands(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("train.py").write_text("import joblib\n")
    assert init() == 0
    said = capsys.readouterr().err
    assert "No file for train.model was found; its default applies: model/random_forest.joblib." in said
    assert "No file for train.metrics was found; its default applies: model/metrics.txt." in said


def test_flags_are_written_down(project: Path) -> None:
    flags = ["--cpus", "4", "--region", "eu-north-1", "--schedule", "0 6 * * 1", "--gate", "accuracy >= 0.9"]
    assert init(*flags, "--run", "make train", "--auth", "keys") == 0
    settings = yaml.safe_load(Path("cmlkit.yaml").read_text())
    assert settings["runner"] == {"cpus": 4, "region": ["eu-north-1"]}
    assert settings["train"]["run"] == "make train"
    assert settings["gate"] == ["accuracy >= 0.9"]
    workflow = WORKFLOW.with_name("train-on-ec2-with-keys.yml").read_text()
    assert 'cron: "0 6 * * 1"' in workflow
    assert "AWS_REGION: eu-north-1" in workflow


def test_all_templates_are_written_as_workflows_that_github_takes(project: Path) -> None:
    arguments = [word for name in scaffold.workflow_names() for word in ("--workflow", name)]
    assert init(*arguments, "--region", "eu-north-1", "--schedule", "0 6 * * 1") == 0
    written = sorted(Path(".github/workflows").iterdir())
    assert [path.name for path in written] == scaffold.workflow_names()
    done = subprocess.run([ACTIONLINT, *written], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_nothing_is_overwritten_and_then_nothing_is_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    WORKFLOW.parent.mkdir(parents=True)
    WORKFLOW.write_text("mine\n")
    assert init() == 2
    assert f"{WORKFLOW} exists already; nothing was written" in capsys.readouterr().err
    assert WORKFLOW.read_text() == "mine\n"
    assert not Path("cmlkit.yaml").exists()
    assert init("--force") == 0
    assert WORKFLOW.read_text() != "mine\n"


def test_settings_that_are_there_stay_while_a_workflow_is_added(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init() == 0
    Path("cmlkit.yaml").write_text("train: {run: python mine.py}\n")
    capsys.readouterr()
    assert init("--workflow", "reap.yml") == 0
    out, err = capsys.readouterr()
    assert "unchanged  cmlkit.yaml" in out
    assert "warning" not in err
    assert init("--run", "python other.py", "--gate", "accuracy > 0") == 0
    assert "cmlkit.yaml exists and was kept, without --run, --gate" in capsys.readouterr().err
    assert Path("cmlkit.yaml").read_text() == "train: {run: python mine.py}\n"
    assert WORKFLOW.with_name("reap.yml").exists()


def test_without_a_script_it_asks_for_the_command_by_flag(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init() == 2
    assert 'cmlkit init --run "python SCRIPT"' in capsys.readouterr().err
    assert files(checkout) == set()


def test_the_example_is_a_project_that_trains(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init("--example", "--json") == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert {"train.py", "cmlkit.yaml", str(WORKFLOW)} <= set(written)
    assert run(["config", "show"], environ=os.environ) == 0


def test_a_template_that_does_not_exist_is_an_error_with_those_that_do(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init("--workflow", "train.yml") == 2
    assert "train-on-ec2.yml" in capsys.readouterr().err
    assert not Path("cmlkit.yaml").exists()
