"""Runs that the checkout describes, as on a developer's machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import cmlkit
from cmlkit.__main__ import run as cmlkit_run
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


@pytest.mark.parametrize("environ", [{}, {"GITHUB_REPOSITORY": "octo/model"}], ids=["local", "a named repository"])
def test_the_server_of_the_checkout_is_that_of_the_run(clone: Path, environ: dict[str, str]) -> None:
    run = workplace(environ).workflow_run(directory=clone)
    assert run.repository_url == "https://forge.example/octo/model"


def test_the_address_that_git_uses_counts_as_a_mirror_may_stand_in_for_another_server(clone: Path) -> None:
    git(clone, "config", "url.https://github.com/.insteadOf", "git@forge.example:")
    assert workplace({}).workflow_run(directory=clone).repository_url == "https://github.com/octo/model"


def test_a_server_that_the_environment_names_counts_before_the_checkout(clone: Path) -> None:
    run = workplace({"GITHUB_SERVER_URL": "https://git.corp.example/"}).workflow_run(directory=clone)
    assert run.repository_url == "https://git.corp.example/octo/model"
    # The sandbox, or a script that names the API only.
    run = workplace({"GITHUB_API_URL": "http://127.0.0.1:1", "GITHUB_SHA": "a"}).workflow_run(directory=clone)
    assert run.server_url == "https://github.com"


def test_a_folder_is_no_repository_on_a_server(clone: Path) -> None:
    git(clone, "remote", "set-url", "origin", "/srv/git/octo/model.git")
    with pytest.raises(SettingsError, match="No repository is known."):
        workplace({}).workflow_run(directory=clone)


@pytest.mark.parametrize(
    "command", [["workflow", "rerun", "--id", "1"], ["asset", "publish", "plot.png"], ["runner", "launch"], ["init"]]
)
def test_a_repository_on_gitlab_is_refused_by_every_command_that_needs_its_forge(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.chdir(clone)
    (clone / "plot.png").write_bytes(b"pixels")
    git(clone, "remote", "set-url", "origin", "git@gitlab.com:octo/model.git")
    environ = {"PATH": os.environ["PATH"], "CMLKIT_TOKEN": "own", "GITHUB_TOKEN": "public"}
    assert cmlkit_run(command, environ=environ) == 2
    assert "GitLab is not supported yet: the repository is on gitlab.com." in capsys.readouterr().err
    assert git(clone, "status", "--porcelain") == "?? plot.png"


def test_a_token_in_the_shell_is_not_sent_to_the_server_of_whatever_was_cloned(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(clone)
    environ = {"PATH": os.environ["PATH"], "GITHUB_TOKEN": "public"}
    assert cmlkit_run(["workflow", "rerun", "--id", "1"], environ=environ) == 3
    said = capsys.readouterr().err
    assert "GITHUB_TOKEN are not sent to forge.example, the server of this checkout." in said
    assert "No GitHub token is set for octo/model." in said
