"""Which forges there are, and how the environment leads to one."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from cmlkit.errors import PermissionDenied, SettingsError
from cmlkit.forges import FORGES, ForgeModule, forge_module, github

WHERE = {"GITHUB_SERVER_URL": "https://github.example/", "GITHUB_REPOSITORY": "octo/forest"}


def runners(environ: dict[str, str]) -> github.GitHub:
    return github.open_for_runners(
        repository="octo/forest", environ=environ, notify=print, keep_secret=print, scope="", group=""
    )


@pytest.mark.parametrize(
    "name",
    [
        "environ_at",
        "withheld",
        "with_stored_token",
        "signing_in",
        "open_forge",
        "open_for_publishing",
        "open_for_runners",
        "git_access",
    ],
)
@pytest.mark.parametrize("forge", FORGES)
def test_each_forge_offers_what_a_forge_has_to(forge: str, name: str) -> None:
    _, *wanted = inspect.signature(getattr(ForgeModule, name)).parameters.values()
    assert list(inspect.signature(getattr(forge_module(forge), name)).parameters.values()) == wanted


def test_a_forge_is_a_module_and_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(tmp_path, "toy_forge.py").write_text("def git_access(environ): return f'git of {environ}'")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(FORGES, "toy", "toy_forge")
    assert str(forge_module("toy").git_access({})) == "git of {}"


def test_a_forge_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(SettingsError) as refused:
        forge_module("sourcehut")
    assert refused.value.next_step == "Use one of: github."


def test_without_a_token_the_error_names_the_variables() -> None:
    with pytest.raises(PermissionDenied, match="No GitHub token is set for octo/forest.") as refused:
        github.open_forge(repository="octo/forest", environ={"GITHUB_TOKEN": " "}, notify=print)
    assert refused.value.next_step == (
        "Set one of CMLKIT_TOKEN, GITHUB_TOKEN, REPO_TOKEN, repo_token; in a workflow, in the step's env."
    )


def test_without_a_token_for_runners_the_error_says_which_one_will_do() -> None:
    with pytest.raises(PermissionDenied) as refused:
        runners({})
    assert refused.value.next_step == (
        "Set one of CMLKIT_RUNNER_TOKEN, CMLKIT_TOKEN, REPO_TOKEN, repo_token, GITHUB_TOKEN; in a workflow, in the"
        " step's env. Registering runners takes more than the workflow's own GITHUB_TOKEN: a fine-grained token or a"
        " GitHub App with the repository permission Administration: Read and write, or a classic token with the scope"
        " repo."
    )


def test_runners_take_the_workflows_own_token_last_as_it_never_may_register_them() -> None:
    assert runners({"GITHUB_TOKEN": "job", "REPO_TOKEN": "personal"}).http.token == "personal"


def test_half_an_app_is_an_error() -> None:
    with pytest.raises(SettingsError, match="Only one of CMLKIT_APP_ID and CMLKIT_APP_PRIVATE_KEY is set."):
        runners({"CMLKIT_APP_ID": "7", "CMLKIT_TOKEN": "t"})


@pytest.mark.parametrize(
    ("environ", "token"),
    [
        ({"REPO_TOKEN": "last", "GITHUB_TOKEN": "second"}, "second"),
        ({"CMLKIT_TOKEN": " first\n", "GITHUB_TOKEN": "second"}, "first"),
        ({"CMLKIT_TOKEN": " ", "REPO_TOKEN": "last"}, "last"),
        ({"REPO_TOKEN": "third", "repo_token": "last"}, "third"),
        ({"repo_token": "last"}, "last"),
    ],
)
def test_the_first_token_that_is_set_counts(environ: dict[str, str], token: str) -> None:
    assert github.TOKENS.required(environ, repository="octo/forest") == token


def test_git_reaches_the_repository_of_the_run_with_the_token() -> None:
    access = github.git_access({**WHERE, "GITHUB_TOKEN": "secret"})
    assert access is not None
    assert access.url == "https://github.example/octo/forest.git"
    assert access.authorization.startswith("Basic ")
    assert "secret" not in repr(access)
    assert github.git_access(WHERE) is None
