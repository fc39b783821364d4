"""What the doctor says of a project, from its settings and the files that it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.doctor import project
from cmlkit.settings import schema


def failures(directory: Path, **variables: str) -> list[str]:
    settings = schema.load(environ={f"CMLKIT_{name}": text for name, text in variables.items()})
    return [finding.detail for finding in project.examined(settings, directory) if finding.state == "failed"]


@pytest.mark.parametrize(
    "command",
    [
        "python src/train.py",
        "cd src && python train.py",
        "cd src; python3 -u x && python train.py",
        "cd src\npython train.py",
        "python $HOME/train.py",
        "make train",
    ],
)
def test_a_command_that_can_run_is_let_through(tmp_path: Path, command: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").touch()
    assert failures(tmp_path, TRAIN_RUN=command) == []


def test_setup_and_training_start_in_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    assert failures(tmp_path, TRAIN_SETUP="cd src && make", TRAIN_RUN="python train.py") == []


def test_a_gate_without_rules_is_told(tmp_path: Path) -> None:
    findings = project.examined(schema.load(environ={"CMLKIT_TRAIN_RUN": "make"}), tmp_path)
    assert [finding.detail for finding in findings] == ["The gate has no rules: every model passes."]


def test_each_missing_script_and_each_rule_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    found = failures(
        tmp_path, TRAIN_SETUP="python get.py", TRAIN_RUN="cd src && python fit.py", GATE="a >>> 1\nb > 1\nc ?"
    )
    assert [detail.split("\n")[0][:30] for detail in found] == [
        "get.py, which training runs, i",
        "src/fit.py, which training run",
        "The gate's rule `a >>> 1` is w",
        "The gate's rule `c ?` is wrong",
    ]
