"""`cmlkit access aws` in a clone, and its template against moto's CloudFormation."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from cmlkit.__main__ import run
from cmlkit.errors import GitFailed
from cmlkit.git import remote
from cmlkit_sandbox.aws import AwsServer

NAMED = ["--account", "123456789012", "--branch", "trunk", "--region", "eu-west-1"]
ROLE = "cmlkit-octo-forest"


@pytest.fixture
def clone(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # Nothing leaves this machine: a remote at github.com is not reached.
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    subprocess.run(["git", "remote", "add", "origin", "git@github.com:octo/forest.git"], cwd=checkout, check=True)
    return checkout


def access(*arguments: str) -> int:
    environ = {name: value for name, value in os.environ.items() if "TOKEN" not in name}
    return run(["access", "aws", *arguments], environ=environ)


def test_everything_is_shown_with_its_origin_and_nothing_is_written(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(clone.rglob("*"))
    (clone / "cmlkit.yaml").write_text("runner:\n  region: [eu-north-1, eu-west-1]\n")
    git = ["git", "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]
    subprocess.run(git, cwd=clone, check=True)
    assert access("--account", "1234-5678-9012") == 0
    said = capsys.readouterr().out
    assert "account     123456789012 (--account)" in said
    assert "branch      trunk (the default branch, as the clone knows it)" in said
    assert "region      eu-north-1, eu-west-1 (cmlkit.yaml:2)" in said
    assert "subject  repo:octo/forest:ref:refs/heads/trunk" in said
    assert "AWSTemplateFormatVersion: '2010-09-09'" in said
    assert {path.name for path in set(clone.rglob("*")) - before if ".git" not in path.parts} == {"cmlkit.yaml"}


def test_the_remote_is_asked_for_its_default_branch_if_the_clone_does_not_know_it(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after `git init` and `git remote add`, or in a clone of one branch alone."""
    server = tmp_path / "server"
    subprocess.run(["git", "init", "-q", "--bare", "--initial-branch", "trunk/2", server], check=True)
    subprocess.run(["git", "remote", "set-url", "origin", server], cwd=clone, check=True)
    monkeypatch.setenv("GITHUB_REPOSITORY", "octo/forest")
    assert access(*NAMED[:2], *NAMED[4:]) == 2
    assert "The remote origin names no default branch." in capsys.readouterr().err
    author = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    subprocess.run(["git", *author, "commit", "-q", "--allow-empty", "-m", "Begin"], cwd=clone, check=True)
    subprocess.run(["git", "push", "-q", "origin", "HEAD:refs/heads/trunk/2"], cwd=clone, check=True)
    subprocess.run(["git", "update-ref", "-d", "refs/remotes/origin/trunk/2"], cwd=clone, check=True)
    assert access(*NAMED[:2], *NAMED[4:]) == 0
    said = capsys.readouterr().out
    assert "branch      trunk/2 (the default branch, as the remote origin says: the clone does not know it)" in said


def test_a_remote_that_never_answers_is_not_waited_for(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/octo/forest.git"
        subprocess.run(["git", "remote", "set-url", "origin", url], cwd=clone, check=True)
        with pytest.raises(GitFailed, match=r"git ls-remote took more than 0 s\."):
            remote.default_branch(clone, seconds=0.3)


def test_the_workflow_says_the_region_if_the_settings_do_not(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.py").write_text("import joblib\n")
    assert run(["init", "--region", "ap-south-1"], environ=os.environ) == 0
    (clone / "cmlkit.yaml").unlink()
    assert access(*NAMED[:4]) == 0
    assert "region      ap-south-1 (.github/workflows/train-on-ec2.yml)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (NAMED[2:], "No AWS account is known: There are no AWS credentials."),
        (
            [*NAMED[:2], *NAMED[4:]],
            "The default branch is not known: no token asked for it, this clone does not say it",
        ),
        (NAMED[:4], "No AWS region is known"),
    ],
)
def test_nothing_is_guessed(clone: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert access(*arguments, "--write") == 2
    error = capsys.readouterr().err
    assert said in error
    assert "cmlkit access aws --" in error
    assert not (clone / "cmlkit-access").exists()


def test_files_that_somebody_changed_are_kept(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert access(*NAMED, "--write") == 0
    (clone / "cmlkit-access/trust.json").write_text("{}")
    capsys.readouterr()
    assert access(*NAMED, "--write") == 2
    assert "cmlkit-access/trust.json exists already with other content; nothing was written." in capsys.readouterr().err
    assert access(*NAMED, "--write", "--force", "--json") == 0
    assert json.loads(capsys.readouterr().out)["written"] == ["cmlkit-access/trust.json"]


@pytest.mark.slow
def test_cloudformation_makes_the_roles_of_its_parameters(clone: Path, tmp_path: Path) -> None:
    assert access(*NAMED, "--write") == 0
    template = clone / "cmlkit-access/cloudformation.yaml"
    linted = subprocess.run([Path(sys.prefix) / "bin/cfn-lint", template], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")
    with AwsServer(tmp_path / "aws", boot=False) as aws:
        iam, stacks = (_client(aws, service) for service in ("iam", "cloudformation"))
        stacks.create_stack(
            StackName=ROLE,
            TemplateBody=template.read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            # moto's CloudFormation knows no providers of OpenID Connect.
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in {"StopSchedule": "yes", "CreateProvider": "no"}.items()
            ],
        )
        assert {role["RoleName"] for role in iam.list_roles()["Roles"]} == {ROLE, f"{ROLE}-scheduler"}
        assert iam.list_role_policies(RoleName=ROLE)["PolicyNames"] == [
            "cmlkit-launcher",
            "cmlkit-reaper",
            "cmlkit-doctor",
        ]
        url = yaml.safe_load(template.read_text())["Resources"]["Provider"]["Properties"]["Url"]
        provider = iam.create_open_id_connect_provider(Url=url)["OpenIDConnectProviderArn"]
        [statement] = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Federated": provider}


def _client(aws: AwsServer, service: str) -> Any:
    names = {"AWS_ENDPOINT_URL": "endpoint_url", "AWS_REGION": "region_name"}
    keys = {"AWS_ACCESS_KEY_ID": "aws_access_key_id", "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key"}
    given = {option: aws.environ()[name] for name, option in {**names, **keys}.items() if name in aws.environ()}
    return boto3.client(service, **{"region_name": "eu-west-1", **given})
