"""Runs that the checkout describes, as on a developer's machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import cmlkit
from cmlkit.ci import workplace
from cmlkit.errors import SettingsError


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "--quiet", "--allow-empty", "--message", "m")
    git(tmp_path, "remote", "add", "origin", "git@forge.example:octo/model.git")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.parametrize("environ", [{}, {"GITHUB_RUN_ATTEMPT": "1"}], ids=["local", "some of a step's variables"])
def test_the_checkout_says_repository_and_commit_where_the_environment_does_not(
    clone: Path, environ: dict[str, str]
) -> None:
    run = workplace(environ).workflow_run(directory=clone, local_id="0a1b")
    assert (run.repository, run.sha) == ("octo/model", git(clone, "rev-parse", "HEAD"))
    assert (run.run_id, run.pull_request, run.branch) == ("local0a1b", None, "")


def test_the_environment_counts_before_the_checkout(clone: Path) -> None:
    environ = {"GITHUB_REPOSITORY": "octo/other", "GITHUB_SHA": "b" * 40, "GITHUB_RUN_ID": "9"}
    run = workplace(environ).workflow_run(directory=clone)
    assert (run.repository, run.sha, run.run_id) == ("octo/other", "b" * 40, "9")


def test_from_python_two_runs_of_a_checkout_share_no_label(clone: Path) -> None:
    first, second = (cmlkit.workflow_run({}, directory=clone) for _ in range(2))
    assert first.repository == second.repository == "octo/model"
    assert first.label != second.label


@pytest.mark.parametrize("environ", [{}, {"GITHUB_RUN_ID": "9"}], ids=["local", "some of a step's variables"])
def test_without_a_repository_the_error_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(SettingsError) as caught:
        cmlkit.workflow_run(environ, directory=tmp_path)
    assert "GITHUB_REPOSITORY=OWNER/NAME" in caught.value.next_step
