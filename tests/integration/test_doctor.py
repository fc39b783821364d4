"""The doctor against the sandbox: what it says of a sound account, and of one where something is missing."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from cmlkit.__main__ import run
from cmlkit.scaffold import templates
from cmlkit_sandbox import TOKEN, Sandbox
from cmlkit_sandbox.aws import images
from cmlkit_sandbox.github.accounts import Level

pytestmark = pytest.mark.slow

DAY_SECONDS = 86_400
SOUND = "train: {run: 'echo trained', data: []}\n"
JOB: dict[str, Level] = {"contents": "write", "pull_requests": "write", "checks": "write"}


def examined(capsys: pytest.CaptureFixture[str], *flags: str, exit_code: int = 0, **environ: str) -> dict[str, str]:
    """Line of each finding that is not ok -> its subject; the exit code is checked."""
    capsys.readouterr()
    assert run(["doctor", "--json", *flags], environ={**os.environ, **environ}) == exit_code
    findings = json.loads(capsys.readouterr().out)["findings"]
    return {
        f"{finding['state']}: {finding['detail']} {finding['remedy']}": finding["subject"]
        for finding in findings
        if finding["state"] != "ok"
    }


@pytest.fixture
def account(sandbox: Sandbox, checkout: Path) -> Sandbox:
    """A sandbox in which nothing is wrong."""
    (checkout / "cmlkit.yaml").write_text(SOUND)
    workflow = checkout / ".github/workflows/train-on-ec2.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(templates.workflow("train-on-ec2.yml"))
    settings = sandbox.github.hub.repository(sandbox.repository).settings
    settings.secrets.add("CMLKIT_RUNNER_TOKEN")
    settings.variables["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/cmlkit"
    return sandbox


def test_a_sound_account_has_nothing_wrong_and_nothing_comes_into_being(
    account: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert examined(capsys) == {}
    assert list(account.aws.instances()) == []
    assert not account.github.hub.runners.of(account.repository)
    assert all(call.is_dry_run for call in account.aws.calls if call.action.startswith("Create"))


def test_every_part_is_told_when_it_is_well(account: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"], environ=os.environ) == 0
    said = capsys.readouterr().out
    for part in (
        "of this machine",
        ".github/workflows/train-on-ec2.yml uses cmlkit",
        "The secret CMLKIT_RUNNER_TOKEN is set",
        "The variable AWS_ROLE_ARN is set",
        "is a classic token",
        "This machine's clock is",
        "can be written",
        "actions-runner-linux",
        "123456789012 in eu-west-1",
    ):
        assert part in said
    for part in ("12 of 12 options", "at most $0.1", "640 vCPUs, 2 needed", "way out to GitHub: 3 subnets"):
        assert part in said


def archived(account: Sandbox) -> None:
    account.github.hub.repository(account.repository).settings.archived = True


def about_to_expire(account: Sandbox) -> None:
    account.github.add_token(TOKEN, "octo", expires=time.time() + 2 * DAY_SECONDS)


def read_only(account: Sandbox) -> None:
    account.github.add_token(TOKEN, permissions={"contents": "read", "administration": "write"})


def a_clock_that_is_off(account: Sandbox) -> None:
    now = account.github.hub.now
    account.github.hub.now = lambda: now() - 400


def workflows_may_not(account: Sandbox) -> None:
    account.github.add_token("ghs_job", kind="job", permissions={**JOB, "administration": "read"})
    account.github.hub.repository(account.repository).settings.can_create_pull_requests = False


def unknown_setting(account: Sandbox) -> None:
    account.github.add_token("ghs_job", kind="job", permissions=JOB)


def reads_only(account: Sandbox) -> None:
    account.github.add_token("ghs_job", kind="job", permissions={"contents": "read", "administration": "read"})


def nothing_set_for_workflows(account: Sandbox) -> None:
    settings = account.github.hub.repository(account.repository).settings
    settings.secrets.clear()
    settings.variables.clear()


def nothing_set_but_perhaps_in_an_environment(account: Sandbox) -> None:
    nothing_set_for_workflows(account)
    workflow = Path.cwd() / ".github/workflows/train-on-ec2.yml"
    workflow.write_text(workflow.read_text().replace("# environment: expensive", "environment: expensive"))


def no_workflow(account: Sandbox) -> None:
    (Path.cwd() / ".github/workflows/train-on-ec2.yml").unlink()


def no_quota(account: Sandbox) -> None:
    account.aws.quotas.limits.update({"L-1216C47A": 1, "L-34B43A08": 0})


def no_spot_quota(account: Sandbox) -> None:
    account.aws.quotas.limits["L-34B43A08"] = 0


def quotas_that_are_hidden(account: Sandbox) -> None:
    account.aws.deny("servicequotas:GetServiceQuota")


def no_way_out(account: Sandbox) -> None:
    ec2 = client(account)
    for table in ec2.describe_route_tables()["RouteTables"]:
        for route in table["Routes"]:
            if route.get("DestinationCidrBlock") == "0.0.0.0/0":
                ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")


def without_public_addresses(account: Sandbox) -> None:
    ec2 = client(account)
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": False})


def client(account: Sandbox, service: str = "ec2") -> boto3.client:
    return boto3.client(service, region_name="eu-west-1", endpoint_url=account.aws.url)


Line = tuple[str, str, str]
ARCHIVED: Line = ("failed", "GitHub repository", "is archived")
EXPIRING: Line = ("warning", "GitHub token", "valid for 2 more days")
READ_ONLY: Line = ("failed", "GitHub repository", "may not write to octo/random-forest. Give the token the scope")
CLOCK: Line = ("failed", "GitHub clock", "s ahead. Synchronize it with a time server")
NOT_SET: Line = (
    "failed",
    "GitHub settings",
    "The secret CMLKIT_RUNNER_TOKEN, which a workflow here needs, is missing.",
)
PERHAPS_SET: Line = ("warning", "GitHub settings", "The variable AWS_ROLE_ARN is missing, unless the environment")
NO_WORKFLOW: Line = ("warning", "workflow", "No workflow in .github/workflows uses cmlkit. Write one: cmlkit init.")
NO_QUOTA: Line = ("failed", "AWS quota", "0 vCPUs, 2 needed")
NO_SPOT_QUOTA: Line = ("warning", "AWS quota", "All Standard")
HIDDEN_QUOTAS: Line = ("warning", "AWS quota", "Allow servicequotas:GetServiceQuota")
NO_WAY_OUT: Line = ("failed", "AWS network", "leads to no internet gateway")


@pytest.mark.parametrize(
    ("troubles", "exit_code"),
    [
        # Several at a time: none hides another, and each look at an account takes a while.
        ({archived: ARCHIVED, no_quota: NO_QUOTA, no_way_out: NO_WAY_OUT}, 2),
        ({read_only: READ_ONLY, no_spot_quota: NO_SPOT_QUOTA}, 3),
        ({a_clock_that_is_off: CLOCK, nothing_set_for_workflows: NOT_SET}, 2),
        ({nothing_set_but_perhaps_in_an_environment: PERHAPS_SET}, 0),
        ({about_to_expire: EXPIRING, quotas_that_are_hidden: HIDDEN_QUOTAS, no_workflow: NO_WORKFLOW}, 0),
        ({no_quota: NO_QUOTA}, 4),
    ],
)
def test_each_trouble_is_found_with_its_remedy(
    account: Sandbox,
    capsys: pytest.CaptureFixture[str],
    troubles: dict[Callable[[Sandbox], None], Line],
    exit_code: int,
) -> None:
    for trouble in troubles:
        trouble(account)
    found = examined(capsys, exit_code=exit_code)
    for state, subject, said in troubles.values():
        assert subject in [found[line] for line in found if line.startswith(f"{state}: ") and said in line]


@pytest.mark.parametrize(
    ("trouble", "exit_code", "said"),
    [
        (workflows_may_not, 3, "failed: Workflows may not open pull requests here. Settings > Actions > General"),
        (
            reads_only,
            3,
            (
                "failed: The token may not write to octo/random-forest. If it is GITHUB_TOKEN, write contents: write"
                " and pull-requests: write and checks: write under permissions: of the job"
            ),
        ),
        (unknown_setting, 0, "warning: This token cannot tell whether workflows may open pull requests"),
    ],
)
def test_a_workflows_own_token_is_held_to_the_settings_of_actions(
    account: Sandbox,
    capsys: pytest.CaptureFixture[str],
    trouble: Callable[[Sandbox], None],
    exit_code: int,
    said: str,
) -> None:
    trouble(account)
    found = examined(capsys, exit_code=exit_code, CMLKIT_TOKEN="ghs_job")
    assert any(line.startswith(said) for line in found)


def test_a_permission_to_end_or_to_mark_is_tried(account: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    tags = [{"Key": "cmlkit:run", "Value": "1"}, {"Key": "cmlkit:repository", "Value": account.repository}]
    client(account).run_instances(
        ImageId=images.IMAGES[0].id("eu-west-1"),
        InstanceType="t3.medium",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    assert examined(capsys) == {}
    for action in ("CreateTags", "TerminateInstances"):
        account.aws.deny(f"ec2:{action}")
        found = examined(capsys, exit_code=3)
        assert any(f"is not authorized to perform: ec2:{action}" in line for line in found)
    [instance] = account.aws.instances()
    assert instance.state in ("pending", "running")


def test_a_denied_launch_hides_nothing_else_that_stands_in_its_way(
    account: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    no_quota(account)
    without_public_addresses(account)
    for action in ("RunInstances", "CreateSecurityGroup"):
        account.aws.deny(f"ec2:{action}")
    found = examined(capsys, exit_code=3)
    assert sorted(found.values()) == ["AWS launch", "AWS network", "AWS permissions", "AWS quota"]
    assert any("gives its instances no public address" in line for line in found)


def trusted_by(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_roles_that_a_launch_hands_on_are_looked_at_and_those_that_are_hidden_are_not_judged(
    account: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    role = "arn:aws:iam::123456789012:role/ends"
    flags = ("--iam-instance-profile", "trains", "--stop-schedule-role", role)
    iam = client(account, "iam")
    iam.create_instance_profile(InstanceProfileName="trains")
    found = examined(capsys, *flags, exit_code=2)
    assert list(found.values()) == ["AWS roles", "AWS roles"]
    assert "The instance profile trains has no role" in " ".join(found)
    assert "The account has no role ends. Correct `stop-schedule-role`" in " ".join(found)
    for name, service in {"ends": "scheduler", "bucket": "ec2"}.items():
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted_by(f"{service}.amazonaws.com"))
    iam.add_role_to_instance_profile(InstanceProfileName="trains", RoleName="bucket")
    assert examined(capsys, *flags) == {}
    account.aws.deny("iam:GetRole", "iam:GetInstanceProfile")
    hidden = examined(capsys, *flags)
    assert list(hidden.values()) == ["AWS roles", "AWS roles"]
    assert all("is there cannot be told here" in line and "Allow iam:Get" in line for line in hidden)


def test_a_group_that_lets_nothing_out_is_found(account: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    ec2 = client(account)
    network = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="shut", Description="shut", VpcId=network)["GroupId"]
    everything = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    found = examined(capsys, "--security-group", group, exit_code=2)
    assert any(f"{group} lets no HTTPS out" in line for line in found)


@pytest.mark.parametrize("private", [True, False])
def test_a_runner_group_that_serves_no_public_repositories_is_found_if_the_repository_is_one(
    account: Sandbox, capsys: pytest.CaptureFixture[str], private: bool
) -> None:
    """A job would wait for a runner for a day, and every launch would end at its time limit."""
    hub = account.github.hub
    hub.accounts["octo"] = replace(hub.accounts["octo"], kind="Organization")
    hub.repository(account.repository).private = private
    hub.runners.serves_public = False
    (Path.cwd() / "cmlkit.yaml").write_text(f"{SOUND}runner: {{scope: organisation}}\n")
    found = examined(capsys, exit_code=0 if private else 2)
    assert list(found.values()) == ([] if private else ["GitHub runner group"])
    assert private or "Runners of the group Default take no jobs of public repositories" in next(iter(found))


def test_a_token_that_github_refuses_does_not_keep_aws_from_being_looked_at(
    account: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = {name: "ghp_unknown" for name in os.environ if name.endswith("_TOKEN")}
    found = examined(capsys, exit_code=3, **tokens)
    assert sorted(found.values()) == ["GitHub runners", "GitHub token"]


def test_a_token_that_the_github_cli_keeps_is_judged_if_no_other_is_set(
    account: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It prints the token alone: https://cli.github.com/manual/gh_auth_token."""
    program = tmp_path / "bin" / "gh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$4" = {urlsplit(account.github.url).netloc} ] && echo {TOKEN}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    for name in [name for name in os.environ if name.endswith("_TOKEN")]:
        monkeypatch.delenv(name)
    assert run(["doctor"], environ=os.environ) == 0
    said = capsys.readouterr().out
    assert "The token is that of the GitHub CLI." in said
    assert not [line for line in said.splitlines() if line.startswith(("failed", "warning"))]


def test_a_person_without_any_token_is_told_how_to_sign_in(
    account: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.endswith("_TOKEN")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path))
    token, runners = examined(capsys, exit_code=3)
    host = urlsplit(account.github.url).netloc
    assert f"Sign in with the GitHub CLI: gh auth login --hostname {host}; or set " in token
    assert "Set one of CMLKIT_RUNNER_TOKEN, " in runners


def test_a_forge_that_is_not_supported_is_a_finding_that_hides_no_other(
    account: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://gitlab.com")
    no_quota(account)
    found = examined(capsys, exit_code=2)
    assert sorted(found.values()) == ["AWS quota", "GitHub runners"]
    assert any("GitLab is not supported yet" in line for line in found)


def test_missing_aws_credentials_are_a_finding_like_others(
    account: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, os.devnull)
    (said,) = examined(capsys, exit_code=3)
    assert "There are no AWS credentials. On your own machine, sign in with the AWS CLI" in said


def test_an_image_that_does_not_exist_fails_as_a_wrong_setting(
    account: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(examined(capsys, "--image", "ami-0123456789abcdef0", exit_code=2).values()) == ["AWS launch"]


def test_a_script_that_is_not_there_is_found_before_it_costs_anything(
    account: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    found = examined(capsys, "--run", "python train.py", exit_code=2)
    assert any("train.py, which training runs, is missing" in line for line in found)


def test_preflight_launches_nothing_where_a_run_could_not_end_well(
    account: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    archived(account)
    assert run(["runner", "launch", "--preflight"], environ=os.environ) == 2
    said = capsys.readouterr().err
    assert "failed: GitHub repository: octo/random-forest is archived" in said
    assert list(account.aws.instances()) == []
    assert not account.github.hub.runners.of(account.repository)


def test_preflight_goes_on_to_the_launch_where_nothing_is_wrong(
    account: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Secrets and variables of workflows do not count: the launch has what it needs in its environment."""
    nothing_set_for_workflows(account)
    assert run(["runner", "launch", "--preflight", "--wait-timeout", "0.001s"], environ=os.environ) == 5
    assert "nothing stands in the way" in capsys.readouterr().err
    assert "RunInstances" in account.aws.actions
