"""`cmlkit runner image`: the recipe, and what an image is found to have."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit.runner import lease
from cmlkit.runner.idleness import NO_RUNNER
from cmlkit_sandbox import Sandbox
from tests import documented

PAGE = documented.ROOT / "docs" / "how-to" / "prepare-an-image.md"

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
    assert run(["runner", "image", "--check", "ubuntu-24.04"], environ=os.environ) == 0
    [shown] = [block.text for block in documented.blocks("", pages=[PAGE]) if block.text.startswith("image ")]
    assert documented.normal(capsys.readouterr().out) == documented.normal(shown)
    [instance] = booting.aws.instances()
    assert instance.state in ("shutting-down", "terminated")
    assert {"cmlkit:run", "cmlkit:repository", "cmlkit:expires"} <= set(instance.tags)


def test_an_image_that_tells_nothing_is_given_up_and_its_instance_terminated(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["runner", "image", "--check", "ubuntu-24.04", "--wait-timeout", "0.001s"], environ=os.environ) == 5
    assert "has not reported what its image has" in capsys.readouterr().err
    [instance] = sandbox.aws.instances()
    assert instance.state in ("shutting-down", "terminated")


# The AWS CLI as far as the page's script uses it, with what it prints: https://docs.aws.amazon.com/cli/latest/reference/ec2/
AWS = """#!/bin/bash
echo "$*" >>calls
case $2 in
  run-instances) echo i-0123456789abcdef0 ;;
  get-console-output) [ ! -e console ] || cat console ;;
  create-image) echo ami-0fedcba9876543210 ;;
esac
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the page's script, and programs in place of the AWS CLI and of waiting."""
    [script] = documented.blocks("bash", pages=[PAGE])
    (tmp_path / "make-image.sh").write_text(script.text)
    for program, lines in {"aws": AWS, "sleep": "#!/bin/bash\ncp next console\n"}.items():
        (tmp_path / program).write_text(lines)
        (tmp_path / program).chmod(0o755)
    return tmp_path


def make_image(desk: Path, *, console: str) -> subprocess.CompletedProcess[str]:
    """Run the page's script, with this on the instance's console after a while."""
    (desk / "next").write_text(console)
    environ = {"PATH": f"{desk}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "make-image.sh"], cwd=desk, env=environ, capture_output=True, text=True, check=False, timeout=30
    )


def calls(desk: Path) -> list[str]:
    return [line.split()[1] for line in (desk / "calls").read_text().splitlines() if line.startswith("ec2 ")]


def test_the_pages_script_makes_an_image_of_a_machine_that_is_prepared(desk: Path) -> None:
    done = make_image(desk, console="cloud-init\ncmlkit: the image is prepared\n")
    assert (done.returncode, done.stdout) == (0, "ami-0fedcba9876543210\n")
    made = ["run-instances", "get-console-output", "create-image", "wait", "terminate-instances"]
    assert calls(desk) == made


def test_the_pages_script_makes_no_image_of_one_that_is_not(desk: Path) -> None:
    done = make_image(desk, console="E: no such package\ncmlkit: preparing the image failed: installing packages\n")
    assert done.returncode == 1
    assert "E: no such package" in done.stdout
    assert calls(desk)[-1] == "terminate-instances"
    assert "create-image" not in calls(desk)


def test_the_pages_machine_has_the_tags_by_which_the_reaper_knows_it(desk: Path) -> None:
    make_image(desk, console="cmlkit: the image is prepared\n")
    first = (desk / "calls").read_text().splitlines()[0]
    tags = dict(re.findall(r"\{Key=([^,]+),Value=([^}]+)\}", first))
    assert {"Name", lease.RUN, lease.RUNNER_ID, lease.REPOSITORY, lease.EXPIRES} == set(tags)
    assert tags[lease.RUNNER_ID] == NO_RUNNER
    assert tags[lease.EXPIRES].isdecimal()
    assert "--instance-initiated-shutdown-behavior terminate" in first
