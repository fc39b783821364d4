"""`cmlkit runner image`: the recipe, and what an image is found to have."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
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


def test_the_recipe_has_the_packages_of_the_project_and_it_is_told_what_is_left_out(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "cmlkit.yaml").write_text("train:\n  setup: pip install -r requirements.txt\n")
    (checkout / "requirements.txt").write_text("numpy==2.1.0\n-e ./lib\n")
    assert run(["runner", "image", "--project", "--python", "3.12"], environ=os.environ) == 0
    said = capsys.readouterr()
    assert "CMLKIT_PIP=(numpy==2.1.0)" in said.out
    assert "CMLKIT_PYTHON=3.12\n" in said.out
    assert "1 package of requirements.txt" in said.err
    assert "Left out of the image: -e ./lib" in said.err
    assert "Compressed, as user data may be, the recipe has 2." in said.err
    assert run(["runner", "image", "--project", "other.txt"], environ=os.environ) == 2
    assert "other.txt does not exist" in capsys.readouterr().err


def test_uv_itself_reads_its_lock_file(
    sandbox: Sandbox, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "uv.lock").write_text((documented.ROOT / "uv.lock").read_text())
    (checkout / "pyproject.toml").write_text((documented.ROOT / "pyproject.toml").read_text())
    (checkout / "packages" / "sandbox").mkdir(parents=True)
    sandboxed = documented.ROOT / "packages" / "sandbox" / "pyproject.toml"
    (checkout / "packages" / "sandbox" / "pyproject.toml").write_text(sandboxed.read_text())
    (checkout / "cmlkit.yaml").write_text("train:\n  setup: uv sync --frozen --extra demo\n")
    monkeypatch.setenv("PATH", f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}")
    assert run(["runner", "image", "--project", "--python", "3.12"], environ=os.environ) == 0
    said = capsys.readouterr()
    # The packages of the lock, and of each the hashes of the wheels for this machine.
    assert re.search(r"\nrequests==[0-9.]+ --hash=sha256:[0-9a-f]{64}\n", said.out)
    numpy = next(line for line in said.out.splitlines() if line.startswith("numpy=="))
    assert len(re.findall("--hash=sha256:", numpy)) == 1
    assert "Left out of the image: -e ./packages/sandbox" in said.err
    assert re.search(r"\nCMLKIT_UV=\('?hatchling", said.out)
    monkeypatch.setenv("PATH", str(checkout))
    assert run(["runner", "image", "--project", "uv.lock"], environ=os.environ) == 2
    assert "Reading uv.lock needs uv, which is not installed" in capsys.readouterr().err


def test_a_version_of_python_without_a_project_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runner", "image", "--python", "3.12"], environ={}) == 2
    assert "--python goes with --project" in capsys.readouterr().err


def test_an_image_without_the_packages_of_the_project_is_told_so(
    booting: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "requirements.txt").write_text("numpy==2.1.0\n")
    assert run(["runner", "image", "--check", "ubuntu-24.04", "--project"], environ=os.environ) == 0
    shown = capsys.readouterr().out
    assert "packages           none\n" in shown
    assert "each boot fetches  the runner, the project's packages\n" in shown


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
    (tmp_path / "prepare-image.sh").write_text("#!/bin/bash\n")
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
    [sent] = re.findall(r"--user-data fileb://(\S+)", (desk / "calls").read_text())
    assert gzip.decompress((desk / sent).read_bytes()) == b"#!/bin/bash\n"


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
