"""`cmlkit runner image`: the recipe, and what an image is found to have."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit_sandbox import Sandbox

pytestmark = pytest.mark.slow


@pytest.fixture
def booting(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox whose instances boot, as this machine with git and uv, and without a runner."""
    with Sandbox(tmp_path / "sandbox", source=None) as sandbox:
        for name, value in sandbox.environ().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GITHUB_RUN_ID", "4711")
        yield sandbox


def test_the_recipe_has_githubs_current_runner_and_the_users_own_lines(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["runner", "image", "--arch", "arm64", "--startup-script", "echo mine"], environ=os.environ) == 0
    recipe = capsys.readouterr().out
    assert "actions-runner-linux-arm64" in recipe
    assert "CMLKIT_STARTUP_SCRIPT='echo mine'" in recipe
    assert list(sandbox.aws.instances()) == []


def test_an_image_is_booted_once_and_told_what_it_lacks(booting: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runner", "image", "--check", "ubuntu-24.04", "--json"], environ=os.environ) == 0
    assert "the runner" in json.loads(capsys.readouterr().out)["missing"]
    [instance] = booting.aws.instances()
    assert instance.state in ("shutting-down", "terminated")
    assert {"cmlkit:run", "cmlkit:repository", "cmlkit:expires"} <= set(instance.tags)


def test_an_image_that_tells_nothing_is_given_up_and_its_instance_terminated(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["runner", "image", "--check", "ubuntu-24.04", "--wait-timeout", "0s"], environ=os.environ) == 5
    assert "has not reported what its image has" in capsys.readouterr().err
    [instance] = sandbox.aws.instances()
    assert instance.state in ("shutting-down", "terminated")
