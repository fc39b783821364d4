"""The environment that programs other than cmlkit's own get."""

import pytest

from cmlkit.ci import credentials, for_commands
from cmlkit.forges import FORGES, forge_module

AWS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "key", "AWS_SESSION_TOKEN": "session"}
# What https://docs.github.com/actions and the documentation of CML and of the GitHub CLI name.
TOKENS = (
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "REPO_TOKEN",
    "CMLKIT_TOKEN",
    "CMLKIT_RUNNER_TOKEN",
    "CMLKIT_APP_PRIVATE_KEY",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_RUNTIME_TOKEN",
)


def test_commands_get_none_of_the_tokens_whatever_the_place() -> None:
    assert for_commands(dict.fromkeys(TOKENS, "secret")) == {}
    assert for_commands({**dict.fromkeys(TOKENS, "secret"), "GITHUB_ACTIONS": "true"}) == {"GITHUB_ACTIONS": "true"}


def test_commands_get_everything_else_the_keys_of_the_steps_author_included() -> None:
    environ = {"PATH": "/usr/bin", "GITHUB_RUN_ID": "7", "CMLKIT_APP_ID": "12", "WANDB_API_KEY": "theirs", **AWS}
    assert for_commands({**environ, "GITHUB_TOKEN": "secret"}) == environ


def test_commands_get_the_tokens_that_are_named_for_them() -> None:
    environ = dict.fromkeys(credentials(), "secret")
    assert for_commands(environ, pass_env=("GH_TOKEN", "absent")) == {"GH_TOKEN": "secret"}


def test_what_is_handed_in_stays_as_it_is() -> None:
    environ = {"GITHUB_TOKEN": "secret"}
    for_commands(environ)
    assert environ == {"GITHUB_TOKEN": "secret"}


@pytest.mark.parametrize("forge", FORGES)
def test_no_token_of_a_forge_is_left_out(forge: str) -> None:
    assert set(forge_module(forge).TOKENS.variables) <= credentials()
