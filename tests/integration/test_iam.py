"""The IAM policies of cmlkit/clouds/aws/policies allow what cmlkit calls, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import PermissionDenied
from cmlkit.runner.listing import list_instances
from cmlkit_sandbox.aws import Call, needed_permissions
from tests.aws_account import LIFETIME_SECONDS, POLICIES, RUN, Account, empty_account

pytestmark = pytest.mark.slow


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with empty_account(tmp_path, monkeypatch) as opened:
        yield opened


def statements(policy: str) -> list[Any]:
    found: list[Any] = json.loads((POLICIES / f"{policy}.json").read_text())["Statement"]
    return found


def allowed(policy: str) -> set[str]:
    return {
        action
        for statement in statements(policy)
        if statement["Effect"] == "Allow"
        for action in _listed(statement["Action"])
    }


def needed(calls: Iterable[Call]) -> set[str]:
    """What the calls need, by the names that policies have for it.

    The names are those of the operations, beside two that no call is named after: `ec2:CreateTags` for the tags that
    RunInstances and CreateSecurityGroup put on what they make, and `iam:PassRole` for the roles that they hand on.
    """
    return {permission.action for call in calls for permission in needed_permissions(call)}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_the_launcher_may_do_what_launching_and_stopping_call_and_nothing_else(account: Account) -> None:
    account.preview()
    assert account.launch(market="spot").market == "spot"
    assert account.launch(market="on-demand").market == "on-demand"
    list_instances(cloud_for=account.cloud_for, workflow_run=RUN)
    assert len(account.stop().instances) == 2
    # Images are looked for by name where their parameters may not be read.
    account.aws.deny("ssm:GetParameters")
    account.preview()
    account.aws.deny("ec2:RunInstances")
    with pytest.raises(PermissionDenied):
        account.launch(market="on-demand")
    assert needed(account.aws.calls) == allowed("launcher")


def test_the_doctor_may_do_what_it_asks_beside_the_launcher_and_nothing_else(account: Account) -> None:
    account.examine()
    # Everybody may ask who they are.
    assert needed(account.aws.calls) - allowed("launcher") - {"sts:GetCallerIdentity"} == allowed("doctor")


def test_the_reaper_may_do_what_reaping_calls_and_nothing_else(account: Account) -> None:
    launched = account.launch()
    account.clock.time += LIFETIME_SECONDS + 1
    account.aws.calls.clear()
    account.reap(dry_run=True)
    assert "terminated" in {row.outcome for row in account.reap() if row.id == launched.instance_id}
    assert needed(account.aws.calls) == allowed("reaper")


def test_the_schedulers_role_may_do_what_a_schedule_asks_for_and_nothing_else(account: Account) -> None:
    launched = account.launch()
    [created] = [call for call in account.aws.calls if call.action == "CreateSchedule"]
    operation = created.parameters["Target"]["Arn"].rpartition(":")[2]
    assert allowed("scheduler-role") == {f"ec2:{operation[0].upper()}{operation[1:]}"}
    account.aws.run_due_schedules(now=account.clock.time + 2 * LIFETIME_SECONDS)
    assert account.aws.instance(launched.instance_id).state in ("shutting-down", "terminated")


def test_the_policy_for_an_own_key_allows_what_a_launch_takes_of_it_and_nothing_else(account: Account) -> None:
    account.aws.keys.own = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    account.launch(market="on-demand")
    *_, call = [call for call in account.aws.calls if call.action == "RunInstances"]
    assert {permission.action for permission in account.aws.keys.needed(call)} == allowed("own-key")


def test_the_instances_policy_allows_nothing(account: Account) -> None:
    assert allowed("instance") == set()


def test_the_policy_for_checkpoints_allows_what_keeping_them_calls_and_nothing_else(
    account: Account, tmp_path: Path
) -> None:
    account.keep_checkpoints("s3://my-bucket/checkpoints/OWNER/NAME/7/train", tmp_path)
    assert needed(account.aws.calls) == allowed("checkpoints")
    # S3 asks for s3:ListBucket, too, before it says that an object is missing: with a prefix that the policy covers.
    asked = [call for call in account.aws.calls if call.action == "ListObjectsV2"]
    [listing] = [item for item in statements("checkpoints") if item["Action"] == "s3:ListBucket"]
    pattern = listing["Condition"]["StringLike"]["s3:prefix"]
    assert all(fnmatchcase(str(call.parameters["Prefix"]), pattern) for call in asked)


def test_all_that_a_launch_makes_has_the_tag_that_the_policy_asks_for(account: Account) -> None:
    account.launch(market="spot")
    # The first ones are refused: the security group and the profile are new.
    *_, call = [call for call in account.aws.calls if call.action == "RunInstances"]
    [marked] = [item for item in statements("launcher") if item["Sid"] == "LaunchOnlyWhatIsMarkedAsOurs"]
    kinds = [resource.rpartition(":")[2].removesuffix("/*") for resource in marked["Resource"]]
    assert {kind: call.tags(kind).get("cmlkit:repository") for kind in kinds} == dict.fromkeys(kinds, RUN.repository)


def test_the_security_group_has_the_tag_that_the_policy_asks_for(account: Account) -> None:
    account.launch()
    [call] = [call for call in account.aws.calls if call.action == "CreateSecurityGroup"]
    assert call.tags("security-group") == {"cmlkit:security-group": "closed"}


def test_schedules_have_names_that_the_policies_cover(account: Account) -> None:
    account.launch()
    account.stop()
    names = [str(call.parameters["Name"]) for call in account.aws.calls if call.service == "scheduler"]
    assert len(names) == 2
    assert all(name.startswith("cmlkit-") for name in names)


def test_stop_tags_only_with_the_key_that_the_launchers_policy_names(account: Account) -> None:
    launched = account.launch(market="spot")
    account.aws.interrupt(launched.instance_id, seconds=0)
    account.stop()
    [call] = [call for call in account.aws.calls if call.action == "CreateTags"]
    keys = [value for name, value in call.parameters.items() if name.endswith(".Key")]
    assert keys == ["cmlkit:interrupted"]
    assert json.dumps(keys[0]) in (POLICIES / "launcher.json").read_text()


def test_the_reaper_tags_only_with_the_key_that_its_policy_names(account: Account) -> None:
    account.launch()
    account.clock.time += LIFETIME_SECONDS + 1
    account.reap()
    [call] = [call for call in account.aws.calls if call.action == "CreateTags"]
    keys = [value for name, value in call.parameters.items() if name.endswith(".Key")]
    assert keys == ["cmlkit:reaping"]
