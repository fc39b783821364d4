"""Servers of GitHub, their APIs, and the tokens that reach them."""

from __future__ import annotations

import pytest

from cmlkit.errors import SettingsError
from cmlkit.forges import check_server
from cmlkit.forges.github import TOKENS, environ_at, withheld
from cmlkit.forges.github.hosts import api_url

CORP = "https://git.corp.example"
API = "GITHUB_API_URL"


@pytest.mark.parametrize(
    ("server", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        (CORP, "https://git.corp.example/api/v3"),
        ("https://git.corp.example:8443", "https://git.corp.example:8443/api/v3"),
        ("https://octocorp.ghe.com", "https://api.octocorp.ghe.com"),
        # Names that only look like GitHub's.
        ("https://github.com.evil.example", "https://github.com.evil.example/api/v3"),
        ("https://notghe.com", "https://notghe.com/api/v3"),
    ],
)
def test_each_server_has_its_own_api(server: str, api: str) -> None:
    assert environ_at(server, {})[API] == api == api_url(server)


@pytest.mark.parametrize(
    ("server", "environ", "token"),
    [
        ("https://github.com", {"CMLKIT_TOKEN": "own"}, "own"),
        ("https://github.com", {"GITHUB_TOKEN": "public", "GH_ENTERPRISE_TOKEN": "corp"}, "public"),
        ("https://github.com", {"GH_ENTERPRISE_TOKEN": "corp"}, ""),
        ("https://octocorp.ghe.com", {"GITHUB_TOKEN": "public"}, "public"),
        (CORP, {"GITHUB_TOKEN": "public"}, ""),
        (CORP, {"CMLKIT_TOKEN": "own", "REPO_TOKEN": "public"}, ""),
        (CORP, {"CMLKIT_TOKEN": "own", "GH_HOST": "git.corp.example"}, "own"),
        (CORP, {"CMLKIT_TOKEN": "own", "GH_HOST": "github.com"}, ""),
        (CORP, {"GITHUB_TOKEN": "public", "GH_HOST": "git.corp.example"}, ""),
        (CORP, {"CMLKIT_TOKEN": "own", "GH_ENTERPRISE_TOKEN": "corp"}, "corp"),
        (CORP, {"GITHUB_TOKEN": "public", "GITHUB_ENTERPRISE_TOKEN": "corp"}, "corp"),
        # A job, whose server says who it is.
        (CORP, {"GITHUB_TOKEN": "job", "GITHUB_SERVER_URL": CORP}, "job"),
        (CORP, {"GITHUB_TOKEN": "job", API: "https://git.corp.example/api/v3"}, "job"),
        ("https://github.com.evil.example", {"CMLKIT_TOKEN": "own", "GITHUB_TOKEN": "public"}, ""),
    ],
)
def test_a_token_reaches_only_the_server_that_it_is_for(server: str, environ: dict[str, str], token: str) -> None:
    assert TOKENS.found(environ_at(server, environ)) == token


def test_tokens_that_are_not_sent_are_named_with_the_way_to_send_them() -> None:
    assert withheld(CORP, {"GITHUB_TOKEN": "public", "CMLKIT_RUNNER_TOKEN": "own"}) == (
        "CMLKIT_RUNNER_TOKEN, GITHUB_TOKEN are not sent to git.corp.example, the server of this checkout. If it is"
        " yours, set GH_ENTERPRISE_TOKEN, or GH_HOST=git.corp.example with CMLKIT_TOKEN."
    )
    assert withheld("https://github.com", {"GITHUB_TOKEN": "public"}) == ""


@pytest.mark.parametrize(
    ("server", "forge"),
    [
        ("https://gitlab.com", "GitLab"),
        ("https://gitlab.corp.example:8443", "GitLab"),
        ("https://altssh.gitlab.com", "GitLab"),
        ("https://bitbucket.org", "Bitbucket"),
        ("https://codeberg.org", "Codeberg"),
        ("https://ssh.dev.azure.com", "Azure DevOps"),
        ("https://octo.visualstudio.com", "Azure DevOps"),
    ],
)
def test_a_forge_without_a_module_is_named_and_gets_no_request(server: str, forge: str) -> None:
    with pytest.raises(SettingsError, match=f"^{forge} is not supported yet: the repository is on "):
        check_server(server)


@pytest.mark.parametrize("server", ["https://github.com", "https://octocorp.ghe.com", CORP])
def test_a_server_that_may_be_githubs_is_taken(server: str) -> None:
    check_server(server)
