"""`cmlkit access github` against the sandbox, whose answers are held to GitHub's description."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit.scaffold import templates
from cmlkit_sandbox.github import GitHubServer
from tests.integration.github.conftest import REPOSITORY, TOKEN

ARN = "arn:aws:iam::123456789012:role/cmlkit-octo-forest"


@pytest.fixture
def environ(github: GitHubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A shell with a token, and a gh that keeps the secret it is given in a file."""
    program = tmp_path / "bin" / "gh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n/bin/cat > {tmp_path}/given\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.chdir(tmp_path)
    return {
        "PATH": str(program.parent),
        "GITHUB_API_URL": github.api_url,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_SHA": "a" * 40,
        "CMLKIT_TOKEN": TOKEN,
    }


def access(environ: dict[str, str], *arguments: str) -> int:
    return run(["access", "github", *arguments], environ=environ)


def test_what_lacks_is_listed_with_the_page_where_it_is_set_and_stays(
    github: GitHubServer, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = github.hub.repository(REPOSITORY).settings
    settings.can_create_pull_requests = False
    settings.secrets.add("CMLKIT_RUNNER_TOKEN")
    assert access(environ, "--role-arn", ARN) == 0
    variable, secret, switch = capsys.readouterr().out.splitlines()
    page = f"https://github.com/{REPOSITORY}/settings"
    assert variable.startswith("missing  variable AWS_ROLE_ARN")
    assert variable.endswith(f"{page}/variables/actions")
    assert secret == "set      secret CMLKIT_RUNNER_TOKEN"
    assert switch.startswith("missing  switch: Actions may create pull requests")
    assert (settings.variables, settings.can_create_pull_requests) == ({}, False)


def test_what_is_missing_is_set_once_it_is_shown_and_agreed_to(
    github: GitHubServer, environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = github.hub.repository(REPOSITORY).settings
    settings.can_create_pull_requests = False
    given = {**environ, "CMLKIT_RUNNER_TOKEN": "github_pat_secret"}
    assert access(given, "--set", "--role-arn", ARN) == 2  # nobody is there to ask
    assert "Say so with --yes." in capsys.readouterr().err
    assert settings.variables == {}
    assert access(given, "--set", "--role-arn", ARN, "--yes", "--json") == 0
    printed = capsys.readouterr()
    assert (
        "To be set in https://github.com/octo/forest: variable AWS_ROLE_ARN; secret CMLKIT_RUNNER_TOKEN" in printed.err
    )
    assert "github_pat_secret" not in printed.out + printed.err
    assert len(json.loads(printed.out)["changed"]) == 3
    assert (settings.variables, settings.can_create_pull_requests) == ({"AWS_ROLE_ARN": ARN}, True)
    assert settings.workflow_permissions == "read"
    assert (tmp_path / "given").read_text() == "github_pat_secret"
    assert (tmp_path / "asked").read_text() == "secret set CMLKIT_RUNNER_TOKEN --repo github.com/octo/forest\n"
    assert access(environ, "--set", "--role-arn", f"{ARN}-2", "--yes") == 0
    assert settings.variables == {"AWS_ROLE_ARN": f"{ARN}-2"}


def test_what_no_workflow_of_the_checkout_names_is_unused_and_set_only_if_a_flag_has_its_value(
    github: GitHubServer, environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workflow = tmp_path / ".github/workflows/train-here.yml"
    workflow.parent.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    workflow.write_text(templates.workflow(workflow.name))
    given = {**environ, "CMLKIT_RUNNER_TOKEN": "github_pat_secret"}
    assert access(given, "--set", "--yes") == 0
    variable, secret, *_ = capsys.readouterr().out.splitlines()
    assert variable.split(maxsplit=3) == [
        "unused",
        "variable",
        "AWS_ROLE_ARN",
        f"not named by .github/workflows/{workflow.name}",
    ]
    assert secret.startswith("unused   secret CMLKIT_RUNNER_TOKEN")
    assert not (tmp_path / "given").exists()
    assert access(given, "--set", "--yes", "--role-arn", ARN) == 0
    assert github.hub.repository(REPOSITORY).settings.variables == {"AWS_ROLE_ARN": ARN}


def test_without_gh_the_secret_is_refused_with_the_page_to_set_it_by_hand(
    environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin" / "gh").unlink()
    assert access({**environ, "CMLKIT_RUNNER_TOKEN": "github_pat_secret"}, "--set", "--yes") == 3
    said = capsys.readouterr().err
    assert "gh, which does it, is not installed" in said
    assert f"https://github.com/{REPOSITORY}/settings/secrets/actions" in said


def test_without_any_token_it_says_how_to_sign_in(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("CMLKIT_TOKEN", "GITHUB_API_URL"):
        del environ[name]
    assert access(environ) == 3
    assert "gh auth login --hostname github.com" in " ".join(capsys.readouterr().err.split())
