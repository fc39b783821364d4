"""`cmlkit report` beside a champion: on the forge, in a clone, or out of reach."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from tests.integration.clone import Job

# Each of them publishes or launches several times.
pytestmark = pytest.mark.slow

TRAIN = "mkdir -p model; echo 'accuracy: {}' > model/metrics.txt; echo weights {} > model/m.joblib"
PLACE = ["--model", "model/m.joblib", "--metrics", "model/metrics.txt", "--plots", "", "--data", ""]
RULES = ["--gate", "accuracy >= champion - 0.01", "--gate", "accuracy >= 0.5"]


def trained(job: Job, accuracy: float) -> None:
    job.monkeypatch.chdir(job.directory)
    command = TRAIN.format(accuracy, accuracy)
    assert run(["train", *PLACE, "--", "bash", "-c", command], environ=os.environ) == 0


def report(job: Job, *arguments: str) -> str:
    job.capsys.readouterr()
    assert run(["report", *RULES, *arguments], environ=os.environ) == 0
    return job.capsys.readouterr().out


def champion(job: Job, accuracy: float) -> str:
    """Publish and merge a model; return the base branch's head. The clone does not know of it."""
    trained(job, accuracy)
    assert run(["publish", "--on-existing", "keep"], environ=os.environ) == 0
    pull = job.repository.pulls[-1]
    files = ("model/m.joblib", "model/m.joblib.json", "model/metrics.txt")
    return job.colleague({path: job.repository.git.git("show", f"{pull.head}:{path}").decode() for path in files})


@pytest.fixture
def beaten(job: Job) -> str:
    head = champion(job, 0.9)
    trained(job, 0.8)
    return head


def test_with_a_token_the_champion_is_read_from_the_forge_as_publish_does(job: Job, beaten: str) -> None:
    shown = report(job)
    assert "❌ Rejected: accuracy 0.8 misses accuracy &#62;= champion - 0.01" in shown
    assert re.search(r"0.8 &#60; 0.89 \(champion 0.9 − 0.01\)<br>.* \| 0\.9 \| \*\*0\.8\*\*<br>▼", shown)
    assert f"> Compared with `main` at `{beaten[:12]}`.\n" in shown
    job.capsys.readouterr()
    assert run(["publish", *RULES], environ=os.environ) == 6
    heading = shown.splitlines()[0]
    assert heading in job.repository.git.git("show", f"{job.repository.pulls[-1].head}:model/m.joblib.md").decode()


def test_without_a_token_it_is_read_from_the_clone(job: Job, beaten: str) -> None:
    job.monkeypatch.delenv("CMLKIT_TOKEN")
    known = job.git("rev-parse", "origin/main")
    shown = report(job)
    assert "🆕 First model" in shown
    assert f"> Compared with `main` at `{known[:12]}`, as last fetched." in shown
    job.git("fetch", "-q", "origin", "main:refs/remotes/origin/main")
    asked = len(job.sandbox.github.requests)
    shown = report(job)
    assert "❌ Rejected: accuracy 0.8 misses" in shown
    assert f"> Compared with `main` at `{beaten[:12]}`, as last fetched." in shown
    assert len(job.sandbox.github.requests) == asked


def test_a_forge_that_refuses_is_told_and_the_clone_is_read(job: Job, beaten: str) -> None:
    job.git("fetch", "-q", "origin", "main:refs/remotes/origin/main")
    job.monkeypatch.setenv("CMLKIT_TOKEN", "ghp_unknown")
    job.capsys.readouterr()
    assert run(["report", *RULES], environ=os.environ) == 0
    shown = job.capsys.readouterr()
    assert "compared with the clone, not with the forge" in shown.err
    assert "❌ Rejected: accuracy 0.8 misses" in shown.out


@pytest.mark.parametrize(
    ("arguments", "heading"),
    [
        ([], "## ❔ Not compared: no token is set, and the clone has no branch release"),
        (["--gate", "accuracy >= 0.95"], "## ❌ Rejected: accuracy 0.8 misses accuracy &gt;= 0.95"),
    ],
)
def test_a_champion_out_of_reach_is_no_first_model(job: Job, beaten: str, arguments: list[str], heading: str) -> None:
    job.monkeypatch.delenv("CMLKIT_TOKEN")
    shown = report(job, "--base", "release", *arguments)
    assert shown.replace("&#62;", "&gt;").startswith(heading)
    assert "first model" not in shown.lower()
    assert "\n> Not compared: no token is set, and the clone has no branch release" in shown


def test_outside_a_repository_it_is_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.chdir(outside)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    environ["GITHUB_REPOSITORY"] = "octo/forest"
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    command = TRAIN.format(0.9, 0.9)
    assert run(["train", *PLACE, "--", "bash", "-c", command], environ=environ) == 0
    capsys.readouterr()
    assert run(["report"], environ=environ) == 0
    assert capsys.readouterr().out.startswith("## ❔ Not compared: ")
