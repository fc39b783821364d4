"""The policies of `cmlkit access aws`, decided by npm's iam-simulate: each call is allowed, its neighbours are not.

The calls are those that cmlkit makes against the sandbox; tests/integration/test_iam.py compares the names of their
actions. Here count resources and conditions, too. A neighbour differs from a call in one thing: the tag is another
repository's, say. No part of a policy is for nothing: without a statement or a resource a call is denied, without a
condition a neighbour is allowed.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from cmlkit.clouds.aws import access
from cmlkit.clouds.aws.access import Grant
from cmlkit.errors import PermissionDenied
from cmlkit.forges.github.identity import issuer, subjects
from cmlkit.runner.lease import KEPT_UNTIL
from cmlkit.runner.listing import list_instances
from tests.aws_account import LIFETIME_SECONDS, POLICIES, ROLE, RUN, Account, empty_account
from tests.reality.authorizations import ACCOUNT, INSTANCES_ROLE, Authorization, asked_for, passing, using_key
from tests.reality.tools import node

PRINCIPAL = f"arn:aws:iam::{ACCOUNT}:role/cmlkit"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PLACE = f"arn:aws:ec2:eu-west-1:{ACCOUNT}"
INSTANCE = f"{PLACE}:instance/i-0123456789abcdef0"
SESSION_PREFERENCES = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:document/SSM-SessionManagerRunShell"
SCHEDULE = f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule/default/cmlkit-1"
OURS = {"aws:ResourceTag/cmlkit:repository": RUN.repository}
DOCTORS = ("ec2:DescribeRouteTables", "servicequotas:GetServiceQuota", "iam:GetInstanceProfile", "iam:GetRole")
FLOOR = ("ec2:", "iam:", "scheduler:", "sts:AssumeRole")
# Their conditions leave no resource but those that they name.
NOTHING_ELSE_HAS_THE_TAG = (
    "EndOnlyOurs",
    "LaunchOnlyWhatIsMarkedAsOurs",
    "MakeTheClosedSecurityGroup",
    "ReadOnlyOurConsoles",
    "WatchAndEndOnlyOurs",
)
# Tags of which the policies ask no more than whether they are there.
TOLD_APART_BY_KEY = ("/Name", ":attempt", ":expires", ":label", ":reaping", ":run", ":runner-id", ":schedule")
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
SUBJECT = "token.actions.githubusercontent.com:sub"
AUDIENCE = "token.actions.githubusercontent.com:aud"
BY_MAIN = Authorization(
    action="sts:AssumeRoleWithWebIdentity",
    resource=PRINCIPAL,
    context={AUDIENCE: "sts.amazonaws.com"},
)
IDS = (123456, 456789)
# As GitHub documents both, the second for repositories since July 2026.
OF_NAMES = "repo:octo/random-forest:ref:refs/heads/main"
OF_IDS = "repo:octo@123456/random-forest@456789:ref:refs/heads/main"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
# The key's own policy leaves the decision to the account's policies, as AWS's default does.
KEY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    ],
}
# Other ways to change an instance, to keep it, or to reach it.
NEVER = [
    *(
        Authorization(action=f"ec2:{name}", resource=INSTANCE, context=OURS)
        for name in ("AttachVolume", "DeleteTags", "GetPasswordData", "ModifyInstanceAttribute", "StopInstances")
    ),
    Authorization(action="ssm:SendCommand", resource=INSTANCE),
    Authorization(action="ec2:CreateFleet", resource=f"{PLACE}:fleet/fleet-0"),
    Authorization(action="ec2:AuthorizeSecurityGroupIngress", resource=f"{PLACE}:security-group/sg-0"),
    Authorization(action="ec2:DeleteVolume", resource=f"{PLACE}:volume/vol-0", context=OURS),
    Authorization(action="scheduler:UpdateSchedule", resource=SCHEDULE),
    Authorization(action="iam:CreateUser", resource=f"arn:aws:iam::{ACCOUNT}:user/somebody"),
    Authorization(action="sts:AssumeRole", resource=f"arn:aws:iam::{ACCOUNT}:role/somebody"),
]


@dataclass(frozen=True, kw_only=True)
class Held:
    """A policy, the questions that it must allow, and those that it must not.

    Attributes:
        beside: Policies attached to the same role.
        trust: The policy of the resource.
    """

    policy: Any
    allowed: Sequence[Authorization]
    denied: Sequence[Authorization]
    beside: Sequence[Any] = ()
    trust: Any = None

    def asked(self, policy: Any, *, known: bool = False) -> dict[str, Any]:
        """Return what the program is to decide by a version of the policy; `known` skips the check of the questions."""
        questions = [item.question for item in (*self.allowed, *self.denied)]
        return {
            "identity": [policy, *self.beside],
            "trust": self.trust,
            "principal": PRINCIPAL,
            "questions": questions,
            "known": known,
        }


def grant(*, ids: tuple[int, int] | None = None) -> Grant:
    return Grant(
        account=ACCOUNT,
        repository=RUN.repository,
        regions=("eu-west-1",),
        issuer=issuer("https://github.com"),
        subjects=subjects(RUN.repository, "main", ids=ids),
        role="cmlkit",
    )


def policy(name: str) -> Any:
    """A policy as `cmlkit access aws` fills it in."""
    text = json.dumps(access.policy(name, grant()))
    return json.loads(text.replace("KEY-ID", KEY.rpartition("/")[2]))


def trust(*, ids: tuple[int, int] | None = None) -> Any:
    """The conditions for assuming the role, as a policy of whom the provider vouches for.

    The simulator's own way for trust policies does not know the claims of identity providers.
    """
    written = access.trust(grant(ids=ids))
    [statement] = written["Statement"]
    assert statement.pop("Principal") == {"Federated": PROVIDER}
    return {**written, "Statement": [{**statement, "Sid": "Trust", "Resource": "*"}]}


def beside_main(subject: str) -> list[Authorization]:
    """Questions of others than the workflows on the main branch of this repository."""
    by_main = BY_MAIN.having(SUBJECT, subject)
    repository = subject.removesuffix(":ref:refs/heads/main")
    return [
        by_main.having(SUBJECT, f"{repository}:pull_request"),
        by_main.having(SUBJECT, f"{repository}:ref:refs/heads/another"),
        by_main.having(SUBJECT, f"{repository}:environment:production"),
        by_main.having(SUBJECT, subject.replace("octo", "somebody")),
        by_main.having(SUBJECT, subject.replace(RUN.repository.partition("/")[2], "other")),
        by_main.having(AUDIENCE, "https://github.com/OWNER"),
        by_main.having(SUBJECT, None),
    ]


def distinct(questions: Iterable[Authorization]) -> list[Authorization]:
    """The questions without those that differ in names and times only."""

    def kind(item: Authorization) -> str:
        context = {key: "" if key.endswith(TOLD_APART_BY_KEY) else value for key, value in item.context.items()}
        return json.dumps([item.action, re.sub(r"(?<=[/-])[0-9a-f-]{6,}$", "", item.resource), context], sort_keys=True)

    return list({kind(item): item for item in questions}.values())


def asked(account: Account) -> list[Authorization]:
    """All that IAM was asked for the calls so far, which are forgotten."""
    found = distinct(item for call in account.aws.calls for item in asked_for(call, account.aws))
    account.aws.calls.clear()
    return found


def launched(account: Account) -> list[Authorization]:
    """Every call of launching, listing and stopping."""
    account.preview()
    account.check_image()
    account.launch(market="spot")
    account.launch(market="on-demand")
    list_instances(cloud_for=account.cloud_for, workflow_run=RUN)
    account.stop()
    account.aws.interrupt(account.launch(market="spot").instance_id, seconds=0)
    account.stop()
    # As stopping does with an instance that stays for a look at its failed training.
    looked_at = account.launch(market="spot")
    account.cloud_for(looked_at.region).tag([looked_at.instance_id], {KEPT_UNTIL: str(int(account.clock.time))})
    account.stop()
    # Images are looked for by name where their parameters may not be read.
    account.aws.deny("ssm:GetParameters")
    account.preview()
    account.aws.deny("ec2:RunInstances")
    with pytest.raises(PermissionDenied):
        account.launch(market="on-demand")
    account.aws.denials.clear()
    return asked(account)


def reaped(account: Account) -> list[Authorization]:
    account.launch(market="spot")
    account.clock.time += LIFETIME_SECONDS + 1
    account.aws.calls.clear()
    account.reap(dry_run=True)
    account.reap()
    return asked(account)


def ended_by_schedule(account: Account) -> list[Authorization]:
    """The call that a schedule makes in its role, as its target says it."""
    account.launch(market="spot")
    [created] = [call for call in account.aws.calls if call.action == "CreateSchedule"]
    operation = created.parameters["Target"]["Arn"].rpartition(":")[2]
    [name] = json.loads(created.parameters["Target"]["Input"])["InstanceIds"]
    tags = {f"aws:ResourceTag/{key}": value for key, value in account.aws.instance(name).tags.items()}
    account.stop()
    account.aws.calls.clear()
    action = f"ec2:{operation[0].upper()}{operation[1:]}"
    return [Authorization(action=action, resource=f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/{name}", context=tags)]


def connecting() -> list[Authorization]:
    """The calls of `cmlkit runner connect`, with the tag as Systems Manager knows it.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
    """
    ours = {"ssm:resourceTag/cmlkit:repository": RUN.repository}
    return [
        Authorization(action="ec2:DescribeInstances"),
        Authorization(action="ssm:DescribeInstanceInformation"),
        Authorization(action="ssm:StartSession", resource=INSTANCE, context=ours),
        Authorization(action="ssm:StartSession", resource=SESSION_PREFERENCES),
    ]


def beside_connecting() -> list[Authorization]:
    *_, on_instance, with_preferences = connecting()
    [tag] = on_instance.context
    another = SESSION_PREFERENCES.replace("SSM-SessionManagerRunShell", "AWS-StartSSHSession")
    return [
        on_instance.having(tag, "octo/another"),
        on_instance.having(tag, f"{RUN.repository}-2"),
        on_instance.having(tag, None),
        replace(on_instance, resource=f"arn:aws:ssm:eu-west-1:{ACCOUNT}:managed-instance/mi-0"),
        replace(with_preferences, resource=another),
        replace(on_instance, action="ssm:SendCommand"),
    ]


def of_others(questions: Sequence[Authorization]) -> Iterator[Authorization]:
    """The same on an instance of another repository, one whose name goes on, and one without a tag."""
    for item in questions:
        if "aws:ResourceTag/cmlkit:repository" in item.context:
            for repository in ("octo/another", f"{RUN.repository}-2", None):
                yield item.having("aws:ResourceTag/cmlkit:repository", repository)


def tagged_otherwise(questions: Sequence[Authorization]) -> Iterator[Authorization]:
    """Tags on instances that are there already: other keys, more keys, none, and those of a launch."""
    for item in questions:
        if item.action == "ec2:CreateTags" and "ec2:CreateAction" not in item.context:
            yield item.having("aws:TagKeys", [*item.context["aws:TagKeys"], "cmlkit:expires"])
            yield item.having("aws:TagKeys", ["cmlkit:expires"])
            yield item.having("aws:TagKeys", ["cmlkit:repository"])
            yield item.having("aws:TagKeys", None)
            yield replace(item, resource=item.resource.replace(":instance/i-", ":volume/vol-"))


def beside_launching(questions: Sequence[Authorization]) -> Iterator[Authorization]:
    yield from of_others(questions)
    yield from tagged_otherwise(questions)
    for item in questions:
        if "aws:RequestTag/cmlkit:expires" in item.context:
            if item.action == "ec2:RunInstances":
                yield item.having("aws:RequestTag/cmlkit:repository", "octo/another")
                yield item.having("aws:RequestTag/cmlkit:repository", None)
                yield item.having("aws:RequestTag/cmlkit:expires", None)
                yield replace(item, context={})
            elif item.action == "ec2:CreateTags":
                yield item.having("ec2:CreateAction", "CreateVolume")
                yield item.having("ec2:CreateAction", None)
        if item.action == "ec2:CreateSecurityGroup" and item.context:
            yield item.having("aws:RequestTag/cmlkit:security-group", "open")
            yield replace(item, context={})
        if item.action.startswith("scheduler:"):
            yield replace(item, resource=item.resource.replace("/cmlkit-", "/somebodys-"))
            yield replace(item, resource=item.resource.replace("/default/", "/another/"))
        if item.action == "ssm:GetParameters":
            yield replace(item, resource=f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/production/password")
    yield passing(f"arn:aws:iam::{ACCOUNT}:role/administrator", to="ec2.amazonaws.com")
    yield passing(f"arn:aws:iam::{ACCOUNT}:role/administrator", to="scheduler.amazonaws.com")
    yield passing(ROLE, to="ec2.amazonaws.com")
    yield passing(INSTANCES_ROLE, to="scheduler.amazonaws.com")
    yield passing(INSTANCES_ROLE, to="lambda.amazonaws.com")


def beside_reaping(questions: Sequence[Authorization]) -> Iterator[Authorization]:
    yield from of_others(questions)
    yield from tagged_otherwise(questions)
    for item in questions:
        if item.action == "scheduler:DeleteSchedule":
            yield replace(item, resource=item.resource.replace("/cmlkit-", "/somebodys-"))
            yield replace(item, resource=item.resource.replace("/default/", "/another/"))
            yield replace(item, action="scheduler:CreateSchedule")


def beside_using_key(questions: Sequence[Authorization]) -> Iterator[Authorization]:
    for item in questions:
        yield replace(item, resource=f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/another")
        if item.action == "kms:CreateGrant":
            yield item.having("kms:GrantIsForAWSResource", "false")
            yield item.having("kms:GrantIsForAWSResource", None)
        else:
            yield item.having("kms:ViaService", "s3.eu-west-1.amazonaws.com")
            yield item.having("kms:ViaService", None)
    yield replace(questions[0], action="kms:ScheduleKeyDeletion")


def beside_keeping(questions: Sequence[Authorization]) -> Iterator[Authorization]:
    for item in questions:
        yield replace(item, resource=item.resource.replace(":::my-bucket", ":::another-bucket"))
        if item.action == "s3:ListBucket":
            yield item.having("s3:prefix", f"checkpoints/{RUN.repository}-2/7")
            yield item.having("s3:prefix", "checkpoints/")
            yield item.having("s3:prefix", None)
            yield replace(item, action="s3:DeleteBucket", context={})
        else:
            yield replace(item, resource=item.resource.replace(RUN.repository, "octo/another"))
            yield replace(item, resource=item.resource.replace(RUN.repository, f"{RUN.repository}-2"))
            yield replace(item, resource=item.resource.replace("/checkpoints/", "/models/"))


def beside_looking(questions: Sequence[Authorization]) -> Iterator[Authorization]:
    """The same looks at roles and profiles of others."""
    for item in questions:
        if item.action.startswith("iam:"):
            yield replace(item, resource=f"{item.resource.rpartition('/')[0]}/somebody")


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Held]:
    """Every policy, with all the calls of the commands that it is for and their neighbours."""
    with pytest.MonkeyPatch.context() as patch, empty_account(tmp_path_factory.mktemp("aws"), patch) as account:
        launching = launched(account)
        account.examine()
        looking = [item for item in asked(account) if item.action in DOCTORS]
        scheduled = ended_by_schedule(account)
        reaping = reaped(account)
        account.keep_checkpoints(
            f"s3://my-bucket/checkpoints/{RUN.repository}/7/train", tmp_path_factory.mktemp("kept")
        )
        keeping = asked(account)
    using = using_key(KEY, "eu-west-1")
    launch = [item for item in launching if item.action == "ec2:RunInstances"]
    return {
        "launcher": Held(policy=policy("launcher"), allowed=launching, denied=[*beside_launching(launching), *NEVER]),
        "doctor": Held(policy=policy("doctor"), allowed=looking, denied=[*beside_looking(looking), *launch, *NEVER]),
        "reaper": Held(policy=policy("reaper"), allowed=reaping, denied=[*beside_reaping(reaping), *launch, *NEVER]),
        "scheduler-role": Held(
            policy=policy("scheduler-role"), allowed=scheduled, denied=[*of_others(scheduled), *launch, *NEVER]
        ),
        "own-key": Held(policy=policy("own-key"), allowed=using, denied=[*beside_using_key(using)], trust=KEY_POLICY),
        "checkpoints": Held(policy=policy("checkpoints"), allowed=keeping, denied=[*beside_keeping(keeping), *NEVER]),
        "instance": Held(
            policy=policy("instance"),
            allowed=keeping,
            denied=[item for item in [*launching, *NEVER, *scheduled] if item.action.startswith(FLOOR)],
            beside=[EVERYTHING],
        ),
        "connect": Held(policy=policy("connect"), allowed=connecting(), denied=[*beside_connecting(), *launch, *NEVER]),
        "trust": Held(
            policy=trust(),
            allowed=[BY_MAIN.having(SUBJECT, subject) for subject in (OF_NAMES, OF_IDS)],
            denied=[*beside_main(OF_NAMES), *beside_main(OF_IDS)],
        ),
        "trust-with-ids": Held(
            policy=trust(ids=IDS),
            allowed=[BY_MAIN.having(SUBJECT, subject) for subject in (OF_NAMES, OF_IDS)],
            denied=[*beside_main(OF_IDS), BY_MAIN.having(SUBJECT, OF_IDS.replace("@456789", "@456780"))],
        ),
    }


def decisions(cases: Sequence[dict[str, Any]], folder: Path) -> list[list[str]]:
    """The simulator's decision on each question of each case."""
    file = folder / "cases.json"
    file.write_text(json.dumps(cases), encoding="utf-8")
    found: list[list[str]] = json.loads(node("simulate_iam.mjs", str(file), folder=folder))
    return found


def shown(item: Authorization) -> str:
    context = {key: value for key, value in item.context.items() if "cmlkit:" not in key or "repository" in key}
    return f"{item.action} {item.resource} {context}"


NAMES = [
    "launcher",
    "doctor",
    "reaper",
    "scheduler-role",
    "own-key",
    "checkpoints",
    "instance",
    "connect",
    "trust",
    "trust-with-ids",
]


def test_every_policy_of_the_page_is_held_to_its_calls() -> None:
    assert {file.stem for file in POLICIES.glob("*.json")} == {*NAMES} - {"trust", "trust-with-ids"}


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_allows_every_call_and_none_of_its_neighbours(
    name: str, held: dict[str, Held], tmp_path: Path
) -> None:
    it = held[name]
    [found] = decisions([it.asked(it.policy)], tmp_path)
    number = len(it.allowed)
    assert [shown(item) for item, said in zip(it.allowed, found[:number], strict=True) if said != "Allowed"] == []
    assert [shown(item) for item, said in zip(it.denied, found[number:], strict=True) if said == "Allowed"] == []
    assert it.allowed
    assert it.denied


@pytest.mark.parametrize("name", [name for name in NAMES if name != "instance"])
def test_without_any_part_of_a_policy_a_call_is_denied_or_a_neighbour_allowed(
    name: str, held: dict[str, Held], tmp_path: Path
) -> None:
    it = held[name]
    changed = dict(weakened(it.policy))
    # Without a check of the questions it is faster, but cannot weigh a key's own policy.
    cases = [it.asked(other, known=it.trust is None) for other in (it.policy, *changed.values())]
    whole, *others = decisions(cases, tmp_path)
    found = dict(zip(changed, others, strict=True))
    assert [what for what, said in found.items() if said == whole] == []
    assert changed


def weakened(policy: Any) -> Iterator[tuple[str, Any]]:
    """Versions of a policy without one statement, action, resource or condition, and with any resource."""
    for number, statement in enumerate(policy["Statement"]):
        sid = statement["Sid"]
        yield f"{sid} taken out", with_statement(policy, number, None)
        for part in ("Action", "Resource"):
            if isinstance(listed := statement[part], list):
                for value in listed:
                    rest = [other for other in listed if other != value]
                    yield f"{sid} without {value}", with_statement(policy, number, {**statement, part: rest})
        if statement["Resource"] != "*" and sid not in NOTHING_ELSE_HAS_THE_TAG:
            yield f"{sid} for any resource", with_statement(policy, number, {**statement, "Resource": "*"})
        for condition, fewer in without_one(statement.get("Condition", {})):
            yield f"{sid} without {condition}", with_statement(policy, number, {**statement, "Condition": fewer})


def without_one(conditions: Any) -> Iterator[tuple[str, Any]]:
    """Conditions without one key, and without one of the values of a key that has several."""
    for operator, keys in conditions.items():
        for key, wanted in keys.items():
            rest = copy.deepcopy(conditions)
            del rest[operator][key]
            yield f"{operator} {key}", {name: tests for name, tests in rest.items() if tests}
            for value in wanted if isinstance(wanted, list) else []:
                rest = copy.deepcopy(conditions)
                rest[operator][key].remove(value)
                yield f"{operator} {key} {value}", rest


def with_statement(policy: Any, number: int, statement: Any) -> Any:
    statements = list(policy["Statement"])
    statements[number : number + 1] = [] if statement is None else [statement]
    return {**policy, "Statement": statements}
