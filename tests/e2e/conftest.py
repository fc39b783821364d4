"""Fixtures of the tests that run whole workflows: act, and a repository for it to run them in."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.act import Act, copy_of_action


@pytest.fixture(scope="session")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_action(tmp_path_factory.mktemp("action"))


@pytest.fixture
def act(tmp_path: Path, action: Path) -> Act:
    (tmp_path / "machine").mkdir()
    return Act(directory=tmp_path / "machine", action=action)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit and no files."""
    repository = tmp_path / "repository"
    repository.mkdir()
    identity = ["-c", "user.name=Octo", "-c", "user.email=octo@example.com"]
    for arguments in (["init", "--quiet"], [*identity, "commit", "--quiet", "--allow-empty", "--message", "Begin"]):
        subprocess.run(["git", *arguments], cwd=repository, check=True)
    return repository
