"""The environment that programs other than cmlkit's own get."""

from cmlkit.process import CREDENTIALS, for_commands

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


def test_commands_get_none_of_the_tokens() -> None:
    assert for_commands(dict.fromkeys(TOKENS, "secret")) == {}


def test_commands_get_everything_else_the_keys_of_the_steps_author_included() -> None:
    environ = {"PATH": "/usr/bin", "GITHUB_RUN_ID": "7", "CMLKIT_APP_ID": "12", "WANDB_API_KEY": "theirs", **AWS}
    assert for_commands({**environ, "GITHUB_TOKEN": "secret"}) == environ


def test_commands_get_the_tokens_that_are_named_for_them() -> None:
    environ = dict.fromkeys(CREDENTIALS, "secret")
    assert for_commands(environ, pass_env=("GH_TOKEN", "absent")) == {"GH_TOKEN": "secret"}


def test_what_is_handed_in_stays_as_it_is() -> None:
    environ = {"GITHUB_TOKEN": "secret"}
    for_commands(environ)
    assert environ == {"GITHUB_TOKEN": "secret"}
