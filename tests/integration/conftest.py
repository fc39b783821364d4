"""Where commands run in these tests: a checkout of their own, and a sandbox that the environment points at."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cmlkit_sandbox import Sandbox
from tests.integration.clone import TRACKED, Job

ACTION = Path(__file__).parents[2] / "action.yml"


@pytest.fixture(scope="session")
def declared_outputs() -> frozenset[str]:
    """The outputs that the action has."""
    return frozenset(yaml.safe_load(ACTION.read_text(encoding="utf-8"))["outputs"])


@pytest.fixture
def step_outputs(tmp_path: Path, declared_outputs: frozenset[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of the step's outputs. Whatever a test's commands write there must be an output of the action."""
    file = tmp_path / "step-outputs"
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))
    yield file
    if file.exists():
        written = set(re.findall(r"^([a-z0-9-]+)<<cmlkit-", file.read_text(encoding="utf-8"), re.MULTILINE))
        assert written <= declared_outputs


@pytest.fixture
def checkout(step_outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, as the working directory, and no settings of git but its own."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    project = tmp_path / "project"
    # A repository of its own, since the folder for temporary files may be inside of this one's checkout.
    subprocess.run(["git", "init", "--quiet", project], check=True)
    monkeypatch.chdir(project)
    return project


@pytest.fixture
def sandbox(checkout: Path, step_outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox whose instances do not boot, and the variables of a workflow run there."""
    # On a machine at work, the sandbox's first answer may take longer than the doctor waits for one.
    monkeypatch.setattr("cmlkit.cli.doctor.FIRST_ANSWER_SECONDS", 120.0)
    for place in ("forges.github.transport", "clouds.aws.connection"):
        monkeypatch.setattr(f"cmlkit.{place}.HURRIED_SECONDS", (60.0, 60.0))
    source = tmp_path / "source"
    source.mkdir()
    (source / "README.md").write_text("# A project\n")
    with Sandbox(tmp_path / "sandbox", source=source, boot=False) as sandbox:
        for name in [name for name in os.environ if name.startswith(("AWS_", "GITHUB_", "CMLKIT_"))]:
            monkeypatch.delenv(name)
        workflow_run = sandbox.github.start_run(sandbox.repository)
        facts = {
            "GITHUB_RUN_ID": str(workflow_run.id),
            "GITHUB_SHA": workflow_run.sha,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_OUTPUT": str(step_outputs),
        }
        for name, value in {**sandbox.environ(), **facts}.items():
            monkeypatch.setenv(name, value)
        yield sandbox


@pytest.fixture
def job(sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Job:
    directory = tmp_path / "clone"
    there = Job(directory=directory, sandbox=sandbox, capsys=capsys, monkeypatch=monkeypatch)
    there.colleague(dict(TRACKED))
    url = f"{sandbox.github.url}/{sandbox.repository}.git"
    subprocess.run(["git", "clone", "-q", "--depth", "1", url, directory], check=True, capture_output=True)
    monkeypatch.setenv("GITHUB_SHA", there.git("rev-parse", "HEAD"))
    return there
