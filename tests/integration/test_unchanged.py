"""Trainings that have nothing to do: make's and DVC's way to leave files as they are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cmlkit.errors import ModelError, NothingToDo, SettingsError
from cmlkit.records.training_run import RECORD, UNCHANGED
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.train import train
from tests.integration.test_training import environ

# A program named dvc that does as `dvc repro` does if no stage has changed, or if one has.
NOTHING, SOMETHING = "Data and pipelines are up to date.", "echo new > m.pkl; echo 'acc: 0.9' > metrics.yaml"
PIPELINE = "stages: {train: {cmd: python train.py, outs: [m.pkl], metrics: [metrics.yaml: {cache: false}]}}\n"


def project(folder: Path) -> Path:
    (folder / "m.pkl").write_text("old")
    (folder / "metrics.yaml").write_text("acc: 0.8\n")
    return folder


def spec(run: str, unchanged: str = "") -> TrainSpec:
    return TrainSpec(run=run, model="m.pkl", metrics=("metrics.yaml",), plots=(), data=(), unchanged=unchanged)


def dvc(folder: Path, does: str) -> str:
    """A pipeline that has run before, and the command that runs it."""
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "dvc.lock").write_text("schema: '2.0'\n")
    return f"dvc() {{ {does}; }}; dvc repro"


def test_make_that_finds_nothing_changed_fails_and_the_error_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is from before") as caught:
        train(spec("echo \"make: Nothing to be done for 'all'.\""), directory=project(tmp_path), environ=environ())
    assert "train.unchanged to skip" in caught.value.next_step


def test_with_the_setting_it_ends_without_a_record_and_leaves_a_note(tmp_path: Path) -> None:
    with pytest.raises(NothingToDo, match=r"m\.pkl is from before") as caught:
        train(spec("true", unchanged="skip"), directory=project(tmp_path), environ=environ())
    assert caught.value.exit_code == 0
    assert not (tmp_path / RECORD).exists()
    train(spec(SOMETHING, unchanged="skip"), directory=tmp_path, environ=environ())
    assert not (tmp_path / UNCHANGED).exists()


def test_a_dvc_pipeline_may_find_nothing_changed_unless_the_setting_says_otherwise(tmp_path: Path) -> None:
    run = dvc(project(tmp_path), f"echo {NOTHING}")
    with pytest.raises(NothingToDo, match=r"dvc\.lock is as before"):
        train(spec(run), directory=tmp_path, environ=environ())
    with pytest.raises(ModelError, match="is from before"):
        train(spec(run, unchanged="fail"), directory=tmp_path, environ=environ())


def test_outputs_that_dvc_fetches_for_an_unchanged_lock_file_are_no_training(tmp_path: Path) -> None:
    run = dvc(tmp_path, SOMETHING)
    with pytest.raises(NothingToDo):
        train(spec(run), directory=tmp_path, environ=environ())


def test_a_pipeline_that_only_evaluates_again_is_a_training_with_the_model_as_it_was(tmp_path: Path) -> None:
    run = dvc(project(tmp_path), "echo 'acc: 0.7' > metrics.yaml; echo changed >> dvc.lock")
    assert train(spec(run), directory=tmp_path, environ=environ()).metrics == {"acc": 0.7}


def test_a_manifest_that_would_lie_in_a_folder_of_dvc_is_refused_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {train: {cmd: python train.py, outs: [model]}}\n")
    inside = TrainSpec(run="touch trained", model="model/m.pkl", metrics=("model/metrics.yaml",), plots=(), data=())
    with pytest.raises(SettingsError, match="would lie in model, a folder that DVC keeps") as caught:
        train(inside, directory=tmp_path, environ=environ())
    assert "set train.model to model" in caught.value.next_step
    (tmp_path / "dvc.yaml").rename(tmp_path / "model.dvc")
    with pytest.raises(SettingsError, match=r"according to model\.dvc"):
        train(inside, directory=tmp_path, environ=environ())
    assert not (tmp_path / "trained").exists()


def test_a_model_that_is_missing_is_an_error_with_the_setting_too(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        train(spec("echo 'acc: 1' > metrics.yaml", unchanged="skip"), directory=tmp_path, environ=environ())


def test_the_commands_say_so_and_nothing_is_published(tmp_path: Path) -> None:
    there, outputs = project(tmp_path), tmp_path / "outputs"
    command = ["train", "--unchanged", "skip", "--run", "true", "--model", "m.pkl", "--metrics", "metrics.yaml"]
    for arguments in (command, ["publish"]):
        job = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(outputs), "GITHUB_REPOSITORY": "octo/forest"}
        ended = subprocess.run(
            [sys.executable, "-m", "cmlkit", *arguments],
            cwd=there,
            env={**environ(), **job},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "Nothing to do. m.pkl is from before" in ended.stdout
    written = outputs.read_text()
    assert re.findall(r"^(trained|published)<<.*\n(.*)$", written, re.MULTILINE) == [
        ("trained", "false"),
        ("published", "false"),
    ]
