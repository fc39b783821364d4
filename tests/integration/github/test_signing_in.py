"""The token that the GitHub CLI keeps: the hosts that it is asked for, and the only one that gets it.

The CLI prints the token alone, or ends with status 1: https://cli.github.com/manual/gh_auth_token
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cmlkit.__main__ import run
from cmlkit.forges.github import TOKENS, environ_at, with_stored_token
from cmlkit_sandbox.github import GitHubServer
from tests.integration.github.conftest import REPOSITORY, TOKEN

CORP = "https://git.corp.example"
TRAIN = "mkdir -p model && echo weights > model/random_forest.joblib && echo 'accuracy: 0.9' > model/metrics.txt"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which a stand-in of gh writes what it is asked; it keeps no token until `kept` gives it one."""
    program = tmp_path / "bin" / "gh"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nread -r host token < {tmp_path}/kept\n'
        '[ "$4" = "$host" ] && echo "$token"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    (tmp_path / "asked").touch()
    kept(tmp_path, "")
    return tmp_path / "asked"


def kept(folder: Path, host: str) -> None:
    (folder / "kept").write_text(f"{host} {TOKEN}\n")


@pytest.mark.parametrize(
    ("server", "environ"),
    [
        ("https://github.com", {}),
        ("https://octocorp.ghe.com", {}),
        (CORP, {}),
        (CORP, {"GITHUB_SERVER_URL": CORP}),
        (CORP, {"GITHUB_SERVER_URL": CORP, "GITHUB_API_URL": f"{CORP}/api/v3"}),
        (CORP, {"GITHUB_TOKEN": "of github.com"}),
    ],
)
def test_the_cli_is_asked_for_the_server_of_the_repository(
    server: str, environ: dict[str, str], asked: Path, tmp_path: Path
) -> None:
    kept(tmp_path, urlsplit(server).netloc)
    found = with_stored_token(server, {**environ, "PATH": str(tmp_path / "bin")})
    assert TOKENS.found(environ_at(server, found)) == TOKEN
    assert asked.read_text() == f"auth token --hostname {urlsplit(server).netloc}\n"


@pytest.mark.parametrize("environ", [{"GITHUB_API_URL": f"{CORP}/api/v3"}, {"CMLKIT_TOKEN": "ours"}])
def test_the_cli_is_not_asked_if_its_token_would_go_to_another_host_or_is_not_needed(
    environ: dict[str, str], asked: Path, tmp_path: Path
) -> None:
    kept(tmp_path, "github.com")
    assert with_stored_token("https://github.com", environ) == environ
    assert asked.read_text() == ""


@pytest.fixture
def laptop(github: GitHubServer, asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A clone with a training, and no token in the environment."""
    subprocess.run(["git", "clone", "-q", f"{github.url}/{REPOSITORY}.git", tmp_path / "clone"], check=True)
    monkeypatch.chdir(tmp_path / "clone")
    environ = {
        "PATH": f"{asked.parent / 'bin'}:/usr/bin:/bin",
        "GITHUB_SERVER_URL": github.url,
        "GITHUB_API_URL": github.api_url,
    }
    assert run(["train", "--data", "", "--", "bash", "-c", TRAIN], environ=environ) == 0
    return environ


@pytest.mark.slow
def test_publish_on_a_laptop_takes_the_token_of_the_cli_and_says_so(
    github: GitHubServer, laptop: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(tmp_path, urlsplit(github.url).netloc)
    assert run(["publish"], environ=laptop) == 0
    said = capsys.readouterr().err
    assert said.count(f"No token is set: that of the GitHub CLI for {github.url} is used.") == 1
    assert TOKEN not in said
    assert len(github.hub.repository(REPOSITORY).pulls) == 1


def test_publish_on_a_laptop_without_any_token_says_how_to_get_one(
    checkout: Path, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {
        "PATH": f"{asked.parent / 'bin'}:/usr/bin:/bin",
        "GITHUB_SERVER_URL": CORP,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_SHA": "a" * 40,
    }
    assert run(["train", "--data", "", "--", "bash", "-c", TRAIN], environ=environ) == 0
    assert run(["publish"], environ=environ) == 3
    said = " ".join(capsys.readouterr().err.split())
    assert f"No GitHub token is set for {REPOSITORY}." in said
    assert "gh auth login --hostname git.corp.example; or set CMLKIT_TOKEN" in said


@pytest.mark.slow
def test_publish_in_a_job_never_asks_the_cli(
    laptop: dict[str, str], asked: Path, github: GitHubServer, tmp_path: Path
) -> None:
    kept(tmp_path, urlsplit(github.url).netloc)
    assert run(["publish"], environ={**laptop, "GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "1"}) == 3
    assert asked.read_text() == ""
