"""Fixtures of the tests that run whole workflows: act, and a repository for it to run them in."""

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
