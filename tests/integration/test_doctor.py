"""The doctor against the sandbox: what it says of a sound account, and of one where something is missing."""

from __future__ import annotations

import json
import os

import pytest

from cmlkit.__main__ import run
from cmlkit.sandbox import Sandbox


def states(output: str) -> list[tuple[str, str]]:
    return [(finding["subject"], finding["state"]) for finding in json.loads(output)["findings"]]


def test_a_sound_account_has_no_failed_finding_and_nothing_comes_into_being(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "--json"], environ=os.environ) == 0
    found = states(capsys.readouterr().out)
    assert {"GitHub repository", "GitHub runners", "AWS launch", "AWS price"} <= {subject for subject, _ in found}
    assert "failed" not in [state for _, state in found]
    assert list(sandbox.aws.instances()) == []
    assert not sandbox.github.hub.runners.of(sandbox.repository)


def test_a_token_that_github_refuses_fails_with_its_own_exit_code_and_aws_is_still_looked_at(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {name: "ghp_unknown" if name.endswith("_TOKEN") else value for name, value in os.environ.items()}
    assert run(["doctor", "--json"], environ=environ) == 3
    found = states(capsys.readouterr().out)
    assert found[:2] == [("GitHub repository", "failed"), ("GitHub runners", "failed")]
    assert ("AWS launch", "ok") in found


def test_missing_aws_credentials_are_a_finding_beside_those_of_github(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    assert run(["doctor", "--json"], environ=os.environ) == 3
    assert states(capsys.readouterr().out) == [
        ("GitHub repository", "ok"),
        ("GitHub runners", "ok"),
        ("AWS launch", "failed"),
    ]


def test_an_image_that_does_not_exist_fails_as_a_wrong_setting(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "--json", "--image", "ami-0123456789abcdef0"], environ=os.environ) == 2
    assert ("AWS launch", "failed") in states(capsys.readouterr().out)


def test_each_failure_is_one_line_with_its_remedy(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_TOKEN")}
    assert run(["doctor"], environ=environ) == 3
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("failed   GitHub repository")
    assert "No GitHub token is set" in line
    assert "Set one of CMLKIT_TOKEN" in line
