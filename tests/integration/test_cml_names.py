"""CML's names for executables, its tokens and its variables, against the sandbox."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit.cli.cml.alias import EXECUTABLES
from cmlkit_sandbox import Sandbox
from cmlkit_sandbox.github.accounts import BOT
from cmlkit_sandbox.github.repository import Repository

ROOT = Path(__file__).parents[2]
PERSONAL = "ghp_personal"


def repository(sandbox: Sandbox) -> Repository:
    return sandbox.github.hub.repository(sandbox.repository)


@pytest.fixture
def tokens(sandbox: Sandbox, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workflow that sets REPO_TOKEN to a personal token, beside the job's own; and a report."""
    owner = sandbox.repository.partition("/")[0]
    sandbox.github.add_token("ghs_job", BOT, kind="job")
    sandbox.github.add_token(PERSONAL, owner)
    monkeypatch.delenv("CMLKIT_TOKEN")
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_job")
    monkeypatch.setenv("REPO_TOKEN", PERSONAL)
    (checkout / "report.md").write_text("text")


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize("name", ["REPO_TOKEN", "repo_token"])
def test_a_token_that_the_workflow_sets_counts_before_the_jobs_own(
    sandbox: Sandbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REPO_TOKEN")
    monkeypatch.setenv(name, PERSONAL)
    assert run(["send-comment", "report.md"], environ=os.environ) == 0
    [comment] = repository(sandbox).commit_comments.values()
    assert comment.author.login == sandbox.repository.partition("/")[0]


@pytest.mark.usefixtures("tokens")
def test_a_token_in_the_arguments_is_used_and_not_shown(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_TOKEN", "ghp_unknown")
    assert run(["comment", "create", "report.md", "--token", PERSONAL], environ=os.environ) == 0
    shown = capsys.readouterr()
    assert "--token: others on this machine can read arguments" in shown.err
    assert PERSONAL not in shown.out + shown.err
    assert len(repository(sandbox).commit_comments) == 1


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize("command", ["send-github-check", "check create"])
def test_a_check_takes_the_jobs_token_as_github_refuses_personal_ones(sandbox: Sandbox, command: str) -> None:
    assert run([*command.split(), "report.md"], environ=os.environ) == 0
    [check] = repository(sandbox).check_runs.values()
    assert check.name == "CML Report"
    assert (check.output.summary or "").startswith("text\n\n[The workflow run]")
    assert not repository(sandbox).statuses


@pytest.mark.usefixtures("tokens")
def test_variables_of_cmls_count_for_its_names(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"CML_LOG": "debug", "CML_REPO": f"{sandbox.github.url}/{sandbox.repository}"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CML_SEND_COMMENT_WATERMARK_TITLE", "Weekly")
    assert run(["send-comment", "report.md"], environ=os.environ) == 0
    [comment] = repository(sandbox).commit_comments.values()
    assert "Weekly" in comment.body
    monkeypatch.setenv("CML_REPO", "octo/other")
    assert run(["send-comment", "report.md"], environ=os.environ) == 2
    assert "CML_REPO names octo/other" in capsys.readouterr().err


def test_without_any_token_the_message_names_all_variables(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "report.md").write_text("text")
    monkeypatch.delenv("CMLKIT_TOKEN")
    assert run(["send-comment", "report.md"], environ=os.environ) == 3
    assert "CMLKIT_TOKEN, GITHUB_TOKEN, REPO_TOKEN, repo_token" in capsys.readouterr().err


def scripts(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.usefixtures("tokens")
def test_an_alias_leaves_even_the_word_of_a_cml_workflow_unchanged(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "a folder" / "bin"
    assert run(["alias", str(folder)], environ=os.environ) == 0
    assert scripts(folder) == {"cml", *(f"cml-{name}" for name in EXECUTABLES)}
    environ = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    workflow = (
        'cml-send-comment "$REPORT"; cml comment update --target commit report.md; cml-send-github-check report.md'
    )
    subprocess.run(["bash", "-euc", workflow], check=True, env={**environ, "REPORT": "report.md"})
    assert len(repository(sandbox).commit_comments) == 1  # CML's update takes the comment that its create wrote
    assert len(repository(sandbox).check_runs) == 1


def test_an_alias_may_be_written_again(checkout: Path) -> None:
    for _ in range(2):
        assert run(["alias", "bin"], environ=os.environ) == 0
    assert run(["alias", "bin", "--json"], environ=os.environ) == 0


def test_a_cml_of_another_origin_is_never_overwritten(
    checkout: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    real = tmp_path / "cml.js"
    real.write_text("#!/usr/bin/env node\n")
    (checkout / "bin").mkdir()
    (checkout / "bin" / "cml-publish").symlink_to(real)  # as npm installs it
    assert run(["alias", "bin"], environ=os.environ) == 2
    assert "bin/cml-publish is there already" in capsys.readouterr().err
    assert scripts(checkout / "bin") == {"cml-publish"}
    assert real.read_text() == "#!/usr/bin/env node\n"


def test_a_cml_that_comes_first_on_path_is_named(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "first").mkdir()
    real = checkout / "first" / "cml"
    real.write_text("#!/bin/sh\n")
    real.chmod(0o755)
    assert run(["alias", "bin"], environ={"PATH": str(checkout / "first")}) == 0
    assert f"{real} comes first on PATH" in capsys.readouterr().err
    assert run(["alias", "bin"], environ={"PATH": str(checkout)}) == 0
    assert "is not on PATH" in capsys.readouterr().err


def test_the_action_gives_both_tokens_to_commands_that_use_github(tmp_path: Path) -> None:
    printing = tmp_path / "cmlkit"
    printing.write_text('#!/bin/sh\necho "{\\"ours\\": \\"$CMLKIT_TOKEN\\", \\"job\\": \\"$GITHUB_TOKEN\\"}"\n')
    printing.chmod(0o755)

    def given(command: str, **environ: str) -> dict[str, str]:
        job = {"PATH": os.environ["PATH"], "COMMAND": command, "CMLKIT": str(printing), "JOB_TOKEN": "job"}
        done = subprocess.run(
            ["bash", str(ROOT / "action" / "run.sh")], env=job | environ, capture_output=True, text=True, check=True
        )
        tokens: dict[str, str] = json.loads(done.stdout)
        return tokens

    assert given("send-comment report.md") == {"ours": "", "job": "job"}
    assert given("publish", REPO_TOKEN="own") == {"ours": "own", "job": "job"}
    assert given("publish", repo_token="own") == {"ours": "own", "job": "job"}
    assert given("publish", GITHUB_TOKEN="other", REPO_TOKEN="own") == {"ours": "", "job": "other"}
    assert given("publish", CMLKIT_TOKEN="first", REPO_TOKEN="own") == {"ours": "first", "job": "job"}
    assert given("train") == {"ours": "", "job": ""}


def test_the_action_and_the_package_install_the_same_names() -> None:
    [listed] = re.findall(r'^for name in "" (.*); do$', (ROOT / "action" / "install.sh").read_text(), re.MULTILINE)
    packaged = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]) - {"cmlkit"}
    assert tuple(listed.split()) == EXECUTABLES
    assert packaged == {f"cmlkit-{name}" for name in EXECUTABLES}
