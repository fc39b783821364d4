"""Trainings in a work tree that is not the commit's: what the record and the report say of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cmlkit.records.training_run import TrainingRun
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.train import train
from tests.integration.test_training import environ

RUN = "mkdir -p model; date +%N > model/m.joblib; echo 'accuracy: 0.9' > model/metrics.txt; echo run >> log.txt"
SPEC = TrainSpec(run=RUN, model="model/m.joblib", metrics=("model/metrics.txt",), plots=(), data=())


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., None]:
    """Runs git in a repository with a commit."""

    def run(*arguments: str) -> None:
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    run("init", "--quiet")
    for path in ("train.py", "sub/features.py", "data.csv", "log.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("committed\n")
    run("add", "--all")
    run("commit", "--quiet", "-m", "Start")
    return run


def trained(directory: Path, spec: TrainSpec = SPEC) -> TrainingRun:
    run = train(spec, directory=directory, environ=environ())
    text = (directory / ".cmlkit" / "run.json").read_text()
    assert TrainingRun.from_json(text).uncommitted == run.uncommitted
    assert ("uncommitted" in text) == bool(run.uncommitted)
    return run


def test_a_clean_work_tree_has_none_and_neither_has_one_with_an_earlier_trainings_outputs(
    git: Callable[..., None], tmp_path: Path
) -> None:
    assert trained(tmp_path).uncommitted == ()
    git("add", "--all")
    git("commit", "--quiet", "-m", "The first model")
    trained(tmp_path)
    git("checkout", "-q", "log.txt")
    assert trained(tmp_path).uncommitted == ()


def test_changed_and_deleted_files_and_untracked_code_are_told_wherever_in_the_repository(
    git: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text("changed\n")
    (tmp_path / "data.csv").unlink()
    for path in ("new.py", "params.yaml", "notes.txt", "venv/lib/other.py", "sub/cache.bin"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("untracked\n")
    assert trained(tmp_path / "sub").uncommitted == ("data.csv", "new.py", "params.yaml", "train.py")


def test_files_that_the_setup_writes_are_no_change_of_the_code(git: Callable[..., None], tmp_path: Path) -> None:
    spec = TrainSpec(
        setup="echo fetched > data.csv", run=RUN, model=SPEC.model, metrics=SPEC.metrics, plots=(), data=()
    )
    assert trained(tmp_path, spec).uncommitted == ()


def test_outside_of_a_repository_none_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert trained(tmp_path).uncommitted == ()
