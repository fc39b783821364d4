"""Secrets: names that hold them, forms of tokens, and values of the environment."""

from __future__ import annotations

import json

import pytest

from cmlkit.sinks.secrets import Secrets, is_secret, without_tokens

# As the providers document them, with other characters; in parts, so that no scanner takes them for real ones.
TOKENS = {
    "GitHub, classic": "ghp" + "_" + "aB3" * 12,
    "GitHub, of a job": "ghs" + "_" + "aB3" * 12,
    "GitHub, fine-grained": "github" + "_pat_" + "A1" * 11 + "_" + "b2" * 29 + "c",
    "GitLab": "glpat" + "-" + "aB3_" * 5,
    "AWS": "AKIA" + "ABCDEFGH12345678",
    "Slack": "xoxb" + "-123456789012-" + "aB3" * 8,
    "Google": "AIza" + "aB3_-" * 7,
    "Hugging Face": "hf" + "_" + "aBcD3" * 7,
    "OpenAI": "sk" + "-proj-" + "aB3d" * 12,
    "Stripe": "sk" + "_live_" + "aB3d" * 6,
    "npm": "npm" + "_" + "aB3" * 12,
    "JSON Web Token": "eyJ" + "hbGciOiJIUzI1" + ".eyJ" + "zdWIiOiIxMjM0" + ".dBjftJeZ4CVP-mB92K",
    "PEM": "-----BEGIN OPENSSH PRIVATE"
    " KEY-----\n" + "b3BlbnNzaC1rZXktdjEAAAAA\n" * 3 + "AAAA==\n-----END OPENSSH PRIVATE KEY-----",
}
VALUE = 'correct-horse/7 "staple"'


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True),
        ("api_key", True),
        ("apiKey", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("db.password", True),
        ("hf-token", True),
        ("max_tokens", False),
        ("tokenizer", False),
        ("monkey", False),
        ("keyboard_layout", False),
        ("secretary", False),
        ("PGPASSWORD", True),
        ("MYSQL_PWD", True),
        ("PWD", False),
        ("accesstoken", True),
        ("n_keys", False),
    ],
)
def test_a_secret_is_told_by_whole_words_of_its_name(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("around", ["{}", "--hub {} --lr 0.1", "({}).", "x='{}'", '{{"login": "{}"}}'])
def test_tokens_of_well_known_forms_are_hidden_wherever_they_stand(token: str, around: str) -> None:
    assert without_tokens(around.format(token)) == around.format("***")


def test_a_token_in_json_is_hidden_and_leaves_json() -> None:
    for token in TOKENS.values():
        assert json.loads(without_tokens(json.dumps({"a": token, "b": 1}))) == {"a": "***", "b": 1}


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn-RandomForestClassifierWithManyTrees",
        "ghp_sandbox",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "a key begins with -----BEGIN PRIVATE KEY----- and ends",
        "the bearer of good news, and the Bearer token",
        "https://example.com/a?b=c#d and me@example.com",
        "max_tokens 512, accuracy 0.93",
    ],
)
def test_what_only_resembles_a_token_stays(text: str) -> None:
    assert without_tokens(text) == text


def test_values_of_variables_that_are_named_as_secrets_are_hidden_in_each_form() -> None:
    secrets = Secrets.of({"DB_PASSWORD": VALUE, "MODEL": "forest-of-many-trees"})
    forms = [VALUE, json.dumps({"a": VALUE}), "correct-horse%2F7%20%22staple%22"]
    assert [secrets.hidden(form) for form in forms] == ["***", '{"a": "***"}', "***"]
    assert secrets.hidden("a forest-of-many-trees") == "a forest-of-many-trees"


def test_each_line_of_a_secret_is_one() -> None:
    secrets = Secrets.of({"DEPLOY_KEY": "first-line-1\nsecond-line-2\n"})
    assert secrets.hidden("got second-line-2") == "got ***"


@pytest.mark.parametrize(
    "value", ["", "1", "true", "test", "password", "accuracy", "12345678", "0.93000000", "/run/secrets/token"]
)
def test_no_report_is_blanked_by_a_word_a_number_or_a_path_under_the_name_of_a_secret(value: str) -> None:
    text = f"accuracy 0.93000000, true, test: 1 of 12345678 at /run/secrets/token, password {value}"
    assert Secrets.of({"SOME_TOKEN": value, "SOME_PASSWORD": value}).hidden(text) == text


@pytest.mark.parametrize("name", ["SORT_KEY", "CACHE_KEY", "PWD", "TOKENIZERS_PARALLELISM", "MAX_TOKENS"])
def test_variables_that_only_sound_like_secrets_hide_nothing(name: str) -> None:
    assert Secrets.of({name: "customer_id_2"}).hidden("by customer_id_2") == "by customer_id_2"


def test_names_and_numbers_of_a_document_stay() -> None:
    secrets = Secrets(["hunter2-hunter2"])
    document = {"hunter2-hunter2": 1, "a": ["hunter2-hunter2", 2.5, None, True]}
    assert secrets.hidden_in(document) == {"hunter2-hunter2": 1, "a": ["***", 2.5, None, True]}
