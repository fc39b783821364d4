"""Secrets by their names: in parameters at any depth, and in command lines."""

from __future__ import annotations

import pytest

from cmlkit.records.redaction import redacted, redacted_command
from cmlkit.sinks.secrets import Secrets


def test_texts_of_secrets_are_hidden_at_any_depth_and_numbers_never() -> None:
    values = {"token": "abc", "max_tokens": 512, "key": 7, "service": {"api_key": "x", "url": "u"}, "keys": ["k"]}
    assert redacted(values) == {
        "token": "***",
        "max_tokens": 512,
        "key": 7,
        "service": {"api_key": "***", "url": "u"},
        "keys": ["k"],
    }


def test_all_texts_below_the_name_of_a_secret_are_hidden() -> None:
    assert redacted({"secret": {"a": "x", "b": ["y", 1]}}) == {"secret": {"a": "***", "b": ["***", 1]}}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("python train.py --api-key=abc --lr 0.1", "python train.py --api-key=*** --lr 0.1"),
        ("python train.py --token abc --max-tokens=512", "python train.py --token *** --max-tokens=512"),
        ('python train.py --password "a b" x', 'python train.py --password "***" x'),
        ("API_KEY=abc python train.py", "API_KEY=*** python train.py"),
        ("python train.py db.password=abc lr=0.1", "python train.py db.password=*** lr=0.1"),
        ("bash -c 'python train.py --api-key=abc'", "bash -c 'python train.py --api-key=***'"),
        ("""train --config '{"api_key": "abc", "lr": 1}'""", """train --config '{"api_key": "***", "lr": 1}'"""),
        ("curl -H 'Authorization: Bearer abc'", "curl -H 'Authorization: ***'"),
        ("curl https://user:abc@host/x?token=abc", "curl https://***@host/x?token=***"),
        ("curl -u me:abc https://host", "curl -u me:*** https://host"),
        ("train --password=123456", "train --password=***"),
        ("PGPASSWORD=abc psql -h db", "PGPASSWORD=*** psql -h db"),
        ("mysql -h db -pabc -u me", "mysql -h db -p*** -u me"),
        ("sshpass -p abc ssh -p 2222 host", "sshpass -p *** ssh -p 2222 host"),
        ("docker login -u me -p abc host && mkdir -p a", "docker login -u me -p *** host && mkdir -p a"),
        ("curl https://me:a@b@host/x", "curl https://***@host/x"),
        ("git clone https://x-access-token:abc@github.com/octo/x", "git clone https://***@github.com/octo/x"),
        (
            "dvc get 'https://b.s3.amazonaws.com/x?X-Amz-Signature=abc&a=1'",
            "dvc get 'https://b.s3.amazonaws.com/x?X-Amz-Signature=***&a=1'",
        ),
    ],
)
def test_secrets_of_a_command_line_are_hidden(line: str, shown: str) -> None:
    assert redacted_command(line) == shown
    assert redacted_command(shown) == shown


@pytest.mark.parametrize(
    "line",
    [
        "TOKEN=$TOKEN python train.py",
        'python train.py --token "${TOKEN}"',
        "sort --key=2 file",
        "python monkey.py --tokenizer bert --pad-token-id 0",
        "python -m keyring get key name",
        "cd $PWD && mysql -p db && ssh -p 2222 host && tar -p x",
        "mysql -p$PASSWORD db",
        "curl https://host/x?email=a@b",
    ],
)
def test_what_shows_no_secret_stays_as_it_is(line: str) -> None:
    assert redacted_command(line) == line


def test_a_secret_that_is_quoted_twice_is_hidden() -> None:
    assert "abc" not in redacted_command("""bash -c 'train --token '"'"'abc'"'"' --lr 1'""")


def test_texts_of_parameters_are_searched_for_secrets_without_a_name() -> None:
    values = {
        "database": "postgresql://me:abc@db/x",
        "connection": "Server=db;Password=abc;Max Tokens=3",
        "hub": {"login": f"hf_{'a1' * 20}"},
        "cache": "hunter2-hunter2 of the environment",
        "max_tokens": 512,
    }
    assert redacted(values, Secrets(["hunter2-hunter2"])) == {
        "database": "postgresql://***@db/x",
        "connection": "Server=db;Password=***;Max Tokens=3",
        "hub": {"login": "***"},
        "cache": "*** of the environment",
        "max_tokens": 512,
    }
