"""The sandbox's GitHub with the clients that scripts and actions use: PyGithub and @octokit/rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cmlkit_sandbox.github import GitHubServer
from tests.reality.sandboxed import BOT_TOKEN, REPOSITORY, TOKEN, served
from tests.reality.tools import PROGRAMS, clean_environment, node, output, tool

TRAIN = "print('training')\n"


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHubServer]:
    with served(tmp_path_factory.mktemp("reality") / "github") as server:
        yield server


@pytest.fixture(scope="module")
def by_pygithub(github: GitHubServer) -> dict[str, Any]:
    program = [str(tool("python")), str(PROGRAMS / "with_pygithub.py")]
    found: dict[str, Any] = json.loads(
        output([*program, github.api_url, REPOSITORY, TOKEN, BOT_TOKEN], environ=clean_environment())
    )
    return found


@pytest.fixture(scope="module")
def by_octokit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("octokit")
    with served(folder / "github") as github:
        yield json.loads(node("with_octokit.mjs", github.api_url, *REPOSITORY.split("/"), BOT_TOKEN, folder=folder))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("login", "octo"),
        ("default_branch", "main"),
        ("readme", "# Forest\n"),
        ("files", ["README.md", "train.py"]),
        ("train.py", TRAIN),
        ("updated", "accuracy: 0.95\n"),
        ("labels", ["Model"]),
        ("comments", ["Second"]),
        ("pull_files", ["metrics.txt"]),
        ("pull_commits", ["Add metrics", "Update metrics"]),
        ("combined", ["success", 1, ["gate"]]),
        ("statuses", ["success", "pending"]),
        ("checks", ["success"]),
        ("protected", False),
        ("protection", [404, "Branch not protected"]),
        ("long", 422),
        ("merged", True),
        ("branches", ["main"]),
    ],
)
def test_pygithub_finds_what_github_would_show(by_pygithub: dict[str, Any], name: str, value: object) -> None:
    assert by_pygithub[name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("default_branch", "main"),
        ("readme", "# Forest\n"),
        ("raw", TRAIN),
        ("set", ["Model"]),
        ("comments", 35),
        ("last", "Comment 35"),
        ("combined", ["failure", 1]),
        ("checks", 1),
        ("protection", [404, "Branch not protected"]),
        ("long", 422),
        ("graphql", {"viewer": {"login": "github-actions[bot]"}}),
        ("refused", "GraphqlResponseError"),
        ("gone", 404),
        ("open", 0),
    ],
)
def test_octokit_finds_what_github_would_show(by_octokit: dict[str, Any], name: str, value: object) -> None:
    assert by_octokit[name] == value
