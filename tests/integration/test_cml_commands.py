"""The commands for workflows that were written for CML, against the sandbox."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit.sandbox import Sandbox


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, as the working directory, and no settings of git but its own."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    git("init", "--quiet")
    return project


@pytest.fixture
def sandbox(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox, and the variables of a workflow run there."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "README.md").write_text("# A project\n")
    with Sandbox(tmp_path / "sandbox", source=source, boot=False) as sandbox:
        for name in [name for name in os.environ if name.startswith(("AWS_", "GITHUB_", "CMLKIT_"))]:
            monkeypatch.delenv(name)
        workflow_run = sandbox.github.start_run(sandbox.repository)
        facts = {"GITHUB_RUN_ID": str(workflow_run.id), "GITHUB_SHA": workflow_run.sha, "GITHUB_REF": "refs/heads/main"}
        for name, value in {**sandbox.environ(), **facts}.items():
            monkeypatch.setenv(name, value)
        yield sandbox


def called(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """What a command that succeeds prints on standard output."""
    capsys.readouterr()
    code = run(command, environ=os.environ)
    shown = capsys.readouterr()
    assert code == 0, shown.err
    return shown.out.strip()


def test_repo_prepare_names_an_author_where_git_has_none(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(called(capsys, "ci", "--json"))["user_name"] == "github-actions[bot]"
    assert git("config", "user.name") == "github-actions[bot]"


def test_repo_prepare_leaves_the_author_that_git_has(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git("config", "user.name", "Ann")
    git("config", "user.email", "ann@example.com")
    called(capsys, "repo", "prepare", "--user-name", "Bob")
    assert (git("config", "user.name"), git("config", "user.email")) == ("Ann", "ann@example.com")


def test_repo_prepare_writes_no_token(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_TOKEN", "ghp_secret")
    called(capsys, "ci")
    assert "ghp_secret" not in (checkout / ".git" / "config").read_text()


def test_repo_prepare_fetches_the_history_when_asked(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called(capsys, "ci")
    for message in ("first", "second"):
        git("commit", "--quiet", "--allow-empty", "--message", message)
    git("clone", "--quiet", "--depth", "1", checkout.as_uri(), str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    assert git("rev-list", "--count", "HEAD") == "1"
    assert json.loads(called(capsys, "ci", "--unshallow", "--json"))["unshallowed"] is True
    assert git("rev-list", "--count", "HEAD") == "2"
    assert json.loads(called(capsys, "ci", "--unshallow", "--json"))["unshallowed"] is False


def test_repo_prepare_outside_of_a_repository_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert run(["ci"], environ={}) == 2
    assert "not a git repository" in capsys.readouterr().err
